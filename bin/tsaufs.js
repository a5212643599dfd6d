#!/usr/bin/env node
// The bundle if it was made of the modules that are there, else the modules: scripts/bundle.mjs makes it after tsc.
import { statSync } from 'node:fs'
import { createRequire } from 'node:module'

const time = (file) => statSync(new URL(`../dist/${file}`, import.meta.url), { throwIfNoEntry: false })?.mtimeMs
const bundle = 'lib/cli/main.bundle.cjs'
if ((time(bundle) ?? -1) >= (time('.tsbuildinfo') ?? 0)) createRequire(import.meta.url)(`../dist/${bundle}`)
else await import('../dist/lib/cli/main.js')
