/**
 * `tsaufs convert --into`: a copy of a branch, under a name of its own, `DIR.tsaufs-part`, until it is finished. One that
 * was killed leaves that; the next run begins it anew.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { MountError } from '../config/mount-error.js'
import { sys, type Bytes } from '../os/native.js'
import { E } from '../os/errno.js'

const C = sys.constants
const AT_FDCWD = -100
const O_DIR = C['O_RDONLY']! | C['O_DIRECTORY']!
const PART = '.tsaufs-part'

const bytes = (path: Bytes): Buffer => Buffer.from(path, 'latin1')
const text = (path: Bytes): string => bytes(path).toString('utf8')

/** A copy that is not finished. While cp(1) is at work it has the directory locked, as it may outlive us; then convert() has. */
export class PartialCopy {
  readonly path: Bytes
  readonly #into: Bytes

  /**
   * Copy everything of a branch.
   * @throws MountError EEXIST if `into` is there, EBUSY if another process copies to it, EIO if cp(1) fails
   */
  constructor(source: Bytes, into: Bytes) {
    this.#into = into
    this.path = `${into}${PART}`
    if (existsSync(bytes(into))) throw this.#refusal('EEXIST', 'it is there already; give another name')
    this.#clear()
    mkdirSync(bytes(this.path))
    const lock = this.#open()
    const words = ['-dR', '--reflink=auto', '--preserve=mode,ownership,timestamps,links,xattr', '--', `${text(source)}/.`, text(this.path)]
    const { status, stderr } = spawnSync('cp', words, { stdio: ['ignore', 'ignore', 'pipe', lock] })
    sys.close(lock)
    if (status === 0) return
    this.abandon()
    throw this.#refusal('EIO', `cp: ${stderr.toString('latin1').trim().split('\n')[0] ?? 'failed'}`)
  }

  /** It is what was wanted. */
  finish(): void {
    renameSync(bytes(this.path), bytes(this.#into))
  }

  /** It will not become that. */
  abandon(): void {
    rmSync(bytes(this.path), { recursive: true, force: true })
  }

  /** Remove what a run that was killed has left. */
  #clear(): void {
    if (!existsSync(bytes(this.path))) return
    const fd = this.#open()
    rmSync(bytes(this.path), { recursive: true })
    sys.close(fd)
  }

  /** @throws MountError EBUSY */
  #open(): number {
    const fd = sys.openat(AT_FDCWD, this.path, O_DIR, 0)
    const rc = fd < 0 ? fd : sys.flock(fd, C['LOCK_EX']! | C['LOCK_NB']!)
    if (rc >= 0) return fd
    if (fd >= 0) sys.close(fd)
    if (rc === -E.EAGAIN || rc === -E.EBUSY) throw this.#refusal('EBUSY', `${this.path} is still being written; wait for that to end`)
    throw this.#refusal('EIO', `${this.path} cannot be used; remove it`)
  }

  #refusal(code: string, advice: string): MountError {
    return new MountError(`convert --into ${this.#into}`, code, advice, 1)
  }
}
