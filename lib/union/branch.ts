/**
 * One branch: an open root, what may be done on it, and the few things of ours it holds.
 *
 *     .wh..wh.work/   temporaries of copy-up and removal; there only while one is used
 *     .wh..wh.plnk/   one link per copied-up hard-link group (link-group.ts); there from the first such copy-up
 */
import { sys, type Bytes } from '../os/native.js'
import { Errno, E, must } from '../os/errno.js'
import { S_IFCHR, S_IFREG, st } from '../os/stat.js'
import type { BranchSpec, XattrClass } from '../config/config.js'
import { NO_MARKS, type DirMarks, type WhiteoutFormat } from './whiteout/format.js'
import { besideName, LINK_DIR, WORK_DIR } from './whiteout/aufs.js'
import { formats } from './whiteout/formats.js'
import { OVERLAY_SPACES, holdsWhiteoutDevice, isFileWhiteout, overlay, readMarks, setMark } from './whiteout/overlay.js'
import { fsidOf } from './ino.js'
import { Space } from './space.js'
import { readPrivate, saysDevices, xattrKeys, type XattrKeys } from './xattr-keys.js'

const C = sys.constants
const O_PATH_DIR = C['O_PATH']! | C['O_DIRECTORY']!
const LOCK_UN = 8
const LOCK_EX_NB = C['LOCK_EX']! | C['LOCK_NB']!

const redirectBuffer = Buffer.alloc(4096)

/** What a branch is opened for. */
export interface BranchUse {
  /** Nothing is written in the whole mount. */
  readonly readOnly: boolean
  /** Branches that are not written are an engine's layers, made by others. */
  readonly layers?: boolean
  /** A writable branch is for us alone. */
  readonly lock?: boolean
  readonly id?: number
  /** The same directory as it is open so far, with other permissions: it is found by that, not by its path. */
  readonly heirTo?: Branch | null
}

export class Branch {
  readonly spec: BranchSpec
  /** Its own as long as the union lasts, whatever its place. */
  readonly id: number
  /** Its place in the union's stack, 0 at the top. */
  index: number
  /** O_PATH fd of the root: in a private clone of the mount where we are allowed to make one. */
  readonly fd: number
  /** Readable fd of the root as the user sees it; on rw branches it carries the lock. */
  readonly lockFd: number
  readonly format: WhiteoutFormat
  /** What is found under a name here may be a whiteout: isWhiteout() is to be asked. */
  inPlace: boolean
  /** Directories with these marks were seen: only then are empty files, and copies without data, looked for. */
  #fileWhiteouts = false
  #overlaid = false
  #keys: XattrKeys | null = null
  readonly fsid: string
  readonly space: Space
  /** Id of the mount that `fd` is in: the branch's own, if we may clone mounts. */
  readonly mntId: number
  /** The attribute that keeps owner and mode of what is here, '' where they are the real ones (stored-stat.ts). */
  statKey: Bytes = ''
  readonly writable: boolean
  /** Whiteouts and opaque marks are looked for here. */
  readonly whiteable: boolean
  readonly icex: ReadonlySet<XattrClass>
  /** The lock is closed with this object; a successor and the one it follows have one together. */
  #ownsLock = true
  /** Our attributes are honoured here. Not on layers an engine has from others: who wrote an image must not speak for us. */
  readonly ours: boolean
  /** Of a graft (graft.ts). */
  grafted = false
  /** It was given back: nothing is written any more. */
  retired = false
  #workFd = -1
  #linkFd = -2
  #base = -1
  #baseTried = false
  #counter = 0

  /**
   * Open a branch; take the lock of a writable one.
   * @throws Errno EBUSY if another mount writes to it; what openat2(2) and statfs(2) give
   */
  constructor(spec: BranchSpec, index: number, { readOnly, layers = false, lock = true, id = index, heirTo = null }: BranchUse) {
    this.spec = spec
    this.id = id
    this.index = index
    this.writable = spec.perm === 'rw' && !readOnly
    this.whiteable = spec.perm === 'rw' || spec.wh
    this.ours = this.whiteable && (this.writable || !layers)
    this.icex = spec.icex
    this.format = formats[spec.fmt]
    this.inPlace = this.whiteable && this.format.inPlace
    this.#ownsLock = heirTo === null || !heirTo.writable || !this.writable
    this.lockFd = this.#ownsLock ? openRoot(spec.path, heirTo, this.writable && lock) : heirTo!.lockFd
    const path = heirTo === null ? spec.path : `/proc/self/fd/${this.lockFd}`
    const clone = sys.cloneMount(path, this.writable ? 0 : 1)
    this.fd = clone >= 0 ? clone : must(sys.openat(this.lockFd, '.', O_PATH_DIR, 0), 'open', spec.path)
    must(sys.statx(this.fd, ''), 'statx', spec.path)
    this.mntId = st.mntId
    this.fsid = fsidOf(this.lockFd, st.dev)
    this.space = new Space(this.fd)
    if (heirTo !== null) this.#noteMarks({ fileWhiteouts: heirTo.#fileWhiteouts, overlaid: heirTo.#overlaid })
    if (this.inPlace) this.#noteMarks(readMarks(this.fd, false))
    if (this.inPlace && spec.fmt === 'auto' && saysDevices(this.fd)) this.inPlace = false
  }

