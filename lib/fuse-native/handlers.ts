/**
 * What fuse-native calls, in the words of the protocol. Each handler walks its path, asks, and answers 0, a count, or -errno.
 * Source: the package's README; fuse.h of libfuse 2.9.
 */
import { Fattr, Opcode } from '../fuse/abi.js'
import { DATA_MAX, Gone, bytesOf, fields, names, Refusal, setU64, textOf, type Wire } from './wire.js'
import { shortIno, Walk, type Stat } from './walk.js'

/** The end of a call; `rc` is 0, a count of bytes, or -errno. */
export type Done = (rc: number, ...results: readonly unknown[]) => void

/** A handler: its arguments, the last of them a Done. */
export type Handler = (...args: never[]) => void

const ID_KEPT = 0xffffffff
const DIRENT_SIZE = 24
/** Bits of the data part in fuse_fsync_in. */
const DATA_ONLY = 1
const MAX_U32 = 0xffffffff
const EIO = -5
const ENOSYS = -38
/** The longest value of an extended attribute. */
const XATTR_MAX = 64 * 1024

/** An open file: a lookup that is kept, and the server's handle if it has any. */
interface Handle {
  readonly node: number
  readonly fh: Buffer | null
}

/** u64 handle (8 bytes) into a structure. */
function withHandle(handle: Handle, body: Buffer): Buffer {
  handle.fh?.copy(body)
  return body
}

/** `length` as milliseconds: whole seconds and nanoseconds of SETATTR's three times. */
function putTime(body: Buffer, sec: number, nsec: number, ms: number): void {
  setU64(body, sec, Math.floor(ms / 1000))
  body.writeUInt32LE((ms % 1000) * 1e6, nsec * 4)
}

