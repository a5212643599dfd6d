/**
 * A tree as a tar stream (ustar, pax where that is not enough). Links are not followed; hard links among what is packed stay links. Without extended
 * attributes: their bytes do not pass the library.
 */
import { readSync } from 'node:fs'
import type { Headers, Pack } from 'tar-stream'
import { E, Errno, must } from '../../os/errno.js'
import { sys, type Bytes } from '../../os/native.js'
import { S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFLNK, S_IFREG, st, takeMeta, type Meta } from '../../os/stat.js'
import { bytesOf, textOf } from '../text.js'
import type { IdShift } from './copy-tree.js'
import { readLink } from './inside.js'

const C = sys.constants
const BLOCK = 64 << 10
/** The largest that a field of ustar has room for. */
const ID_MAX = 0o777777
const KINDS: Readonly<Record<number, NonNullable<Headers['type']>>> = {
  [S_IFREG]: 'file', [S_IFDIR]: 'directory', [S_IFLNK]: 'symlink', [S_IFCHR]: 'character-device', [S_IFBLK]: 'block-device', [S_IFIFO]: 'fifo',
}

/** Puts trees into one stream, whose reader sets the pace. */
export class TarWriter {
  readonly #pack: Pack
  readonly #ids: IdShift | undefined
  /** The first name of files that have more. */
  readonly #linked = new Map<string, Bytes>()

  /** @param ids owners as they are to be told */
  constructor(pack: Pack, ids: IdShift | undefined) {
    this.#pack = pack
    this.#ids = ids
  }

  /**
   * Put the entry `(dirfd, name)` under `path`, a directory with all below. `''` is the directory itself; a path of '' is left out, what is
   * below it is not.
   * @throws Errno EILSEQ for a name that is no text
   */
  async put(dirfd: number, name: Bytes, path: Bytes): Promise<void> {
    const rc = sys.statx(dirfd, name)
    // Removed while we are at it.
    if (rc === -E.ENOENT) return
    must(rc, 'stat', path)
    const { kind, dev, ino, nlink } = st
    const meta = takeMeta()
    const type = KINDS[kind]
    if (type === undefined) return
    const key = `${dev}:${ino}`
    const first = kind !== S_IFDIR && nlink > 1 ? this.#linked.get(key) : undefined
    if (first !== undefined) return this.#entry({ ...this.#header(path, meta, 'link'), linkname: text(first), size: 0 })
    if (kind !== S_IFDIR && nlink > 1) this.#linked.set(key, path)
    if (kind === S_IFDIR) return this.#directory(dirfd, name, path, meta)
    if (kind === S_IFREG) return this.#file(dirfd, name, path, meta)
    const header = this.#header(path, meta, type)
    await this.#entry(kind === S_IFLNK ? { ...header, linkname: text(readLink(dirfd, name, path)) } : header)
  }

  async #directory(dirfd: number, name: Bytes, path: Bytes, meta: Meta): Promise<void> {
    if (path !== '') await this.#entry(this.#header(path, meta, 'directory'))
    const fd = must(sys.openat(dirfd, name === '' ? '.' : name, C['O_RDONLY']! | C['O_DIRECTORY']!, 0), 'open', path)
    try {
      const list = sys.readdir(fd)
      if (typeof list === 'number') throw new Errno(-list, 'readdir', path)
      for (const each of list.names) await this.put(fd, each, path === '' ? each : `${path}/${each}`)
    } finally {
      sys.close(fd)
    }
  }

  async #file(dirfd: number, name: Bytes, path: Bytes, meta: Meta): Promise<void> {
    const fd = must(sys.openat(dirfd, name, C['O_RDONLY']! | C['O_NONBLOCK']!, 0), 'open', path)
    try {
      must(sys.statx(fd, ''), 'stat', path)
      if (st.kind !== S_IFREG) throw new Errno(E.ESTALE, 'open', path)
      await this.#entry({ ...this.#header(path, meta, 'file'), size: meta.size }, blocks(fd, meta.size))
    } finally {
      sys.close(fd)
    }
  }

  #header(path: Bytes, meta: Meta, type: NonNullable<Headers['type']>): Headers {
    const uid = this.#ids?.uid(meta.uid) ?? meta.uid
    const gid = this.#ids?.gid(meta.gid) ?? meta.gid
    // What has no room in the header goes before it.
    const pax = uid > ID_MAX || gid > ID_MAX ? { pax: { uid: String(uid), gid: String(gid) } } : {}
    return {
      name: text(path) + (type === 'directory' ? '/' : ''), type, mode: meta.mode & 0o7777, uid, gid, size: 0, mtime: new Date(meta.mtime * 1000),
      devmajor: majorOf(meta.rdev), devminor: minorOf(meta.rdev), ...pax,
    }
  }

  /** Fulfilled when the stream has taken it. */
  #entry(header: Headers, content: Iterable<Buffer> = []): Promise<void> {
    return new Promise((resolve, reject) => {
      const sink = this.#pack.entry(header, (error) => (error ? reject(error) : resolve()))
      sink.on('error', reject)
      const parts = content[Symbol.iterator]()
      const go = (): void => {
        try {
          for (let part = parts.next(); part.done !== true; part = parts.next()) {
            if (!sink.write(part.value)) return void sink.once('drain', go)
          }
          sink.end()
        } catch (error) {
          sink.destroy(error as Error)
        }
      }
      go()
    })
  }
}

/** Exactly `size` bytes: a file that has become shorter meanwhile is filled with zeros. */
function* blocks(fd: number, size: number): Generator<Buffer> {
  for (let at = 0; at < size;) {
    const block = Buffer.alloc(Math.min(BLOCK, size - at))
    const length = readSync(fd, block, 0, block.length, at)
    const part = length === 0 ? block : block.subarray(0, length)
    yield part
    at += part.length
  }
}

function text(bytes: Bytes): string {
  const plain = textOf(bytes)
  if (bytesOf(plain) !== bytes) throw new Errno(E.EILSEQ, 'pack', bytes)
  return plain
}

/** Of the kernel's 32 bits (new_encode_dev). */
const majorOf = (rdev: number): number => (rdev >>> 8) & 0xfff
const minorOf = (rdev: number): number => (rdev & 0xff) | ((rdev >>> 12) & 0xfff00)
