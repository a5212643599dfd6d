/**
 * A kernel that mounts nothing: it agrees on the protocol, has every kind of change made some hundred times, and unmounts.
 * For the rehearsal of a spare (rehearse.ts): V8 compiles what has run often, and the first thousand requests of a mount
 * otherwise take three times as long as later ones.
 */
import { E } from '../os/errno.js'
import { IN_HEADER_SIZE, Opcode, OUT_HEADER_SIZE, ROOT_ID } from '../fuse/abi.js'
import type { Transport } from '../fuse/transport.js'
import { wordsOver, writeBytes } from '../fuse/words.js'
import { FUSE_TYPE } from './mountinfo.js'
import type { Device } from './serve.js'

/** Room for a request, and for a reply to READDIRPLUS. */
const BUFFER_SIZE = 16384
const LIST_SIZE = 4096
const UMASK = 0o22
const ROUNDS = 250

const request = Buffer.alloc(BUFFER_SIZE)
const requestWords = wordsOver(request)
const reply = Buffer.alloc(BUFFER_SIZE)
const replyWords = wordsOver(reply)

/** A request: fuse_in_header, 32-bit words, names. @returns its length. Source: linux/fuse.h */
function ask(opcode: number, nodeid: number, words: readonly number[], ...names: readonly string[]): number {
  let length = IN_HEADER_SIZE + words.length * 4
  requestWords.set(words, IN_HEADER_SIZE >> 2)
  for (const name of names) {
    writeBytes(request, `${name}\0`, length)
    length += name.length + 1
  }
  requestWords.set([length, opcode, opcode, 0, nodeid, 0, 0, 0, process.pid, 0], 0)
  return length
}

/** The node of the reply to LOOKUP, MKDIR, MKNOD, SYMLINK. */
const node = (): number => replyWords[OUT_HEADER_SIZE >> 2]!

/** What a mount begins with. */
function* begin(): Generator<number> {
  yield ask(Opcode.INIT, 0, [7, 45, 0x20000, 0xffffffff, 0xffffffff, ...new Array<number>(11).fill(0)])
  yield ask(Opcode.GETATTR, ROOT_ID, [0, 0, 0, 0])
}

/** Changes in directory `dir`, whose lower part has `file`; what is made is removed and forgotten again. */
function* change(dir: number, file: string): Generator<number> {
  const made: number[] = []
  const getattr = [0, 0, 0, 0]
  yield ask(Opcode.LOOKUP, dir, [], 'missing')
  yield ask(Opcode.LOOKUP, dir, [], file)
  const lower = node()
  made.push(lower)
  yield ask(Opcode.GETATTR, lower, getattr)
  yield ask(Opcode.LOOKUP, dir, [], 'new')
  yield ask(Opcode.MKNOD, dir, [0o100644, 0, UMASK, 0], 'new')
  made.push(node())
  yield ask(Opcode.RENAME2, dir, [dir, 0, 0, 0], 'new', 'moved')
  yield ask(Opcode.UNLINK, dir, [], 'moved')
  yield ask(Opcode.MKDIR, dir, [0o755, UMASK], 'directory')
  made.push(node())
  yield ask(Opcode.GETATTR, dir, getattr)
  yield ask(Opcode.READDIRPLUS, node(), [0, 0, 0, 0, LIST_SIZE, 0, 0, 0, 0, 0])
  yield ask(Opcode.RMDIR, dir, [], 'directory')
  yield ask(Opcode.SYMLINK, dir, [], 'symlink', 'target')
  made.push(node())
  yield ask(Opcode.READLINK, node(), [])
  yield ask(Opcode.UNLINK, dir, [], 'symlink')
  yield ask(Opcode.READDIRPLUS, dir, [0, 0, 0, 0, LIST_SIZE, 0, 0, 0, 0, 0])
  for (const id of made) yield ask(Opcode.FORGET, id, [1, 0])
}

/** Copy a lower file up, and remove it. */
function* copyUp(dir: number, file: string): Generator<number> {
  const MODE = 1
  yield ask(Opcode.LOOKUP, dir, [], file)
  const id = node()
  yield ask(Opcode.SETATTR, id, [MODE, 0, ...new Array<number>(15).fill(0), 0o600, 0, 0, 0, 0])
  yield ask(Opcode.UNLINK, dir, [], file)
  yield ask(Opcode.FORGET, id, [1, 0])
}

/** All of it. @param files in directory `d` of a lower branch; the first stays, the others are copied up and removed */
function* script(files: readonly string[]): Generator<number> {
  yield* begin()
  yield ask(Opcode.LOOKUP, ROOT_ID, [], 'd')
  const dir = node()
  const [kept, ...others] = files
  if (kept === undefined) return
  for (let round = 0; round < ROUNDS; round++) {
    yield* change(dir, kept)
    const other = others[round]
    if (other !== undefined) yield* copyUp(dir, other)
  }
}

/** A device whose kernel asks that. @param files as `script` */
export function pretended(files: readonly string[]): Device {
  const asked = script(files)
  const transport: Transport = {
    request,
    reply,
    turn: () => (asked.next().value as number | undefined) ?? -E.ENODEV!,
    write: () => 0,
    notify: () => -E.ENODEV!,
    serve: () => -E.ENOENT!,
  }
  return {
    mount: ({ mountpoint, source }) => (
      { fd: -1, entry: { id: -1, dev: '0:0', root: '/', mountpoint, type: FUSE_TYPE, source, options: [], superOptions: [] } }
    ),
    transport: () => transport,
  }
}
