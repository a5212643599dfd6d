#!/usr/bin/env node
import { main } from '../dist/lib/cli/program.js'
await main()
