#!/usr/bin/env node
import { main } from '../dist/lib/cli/mount-helper.js'
await main()
