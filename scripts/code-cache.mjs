/**
 * Have V8's compiled code of the command line's bundle kept beside it (dist/lib/cli/main.bundle.cjs.cache), for starts of node that no
 * process has waited for. Made by the node that is to use it, after the addon: by `npm install` and by `npm run build`. Which functions are
 * in it is decided by what a process that waits rehearses (lib/cli/warm/rehearse.ts). Without it all works, 30 ms slower.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const self = fileURLToPath(import.meta.url)
const quick = fileURLToPath(new URL('../bin/quick.cjs', import.meta.url))
const bundle = fileURLToPath(new URL('../dist/lib/cli/main.bundle.cjs', import.meta.url))

/** In a process of its own, which rehearses and then waits for no time. */
function rehearse(dir) {
  process.argv = [process.execPath, quick, 'container-warm', '0', join(dir, 'sock'), 'none']
  const { script, heading } = createRequire(quick)(quick)
  process.once('exit', () => {
    // Whole, also after a power failure: V8 believes what has the right length.
    writeFileSync(`${bundle}.cache.new`, Buffer.concat([Buffer.from(heading()), script.createCachedData()]), { flush: true })
    renameSync(`${bundle}.cache.new`, `${bundle}.cache`)
  })
}

function main() {
  if (!existsSync(bundle)) return
  rmSync(`${bundle}.cache`, { force: true })
  const dir = mkdtempSync(join(tmpdir(), 'tsaufs-cache-'))
  // One that waits has its starter's socket there.
  const third = openSync('/dev/null', 'r')
  try {
    const { status, stderr } = spawnSync(process.execPath, [self, dir], { stdio: ['ignore', 'ignore', 'pipe', third], encoding: 'utf8', timeout: 60_000 })
    if (status !== 0) process.stderr.write(`no code cache, starts will be slower: ${stderr.trim().split('\n').find((line) => line.includes('Error')) ?? status}\n`)
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}

if (process.argv[2] === undefined) main()
else rehearse(process.argv[2])
