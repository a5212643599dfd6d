/**
 * A spare goes through a mount once before it waits, with everything real but the kernel: code that has run is compiled and
 * in memory, and the mount that somebody waits for takes a third of the time.
 */
import { closeSync, mkdirSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { E } from '../os/errno.js'
import { IN_HEADER_SIZE, Opcode } from '../fuse/abi.js'
import type { Transport } from '../fuse/transport.js'
import { attend } from './attend.js'
import { FUSE_TYPE } from './mountinfo.js'
import type { Device } from './serve.js'
import { Starter, type Request } from './starter.js'

/** A request of the kernel: fuse_in_header and 32-bit words. Source: linux/fuse.h. */
function message(opcode: number, words: readonly number[]): Buffer {
  const bytes = Buffer.alloc(IN_HEADER_SIZE + words.length * 4)
  bytes.writeUInt32LE(bytes.length, 0)
  bytes.writeUInt32LE(opcode, 4)
  bytes.writeUInt32LE(opcode, 8)
  bytes.writeUInt32LE(1, 16)
  words.forEach((word, i) => bytes.writeUInt32LE(word, IN_HEADER_SIZE + i * 4))
  return bytes
}

/** A kernel that mounts nothing, says what a mount begins with, and unmounts. */
function pretended(): Device {
  const init = [7, 45, 0x20000, 0xffffffff, 0xffffffff, ...new Array<number>(11).fill(0)]
  const queue = [message(Opcode.INIT, init), message(Opcode.GETATTR, [0, 0, 0, 0])]
  const transport: Transport = {
    request: Buffer.alloc(8192),
    reply: Buffer.alloc(8192),
    turn: () => queue.shift()?.copy(transport.request) ?? -E.ENODEV!,
    write: () => 0,
    serve: () => -E.ENOENT!,
  }
  return {
    mount: ({ mountpoint, source }) => (
      { fd: -1, entry: { id: -1, dev: '0:0', root: '/', mountpoint, type: FUSE_TYPE, source } }
    ),
    transport: () => transport,
  }
}

function requestText(dir: string): Buffer {
  const env = Object.entries(process.env).map(([name, value]) => `env=${name}=${value}`)
  const options = `dirs=${join(dir, 'a')}=rw:${join(dir, 'b')}=ro,nowarn_perm`
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
    for (const name of ['a', 'b', 'm', 'run']) mkdirSync(join(dir, name), { recursive: true, mode: 0o700 })
    writeFileSync(join(dir, 'request'), requestText(dir))
    const script = openSync(join(dir, 'request'), 'r')
    const request = admit(script, process.pid)
    closeSync(script)
    if (request === undefined) return
    process.env['TSAUFS_RUN_DIR'] = join(dir, 'run')
    await attend({ starter: new Starter(openSync('/dev/null', 'w')), request }, pretended())
  } catch {
    // It will show when it matters.
  } finally {
    if (kept === undefined) delete process.env['TSAUFS_RUN_DIR']
    else process.env['TSAUFS_RUN_DIR'] = kept
    rmSync(dir, { recursive: true, force: true })
    // Now, not in the middle of the mount.
    globalThis.gc?.()
  }
}
