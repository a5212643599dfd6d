/**
 * A spare goes through some mounts before it waits, with everything real but the kernel: code that has run is compiled and
 * in memory. The mount that somebody waits for takes a third of the time, and so do the first thousand requests to it.
 */
import { closeSync, mkdirSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { sys } from '../os/native.js'
import { attend } from './attend.js'
import { pretended } from './pretended.js'
import { Starter, type Request } from './starter.js'

/** How many mounts. */
const TIMES = 3
/** Files of the lower branch; all but the first are copied up in each rehearsal. */
const FILES = Array.from({ length: 40 }, (_, i) => `file${i}`)

function requestText(dir: string): Buffer {
  const env = Object.entries(process.env).map(([name, value]) => `env=${name}=${value}`)
  const options = `dirs=${join(dir, 'a')}=rw:${join(dir, 'b')}=ro,nowarn_perm,udba=none`
  const fields = [
    'letters=v', `options=${options}`, 'source=none', `mountpoint=${join(dir, 'm')}`, `cwd=${dir}`, 'umask=22', ...env,
  ]
  return Buffer.from(fields.map((field) => `${field}\0`).join(''))
}

/**
 * Rehearse in the directory `dir`, which is made and removed. What goes wrong there has no consequence but a slower mount.
 * @param admit takes the request as it would be taken from the process `pid`
 */
export async function rehearse(dir: string, admit: (socket: number, pid: number) => Request | undefined): Promise<void> {
  const kept = process.env['TSAUFS_RUN_DIR']
  try {
    for (const name of ['a', 'b/d', 'm', 'run']) mkdirSync(join(dir, name), { recursive: true, mode: 0o700 })
    for (const name of FILES) writeFileSync(join(dir, 'b/d', name), name)
    process.env['TSAUFS_RUN_DIR'] = join(dir, 'run')
    writeFileSync(join(dir, 'request'), requestText(dir))
    for (let i = 0; i < TIMES; i++) {
      const script = openSync(join(dir, 'request'), 'r')
      const request = admit(script, process.pid)
      closeSync(script)
      if (request === undefined) return
      await attend({ starter: new Starter(openSync('/dev/null', 'w')), request }, pretended(FILES))
    }
  } catch {
    // It will show when it matters.
  } finally {
    if (kept === undefined) delete process.env['TSAUFS_RUN_DIR']
    else process.env['TSAUFS_RUN_DIR'] = kept
    rmSync(dir, { recursive: true, force: true })
    // Now, not in the middle of the mount.
    globalThis.gc?.()
    // What V8 compiled with.
    sys.trimMemory()
  }
}