  /** This object goes on alone with what it had together with the one it follows, which is about to be closed. */
  takeOver(from: Branch): void {
    if (this.lockFd !== from.lockFd) return
    this.#ownsLock = true
    from.#ownsLock = false
  }

  /** Names of our attributes, settled once it is known which we may use. */
  get keys(): XattrKeys {
    return this.#keys ??= xattrKeys(this.format.writesInPlace)
  }

  /**
   * Is the entry `name`, which `sys.stat` describes, a whiteout in the place of what it hides?
   * @pre inPlace @throws Errno EIO, ...
   */
  isWhiteout(dirfd: number, name: Bytes): boolean {
    if (st.kind === S_IFCHR) return st.rdev === 0
    return this.#fileWhiteouts && st.kind === S_IFREG && st.size === 0 && isFileWhiteout(dirfd, name)
  }

  /** May an entry with this d_type be such a whiteout? */
  mayBeWhiteout(type: number): boolean {
    return type === S_IFCHR >> 12 || (this.#fileWhiteouts && type === S_IFREG >> 12)
  }

  /**
   * Does this branch hide `name` of the branches below by a whiteout in `dirfd`? May leave a statx in `sys.stat`.
   * @pre whiteable @throws Errno EIO, ...
   */
  isWhitedOut(dirfd: number, name: Bytes): boolean {
    if (this.format.hidesBeside(dirfd, name)) return true
    return this.inPlace && this.hidesInPlace(dirfd, name)
  }

  /** The same for a whiteout under the very name. */
  hidesInPlace(dirfd: number, name: Bytes): boolean {
    const rc = sys.statx(dirfd, name)
    if (rc < 0 && rc !== -E.ENOENT && rc !== -E.ENAMETOOLONG) throw new Errno(-rc, 'statx', name)
    return rc === 0 && this.isWhiteout(dirfd, name)
  }

  /**
   * What attributes of the open directory say of its merge: one system call, where they say nothing.
   * @pre whiteable @throws Errno EIO, ...
   */
  readMarks(fd: number): DirMarks {
    if (!this.format.attributes) {
      if (!this.ours) return NO_MARKS
      const length = readPrivate(fd, '', this.keys.redirect, redirectBuffer)
      return length === 0 ? NO_MARKS : { ...NO_MARKS, redirect: `/${redirectBuffer.toString('latin1', 0, length)}` }
    }
    const marks = readMarks(fd, this.spec.fmt === 'overlay' || this.keys.isUsers, this.keys.redirect)
    this.#noteMarks(marks)
    return marks
  }

  #noteMarks(marks: Pick<DirMarks, 'fileWhiteouts' | 'overlaid'>): void {
    if (marks.fileWhiteouts) this.#fileWhiteouts = true
    if (marks.overlaid) this.#overlaid = true
  }

  /** Is the open directory marked as opaque? @throws Errno EIO, ... */
  isOpaque(fd: number): boolean {
    return this.format.hasOpaqueEntry(fd) || (this.format.attributes && this.readMarks(fd).opaque)
  }

  /** overlayfs has written here: there may be copies of attributes alone (metacopy.ts). */
  get overlaid(): boolean {
    return this.#overlaid
  }

  /**
   * From now on character devices 0:0 are devices here and no whiteouts: one is about to be made.
   * @throws Errno EPERM where there are such whiteouts already, or this cannot be noted down
   */
  keepDevices(): void {
    if (!this.inPlace) return
    if (this.spec.fmt !== 'auto' || holdsWhiteoutDevice(this.fd)) throw new Errno(E.EPERM, 'mknodat', this.spec.path)
    if (sys.setxattr(this.fd, '', this.keys.devices, Buffer.from('y'), 0) < 0) throw new Errno(E.EPERM, 'mknodat', this.spec.path)
    this.inPlace = false
  }

  /** Record that the open directory goes on below at `path`, from the root of the branches below. @returns 0 or -errno */
  setRedirect(fd: number, path: Bytes): number {
    if (this.format.writesInPlace) return setMark(fd, 'redirect', `/${path}`)
    return sys.setxattr(fd, '', this.keys.redirect, Buffer.from(path, 'latin1'), 0)
  }

  /** The open directory is where it is on every branch. */
  clearRedirect(fd: number): void {
    sys.removexattr(fd, '', this.keys.redirect)
    for (const space of OVERLAY_SPACES) sys.removexattr(fd, '', `${space}redirect`)
  }

