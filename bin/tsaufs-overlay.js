#!/usr/bin/env node
import { main } from '../dist/lib/cli/overlay.js'
await main()
