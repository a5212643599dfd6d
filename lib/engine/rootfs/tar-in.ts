/**
 * A tar stream unpacked below a directory of a root that somebody else controls: names are looked up as `Inside` does it, so nothing outside the root is
 * reached, whatever the stream or the root says.
 */
import { writeSync } from 'node:fs'
import type { Headers } from 'tar-stream'
import { E, Errno, must } from '../../os/errno.js'
import { sys, type Bytes } from '../../os/native.js'
import { S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO } from '../../os/stat.js'
import { bytesOf } from '../text.js'
import { copyEntry, makerOf, type CopyOptions } from './copy-tree.js'
import type { Inside, Place } from './inside.js'

const C = sys.constants
const NODES: Readonly<Record<string, number>> = { 'character-device': S_IFCHR, 'block-device': S_IFBLK, fifo: S_IFIFO }

/** What a header says, as bytes and numbers. */
interface Entry {
  readonly path: Bytes
  readonly link: Bytes
  readonly type: string
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly mtime: number
  readonly rdev: number
}

/** Takes entries one after the other. */
export class TarReader {
  readonly #root: Inside
  readonly #into: Bytes
  readonly #options: CopyOptions
  readonly #maker: ReturnType<typeof makerOf>
  /** Directories get their modes and times when nothing is put into them any more. */
  readonly #directories: Entry[] = []

  /** @param into a directory, there already */
  constructor(root: Inside, into: Bytes, options: CopyOptions) {
    this.#root = root
    this.#into = into
    this.#options = options
    this.#maker = makerOf(options)
  }

  /** One entry with its contents. @throws Errno; EISDIR, ENOTDIR when a directory would replace something else, or the other way round */
  async take(header: Headers, content: AsyncIterable<Uint8Array>): Promise<void> {
    const entry = read(header)
    if (entry.path === '') return drain(content)
    const place = this.#place(entry.path)
    try {
      if (entry.type === 'directory') this.#makeDirectory(place, entry)
      else await this.#make(place, entry, content)
    } finally {
      sys.close(place.dirfd)
    }
  }

  /** No more entries. */
  finish(): void {
    for (const entry of this.#directories.reverse()) {
      const place = this.#root.locate(`${this.#into}/${entry.path}`, false)
      try {
        if (place.kind === S_IFDIR) this.#dress(place, entry)
      } finally {
        sys.close(place.dirfd)
      }
    }
  }