  /**
   * Find out whether overlayfs's form can be written here.
   * @throws Errno EINVAL, EOPNOTSUPP, ... of a file system without RENAME_WHITEOUT or attributes
   */
  tryInPlace(): void {
    const [name, moved] = [this.temp(), this.temp()]
    try {
      const work = this.work()
      must(setMark(work, 'opaque', 'y'), 'setxattr', this.spec.path)
      must(sys.mkdirat(work, name, 0o700), 'mkdirat', this.spec.path)
      const rc = sys.renameat2(work, name, work, moved, C['RENAME_WHITEOUT']!)
      sys.unlinkat(work, rc < 0 ? name : moved, C['AT_REMOVEDIR']!)
      if (rc === 0) sys.unlinkat(work, name, 0)
      must(rc, 'renameat2 RENAME_WHITEOUT', this.spec.path)
    } finally {
      this.endWork()
    }
  }

  /** A name for a temporary in the directory of what it is to replace. */
  tempBeside(): Bytes {
    return besideName(++this.#counter)
  }

  /** Directory for temporaries, made on demand; `endWork` removes it. @throws Errno */
  work(): number {
    if (this.#workFd >= 0) return this.#workFd
    const rc = sys.mkdirat(this.fd, WORK_DIR, 0o700)
    if (rc < 0 && rc !== -E.EEXIST) throw new Errno(-rc, 'mkdirat', WORK_DIR)
    this.#workFd = must(sys.openBeneath(this.fd, WORK_DIR, O_PATH_DIR), 'openat2', WORK_DIR)
    return this.#workFd
  }

  /** A name for a temporary, unique while we hold the branch's lock. */
  temp(): Bytes {
    return `t${process.pid}.${++this.#counter}`
  }

  /** The request that used the work directory is over. */
  endWork(): void {
    if (this.#workFd < 0) return
    sys.close(this.#workFd)
    this.#workFd = -1
    sys.unlinkat(this.fd, WORK_DIR, C['AT_REMOVEDIR']!)
  }

  /** The link directory, or -1 if the branch has none. @throws Errno EMFILE, EIO, ... */
  linkDir(): number {
    if (this.#linkFd !== -2) return this.#linkFd
    const fd = sys.openBeneath(this.fd, LINK_DIR, O_PATH_DIR)
    if (fd < 0 && fd !== -E.ENOENT && fd !== -E.ENOTDIR) throw new Errno(-fd, 'openat2', LINK_DIR)
    this.#linkFd = fd >= 0 ? fd : -1
    return this.#linkFd
  }

  /** The link directory, made on demand. @throws Errno */
  makeLinkDir(): number {
    if (this.linkDir() >= 0) return this.#linkFd
    const rc = sys.mkdirat(this.fd, LINK_DIR, 0o700)
    if (rc < 0 && rc !== -E.EEXIST) throw new Errno(-rc, 'mkdirat', LINK_DIR)
    this.#linkFd = must(sys.openBeneath(this.fd, LINK_DIR, O_PATH_DIR), 'openat2', LINK_DIR)
    return this.#linkFd
  }

  /**
   * Is a name hidden here by something in its place? So in overlayfs's form; and where that is read too, a name for which the other
   * form has no room.
   */
  whitesOver(name: Bytes): boolean {
    return this.format.writesInPlace || (this.inPlace && name.length > this.format.nameMax)
  }

  /** Undo `whiteOut`; -ENOENT when there is no whiteout. */
  unhide(dirfd: number, name: Bytes): number {
    return (this.whitesOver(name) ? overlay : this.format).remove(dirfd, name)
  }

  /**
   * Hide `name` on the branches below this one. ENAMETOOLONG where its whiteout cannot be written.
   * Whiteouts are links to one unnamed file, as aufs's are links to its base; `+nolwh` makes each a file of its own.
   */
  whiteOut(dirfd: number, name: Bytes): number {
    if (this.whitesOver(name)) return overlay.create(dirfd, name, -1)
    if (!this.#baseTried && !this.spec.nolwh) {
      this.#baseTried = true
      this.#newBase()
    }
    const rc = this.format.create(dirfd, name, this.#base)
    if (rc === 0 && this.#base >= 0 && sys.statx(this.#base, '') === 0 && st.nlink === 0) this.#newBase()
    return rc
  }

  #newBase(): void {
    if (this.#base >= 0) sys.close(this.#base)
    const fd = sys.tmpfile(this.fd, C['O_WRONLY']!, 0o444)
    this.#base = fd >= 0 ? fd : -1
  }

  /** Give the lock back, though the fds stay; somebody else may write here from now on. */
  unlock(): void {
    this.endWork()
    this.retired = true
    sys.flock(this.lockFd, LOCK_UN)
  }

  close(): void {
    this.endWork()
    for (const fd of [this.#base, this.#linkFd, this.fd]) if (fd >= 0) sys.close(fd)
    if (this.#ownsLock) sys.close(this.lockFd)
  }
}

/** A readable fd of a branch's root, with the lock of a writable one. */
function openRoot(path: Bytes, heirTo: Branch | null, lock: boolean): number {
  const from = heirTo === null ? -100 : heirTo.lockFd
  const fd = must(sys.openat(from, heirTo === null ? path : '.', C['O_RDONLY']! | C['O_DIRECTORY']!, 0), 'open', path)
  if (!lock || sys.flock(fd, LOCK_EX_NB) >= 0) return fd
  sys.close(fd)
  throw new Errno(E.EBUSY, 'flock', path)
}
