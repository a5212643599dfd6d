/**
 * One branch: an open root, what may be done on it, and the few things of ours it holds.
 *
 *     .wh..wh.work/   temporaries of copy-up and removal; there only while one is used
 *     .wh..wh.plnk/   one link per copied-up hard-link group (link-group.ts); there from the first such copy-up
 */
import { sys, type Bytes } from '../os/native.js'
import { Errno, E, must } from '../os/errno.js'
import { st } from '../os/stat.js'
import type { BranchSpec, XattrClass } from '../config/config.js'
import type { WhiteoutFormat } from './whiteout/format.js'
import { aufs, LINK_DIR, WORK_DIR } from './whiteout/aufs.js'
import { fsidOf } from './ino.js'
import { xattrKeys, type XattrKeys } from './xattr-keys.js'

const C = sys.constants
const O_PATH_DIR = C['O_PATH']! | C['O_DIRECTORY']!
const LOCK_EX_NB = C['LOCK_EX']! | C['LOCK_NB']!

export class Branch {
  readonly spec: BranchSpec
  index: number
  /** O_PATH fd of the root: in a private clone of the mount where we are allowed to make one. */
  readonly fd: number
  /** Readable fd of the root as the user sees it; on rw branches it carries the lock. */
  readonly lockFd: number
  readonly format: WhiteoutFormat = aufs
  #keys: XattrKeys | null = null
  readonly fsid: string
  readonly writable: boolean
  /** Whiteouts and opaque marks are looked for here. */
  readonly whiteable: boolean
  readonly icex: ReadonlySet<XattrClass>
  /** Directories here may carry a redirect: we write them on rw branches, and layers were rw branches once. */
  readonly mayRedirect: boolean
  #workFd = -1
  #linkFd = -2
  #base = -1
  #baseTried = false
  #counter = 0

  /**
   * Open a branch; take the lock of a writable one.
   * @throws Errno EBUSY if another mount writes to it; what openat2(2) and statfs(2) give
   */
  constructor(spec: BranchSpec, index: number, readOnlyMount: boolean) {
    this.spec = spec
    this.index = index
    this.writable = spec.perm === 'rw' && !readOnlyMount
    this.whiteable = spec.perm === 'rw' || spec.wh
    this.icex = spec.icex
    this.mayRedirect = this.whiteable
    this.lockFd = must(sys.openat(-100, spec.path, C['O_RDONLY']! | C['O_DIRECTORY']!, 0), 'open', spec.path)
    if (this.writable && sys.flock(this.lockFd, LOCK_EX_NB) < 0) {
      sys.close(this.lockFd)
      throw new Errno(E.EBUSY, 'flock', spec.path)
    }
    const clone = sys.cloneMount(spec.path, this.writable ? 0 : 1)
    this.fd = clone >= 0 ? clone : must(sys.openat(this.lockFd, '.', O_PATH_DIR, 0), 'open', spec.path)
    must(sys.statx(this.fd, ''), 'statx', spec.path)
    this.fsid = fsidOf(this.lockFd, st.dev)
  }

  /** Names of our attributes, settled once it is known which we may use. */
  get keys(): XattrKeys {
    return this.#keys ??= xattrKeys()
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
   * Hide `name` on the branches below this one.
   * Whiteouts are links to one unnamed file, as aufs's are links to its base; `+nolwh` makes each a file of its own.
   */
  whiteOut(dirfd: number, name: Bytes): number {
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

  close(): void {
    this.endWork()
    for (const fd of [this.#base, this.#linkFd, this.fd, this.lockFd]) if (fd >= 0) sys.close(fd)
  }
}