  /** Where a name is, with the directories above it, which are made. */
  #place(path: Bytes): Place {
    const parts = path.split('/')
    const { uid, gid } = this.#maker
    for (let depth = 1; depth < parts.length; depth++) {
      const above = this.#root.locate(`${this.#into}/${parts.slice(0, depth).join('/')}`, true)
      const rc = above.kind === undefined ? sys.mkdirAs(above.dirfd, above.name, 0o755, uid, gid, 0) : 0
      sys.close(above.dirfd)
      must(rc, 'mkdir', path)
    }
    return this.#root.locate(`${this.#into}/${path}`, false)
  }

  #makeDirectory({ dirfd, name, kind }: Place, entry: Entry): void {
    if (kind === S_IFDIR) return
    if (kind !== undefined) throw new Errno(E.ENOTDIR, 'unpack', entry.path)
    must(sys.mkdirAs(dirfd, name, 0o700, this.#maker.uid, this.#maker.gid, 0), 'mkdir', entry.path)
    this.#directories.push(entry)
  }

  async #make(place: Place, entry: Entry, content: AsyncIterable<Uint8Array>): Promise<void> {
    const { dirfd, name, kind } = place
    const { path, type } = entry
    const { uid, gid } = this.#maker
    if (kind === S_IFDIR) throw new Errno(E.EISDIR, 'unpack', path)
    if (kind !== undefined) must(sys.unlinkat(dirfd, name, 0), 'unlink', path)
    if (type === 'link') {
      this.#link(place, entry)
      return drain(content)
    }
    if (type === 'symlink') must(sys.symlinkAs(entry.link, dirfd, name, uid, gid), 'symlink', path)
    else if (Object.hasOwn(NODES, type)) must(sys.mknodAs(dirfd, name, NODES[type]! | 0o600, entry.rdev, uid, gid, 0), 'mknod', path)
    else if (type === 'file' || type === 'contiguous-file') return this.#file(place, entry, content)
    else throw new Errno(E.EOPNOTSUPP, `unpack a ${type}`, path)
    this.#dress(place, entry)
    await drain(content)
  }

  async #file(place: Place, entry: Entry, content: AsyncIterable<Uint8Array>): Promise<void> {
    const { uid, gid } = this.#maker
    const fd = must(sys.createAs(place.dirfd, place.name, C['O_WRONLY']!, 0o600, uid, gid, 0), 'create', entry.path)
    try {
      for await (const part of content) for (let at = 0; at < part.length;) at += writeSync(fd, part, at)
      this.#dress({ dirfd: fd, name: '', kind: undefined }, entry)
    } finally {
      sys.close(fd)
    }
  }

  #link({ dirfd, name }: Place, { path, link }: Entry): void {
    const old = this.#root.locate(`${this.#into}/${link}`, false)
    try {
      if (old.kind === undefined || old.kind === S_IFDIR) throw new Errno(E.ENOENT, 'link', `${path} to ${link}`)
      const rc = sys.linkat(old.dirfd, old.name, dirfd, name)
      // A file system of a user namespace takes no links from us; there is no doing this as somebody else.
      if (rc === -E.EOVERFLOW) copyEntry(old.dirfd, old.name, dirfd, name, path, { archive: true, ids: { uid: same, gid: same, owner: this.#maker } })
      else must(rc, 'link', path)
    } finally {
      sys.close(old.dirfd)
    }
  }

  /** Owner before mode: chown(2) takes set-id bits away. */
  #dress({ dirfd, name }: Place, { path, type, mode, uid, gid, mtime }: Entry): void {
    const { archive, ids } = this.#options
    const owner = !archive ? ids?.owner : ids === undefined ? { uid, gid } : { uid: ids.uid(uid), gid: ids.gid(gid) }
    if (owner !== undefined) must(sys.chown(dirfd, name, owner.uid, owner.gid), 'chown', path)
    if (type !== 'symlink') must(sys.chmod(dirfd, name, mode & (archive ? 0o7777 : 0o1777)), 'chmod', path)
    must(sys.utimens(dirfd, name, mtime, 0, mtime, 0), 'utimens', path)
  }
}

const same = (id: number): number => id

async function drain(content: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const _ of content) continue
}

/** Names of pax headers are text, others bytes. @throws Errno EPERM for a name that leads upwards */
function read(header: Headers): Entry {
  const { pax = {} } = header as { readonly pax?: Readonly<Record<string, string>> | null } & Headers
  const name = pax?.['path'] === undefined ? header.name : bytesOf(header.name)
  const link = header.linkname ?? ''
  const parts = name.split('/').filter((part) => part !== '' && part !== '.')
  if (parts.includes('..')) throw new Errno(E.EPERM, 'unpack', name)
  if (name.includes('\0')) throw new Errno(E.EINVAL, 'unpack', name)
  const number = (key: string, plain: number | undefined): number => {
    const value = Number(pax?.[key] ?? plain ?? 0)
    if (!Number.isInteger(value) || value < 0 || value >= 2 ** 32 - 1) throw new Errno(E.EINVAL, `unpack ${key} of`, name)
    return value
  }
  const major = header.devmajor ?? 0
  const minor = header.devminor ?? 0
  return {
    path: parts.join('/'), link: pax?.['linkpath'] === undefined ? link : bytesOf(link), type: header.type ?? 'file', mode: header.mode ?? 0o644,
    uid: number('uid', header.uid), gid: number('gid', header.gid), mtime: Math.floor((header.mtime?.getTime() ?? 0) / 1000),
    rdev: ((minor & 0xff) | (major << 8) | ((minor & ~0xff) << 12)) >>> 0,
  }
}