/** Handlers that answer over `wire`. @param ended is called when there is nobody to ask any more */
export function handlers(wire: Wire, ended: () => void): Readonly<Record<string, Handler>> {
  const open = new Map<number, Handle>()
  let lastHandle = 0

  /** Run `work` and tell `done` its result: a number, or 0 and what there is beside it. */
  const run = (done: Done, work: (walk: Walk) => number | readonly unknown[] | void): void => {
    const walk = new Walk(wire)
    let answer: readonly unknown[]
    try {
      const result = work(walk) ?? 0
      answer = typeof result === 'number' ? [result] : [0, ...result]
      walk.end()
    } catch (error) {
      if (error instanceof Gone) ended()
      else if (error instanceof Refusal) walk.end()
      else throw error
      answer = [error instanceof Refusal ? error.rc : EIO]
    }
    const [rc, ...results] = answer
    done(rc as number, ...results)
  }

  const setattr = (done: Done, path: string, valid: number, fill: (body: Buffer) => void): void => run(done, (walk) => {
    const body = fields(88, { 0: valid })
    fill(body)
    wire.call(Opcode.SETATTR, walk.node(path), body)
  })

  const make = (done: Done, opcode: number, path: string, head: Buffer, ...more: readonly string[]): void => run(done, (walk) => {
    const { dir, name } = walk.parent(path)
    walk.make(opcode, dir, head, names(name, ...more))
  })

  const remove = (done: Done, opcode: number, path: string): void => run(done, (walk) => {
    const { dir, name } = walk.parent(path)
    wire.call(opcode, dir, names(name))
  })

  return {
    getattr: (path: string, done: Done) => run(done, (walk) => [walk.stat(path)]),
    readlink: (path: string, done: Done) => run(done, (walk) => [textOf(wire.call(Opcode.READLINK, walk.node(path)))]),
    readdir: (path: string, done: Done) => run(done, (walk) => list(wire, walk.node(path))),
    mknod: (path: string, mode: number, dev: number, done: Done) => make(done, Opcode.MKNOD, path, fields(16, { 0: mode, 1: dev })),
    mkdir: (path: string, mode: number, done: Done) => make(done, Opcode.MKDIR, path, fields(8, { 0: mode })),
    symlink: (target: string, path: string, done: Done) => make(done, Opcode.SYMLINK, path, fields(0), bytesOf(target)),
    link: (from: string, path: string, done: Done) => run(done, (walk) => {
      const { dir, name } = walk.parent(path)
      walk.make(Opcode.LINK, dir, setU64(fields(8), 0, walk.node(from)), names(name))
    }),
    unlink: (path: string, done: Done) => remove(done, Opcode.UNLINK, path),
    rmdir: (path: string, done: Done) => remove(done, Opcode.RMDIR, path),
    rename: (from: string, to: string, done: Done) => run(done, (walk) => {
      const source = walk.parent(from)
      const target = walk.parent(to)
      wire.call(Opcode.RENAME, source.dir, setU64(fields(8), 0, target.dir), names(source.name, target.name))
    }),
    chmod: (path: string, mode: number, done: Done) => setattr(done, path, Fattr.MODE, (body) => body.writeUInt32LE(mode, 68)),
    chown: (path: string, uid: number, gid: number, done: Done) => {
      const valid = (uid === ID_KEPT ? 0 : Fattr.UID) | (gid === ID_KEPT ? 0 : Fattr.GID)
      setattr(done, path, valid, (body) => { body.writeUInt32LE(uid, 76); body.writeUInt32LE(gid, 80) })
    },
    truncate: (path: string, size: number, done: Done) => setattr(done, path, Fattr.SIZE, (body) => setU64(body, 4, size)),
    ftruncate: (_path: string, fd: number, size: number, done: Done) => run(done, () => {
      wire.call(Opcode.SETATTR, opened(fd).node, setU64(fields(88, { 0: Fattr.SIZE }), 4, size))
    }),
    utimens: (path: string, atime: number, mtime: number, done: Done) => setattr(done, path, Fattr.ATIME | Fattr.MTIME, (body) => {
      putTime(body, 8, 14, atime)
      putTime(body, 10, 15, mtime)
    }),
    open: (path: string, flags: number, done: Done) => run(done, (walk) => {
      const node = walk.node(path)
      const fh = openFile(node, flags)
      walk.keep(node)
      do lastHandle = lastHandle % 0x7fffffff + 1
      while (open.has(lastHandle))
      open.set(lastHandle, { node, fh })
      return [lastHandle]
    }),
    release: (_path: string, fd: number, done: Done) => run(done, () => {
      const handle = opened(fd)
      open.delete(fd)
      if (handle.fh !== null) wire.call(Opcode.RELEASE, handle.node, withHandle(handle, fields(24)))
      wire.forget([handle.node])
    }),
    read: (_path: string, fd: number, out: Buffer, length: number, from: number, done: Done) => run(done, () => {
      const handle = opened(fd)
      let at = 0
      while (at < length) {
        const size = Math.min(length - at, DATA_MAX)
        const data = wire.call(Opcode.READ, handle.node, withHandle(handle, setU64(fields(40, { 4: size }), 2, from + at)))
        data.copy(out, at)
        at += data.length
        if (data.length < size) break
      }
      return at
    }),
    write: (_path: string, fd: number, data: Buffer, length: number, from: number, done: Done) => run(done, () => {
      const handle = opened(fd)
      let at = 0
      while (at < length) {
        const size = Math.min(length - at, DATA_MAX)
        const head = withHandle(handle, setU64(fields(40, { 4: size }), 2, from + at))
        const written = wire.call(Opcode.WRITE, handle.node, head, data.subarray(at, at + size)).readUInt32LE(0)
        at += written
        if (written < size) break
      }
      return at
    }),
    fsync: (_path: string, dataOnly: number, fd: number, done: Done) => run(done, () => {
      const handle = opened(fd)
      wire.call(Opcode.FSYNC, handle.node, withHandle(handle, fields(16, { 2: dataOnly === 0 ? 0 : DATA_ONLY })))
    }),
    fsyncdir: (path: string, dataOnly: number, _fd: number, done: Done) => run(done, (walk) => {
      wire.call(Opcode.FSYNCDIR, walk.node(path), fields(16, { 2: dataOnly === 0 ? 0 : DATA_ONLY }))
    }),
    setxattr: (path: string, key: string, value: Buffer, _position: number, flags: number, done: Done) => run(done, (walk) => {
      wire.call(Opcode.SETXATTR, walk.node(path), fields(8, { 0: value.length, 1: flags }), names(bytesOf(key)), value)
    }),
    getxattr: (path: string, key: string, _position: number, done: Done) => run(done, (walk) => [
      Buffer.from(wire.call(Opcode.GETXATTR, walk.node(path), fields(8, { 0: XATTR_MAX }), names(bytesOf(key)))),
    ]),
    listxattr: (path: string, done: Done) => run(done, (walk) => [
      textOf(wire.call(Opcode.LISTXATTR, walk.node(path), fields(8, { 0: XATTR_MAX }))).split('\0').slice(0, -1),
    ]),
    removexattr: (path: string, key: string, done: Done) => run(done, (walk) => {
      wire.call(Opcode.REMOVEXATTR, walk.node(path), names(bytesOf(key)))
    }),
    statfs: (path: string, done: Done) => run(done, (walk) => [statfs(wire.call(Opcode.STATFS, walk.node(path)))]),
  }

  function opened(fd: number): Handle {
    const handle = open.get(fd)
    if (handle === undefined) throw new Refusal(EIO)
    return handle
  }

  /** The server's handle, null where it wants no OPEN. */
  function openFile(node: number, flags: number): Buffer | null {
    try {
      return Buffer.from(wire.call(Opcode.OPEN, node, fields(8, { 0: flags })).subarray(0, 8))
    } catch (error) {
      if (error instanceof Refusal && error.rc === ENOSYS) return null
      throw error
    }
  }
}

/** A whole directory, names and what readdir(3) tells beside them. Source: struct fuse_dirent. */
function list(wire: Wire, node: number): [string[], Partial<Stat>[]] {
  const found: string[] = []
  const stats: Partial<Stat>[] = []
  for (let offset = 0; ;) {
    const page = wire.call(Opcode.READDIR, node, setU64(fields(40, { 4: DATA_MAX }), 2, offset))
    if (page.length === 0) return [found, stats]
    for (let at = 0; at < page.length;) {
      const end = at + DIRENT_SIZE + page.readUInt32LE(at + 16)
      offset = Number(page.readBigUInt64LE(at + 8))
      found.push(textOf(page.subarray(at + DIRENT_SIZE, end)))
      stats.push({ ino: shortIno(page, at), mode: page.readUInt32LE(at + 20) << 12 })
      at = (end + 7) & ~7
    }
  }
}

/** struct fuse_kstatfs in fuse-native's words. */
function statfs(reply: Buffer): Record<string, number> {
  const [blocks, bfree, bavail, files, ffree] = [0, 8, 16, 24, 32].map((at) => Math.min(Number(reply.readBigUInt64LE(at)), MAX_U32))
  return {
    blocks: blocks!, bfree: bfree!, bavail: bavail!, files: files!, ffree: ffree!, favail: ffree!,
    bsize: reply.readUInt32LE(40), namemax: reply.readUInt32LE(44), frsize: reply.readUInt32LE(48),
  }
}
