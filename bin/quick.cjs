// The bundle of the command line, with what V8 has compiled of it before (scripts/code-cache.mjs) if that is of this bundle and this node.
'use strict'
const { readFileSync, statSync } = require('node:fs')
const { createRequire } = require('node:module')
const { dirname, join } = require('node:path')
const { Script } = require('node:vm')

const file = join(__dirname, '../dist/lib/cli/main.bundle.cjs')

/** What a cache begins with: V8 itself looks at its version and flags, and of the source at the length only. */
function heading() {
  const { size, mtimeMs } = statSync(file)
  return `${size} ${mtimeMs} ${process.version} ${process.arch}\n`
}

function cachedData() {
  try {
    const [data, name] = [readFileSync(`${file}.cache`), heading()]
    return data.toString('latin1', 0, name.length) === name ? data.subarray(name.length) : undefined
  } catch {
    return undefined
  }
}

// esbuild writes ASCII.
const source = `(function (exports, require, module, __filename, __dirname) {${readFileSync(file, 'latin1')}\n})`
const script = new Script(source, { filename: file, cachedData: cachedData() })
const bundle = { exports: {} }
script.runInThisContext()(bundle.exports, createRequire(file), bundle, file, dirname(file))
module.exports = { script, heading }
