/**
 * Build the native addon: build/Release/tsaufs.node (with `--debug`: build/Debug/tsaufs.node).
 *
 * node-gyp wants the headers of the running node and would download them. Distributions and the official archives
 * have them beside the binary, so those are used when they are there; otherwise node-gyp does as it always does.
 */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..')

/** Our own node-gyp; else the one npm brings to install scripts. */
function findNodeGyp() {
  try {
    return createRequire(join(root, 'package.json')).resolve('node-gyp/bin/node-gyp.js')
  } catch {
    return process.env.npm_config_node_gyp
  }
}

const nodeGyp = findNodeGyp()
if (nodeGyp === undefined) {
  console.error('build-native: node-gyp not found: run "npm install" first')
  process.exit(1)
}
const args = [nodeGyp, 'rebuild', ...process.argv.slice(2)]
const prefix = resolve(dirname(process.execPath), '..')
if (existsSync(join(prefix, 'include/node/node_api.h'))) args.push(`--nodedir=${prefix}`)

const { status, error } = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' })
if (error !== undefined) console.error(`build-native: ${error.message}`)
process.exit(status ?? 1)
