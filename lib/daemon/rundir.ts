/**
 * What is known of live mounts, as files:
 *
 * ```
 * /run/tsaufs/si_<16 hex>/   TSAUFS_RUN_DIR instead of /run/tsaufs; for users $XDG_RUNTIME_DIR/tsaufs or /tmp/tsaufs-UID
 *   br0 br1 ...              PATH=perm+attrs, as aufs shows in sysfs; read anew, they are always the present stack
 *   brid0 brid1 ...          the branch's id, which stays its own when its place changes
 *   mountpoint               path
 *   dev                      major:minor of the mount
 *   pid                      the daemon, which holds a flock(2) on this file as long as it lives
 *   start                    its start time, to tell it from a later process with that number
 *   control.sock             control.ts
 *   beside.sock              beside.ts
 * ```
 *
 * A directory whose daemon is gone is stale; every mount and every list sweeps them out.
 */
import {
  accessSync, closeSync, constants, linkSync, lstatSync, mkdirSync, openSync, readdirSync, readFileSync, renameSync, rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { MountError } from '../config/mount-error.js'
import { formatBranch } from '../config/branches.js'
import type { BranchSpec } from '../config/config.js'
import { must } from '../os/errno.js'
import { sys, type Bytes } from '../os/native.js'
import { startTime, userOutside } from './process-id.js'

/** A branch as it is served now. */
export interface LiveBranch {
  readonly id: number
  readonly spec: BranchSpec
}

/** A live mount as its directory tells it. */
export interface MountRecord {
  /** `si_<16 hex>`. */
  readonly id: string
  readonly dir: string
  readonly mountpoint: Bytes
  readonly dev: string
  readonly pid: number
  readonly start: string
  /** `PATH=perm+attrs`, top first. */
  readonly branches: readonly string[]
}

/** sun_path of unix(7), without its NUL. */
export const SOCKET_PATH_MAX = 107

const AT_FDCWD = -100
const LOCK_SH_NB = 1 | 4
const LOCK_EX_NB = 2 | 4

/** Second names of sockets beside the directories begin like this (beside.ts). */
export const BESIDE = '.beside.'

const RECORD = /^si_[0-9a-f]{16}$/

/** Directories where mounts that the caller can see may be recorded, the caller's own first. They need not exist. */
export function runRoots(): string[] {
  const given = process.env['TSAUFS_RUN_DIR']
  if (given !== undefined && given !== '') return [given]
  const uid = process.geteuid?.() ?? 0
  const runtime = process.env['XDG_RUNTIME_DIR']
  const own = [`/tmp/tsaufs-${userOutside(uid)}`]
  if (runtime !== undefined && runtime !== '') own.unshift(join(runtime, 'tsaufs'))
  return uid === 0 ? ['/run/tsaufs', ...own] : [...own, '/run/tsaufs']
}

/** The root for a new record: the first of ours that can be written, made if need be. @throws MountError when none can */
function writableRoot(): string {
  const problems: string[] = []
  for (const root of runRoots()) {
    try {
      mkdirSync(root, { recursive: true, mode: root.startsWith('/run/') ? 0o755 : 0o700 })
      const stat = lstatSync(root)
      // In /tmp anybody could have made it first, and would then own the control sockets' names.
      if (!stat.isDirectory() || stat.uid !== process.geteuid?.() || (stat.mode & 0o022) !== 0) {
        problems.push(`${root} belongs to somebody else`)
        continue
      }
      accessSync(root, constants.W_OK)
      return root
    } catch (error) {
      problems.push(`${root}: ${(error as NodeJS.ErrnoException).code}`)
    }
  }
  throw new MountError('state directory', 'EACCES', `none can be written (${problems.join('; ')}); set TSAUFS_RUN_DIR`)
}

/** Eight digits. Nobody is kept out by them, they only have to differ. */
function randomHex(): string {
  return Math.floor(Math.random() * 2 ** 32).toString(16).padStart(8, '0')
}

/** The record of the mount that this process serves. */
export class RunDir {
  readonly path: string
  readonly #staging: string
  #lock = -1

  /** Make the directory, under a name that no reader looks at. @throws MountError when there is no place for it */
  constructor() {
    const id = `si_${randomHex()}${randomHex()}`
    const root = writableRoot()
    this.path = join(root, id)
    this.#staging = join(root, `.${id}.${process.pid}`)
    if (Buffer.byteLength(this.socket) > SOCKET_PATH_MAX) {
      throw new MountError(
        `state directory ${root}`,
        'ENAMETOOLONG',
        `a socket in it has a path of more than ${SOCKET_PATH_MAX} bytes; set TSAUFS_RUN_DIR`,
      )
    }
    mkdirSync(this.#staging, { mode: 0o755 })
  }

  /** Where the control socket is made; `publish` moves it along. */
  get socket(): string {
    return join(this.#staging, 'control.sock')
  }

  /** Write the record and let readers see it, whole. */
  publish(mountpoint: Bytes, dev: string, branches: readonly LiveBranch[]): void {
    this.#write('mountpoint', mountpoint)
    this.#write('dev', dev)
    this.#write('pid', String(process.pid))
    // Held until the end, however it comes about. Unlike a pid it means the same in every pid namespace.
    this.#lock = openSync(join(this.#staging, 'pid'), 'r')
    sys.flock(this.#lock, LOCK_EX_NB)
    this.#write('start', startTime(process.pid) ?? '0')
    this.#writeBranches(branches)
    renameSync(this.#staging, this.path)
  }

  /** The branches have changed: a directory with the same files and the new branches takes the place of the old one. */
  update(branches: readonly LiveBranch[]): void {
    rmSync(this.#staging, { recursive: true, force: true })
    mkdirSync(this.#staging, { mode: 0o755 })
    for (const name of readdirSync(this.path)) {
      if (!/^br(id)?\d+$/.test(name)) linkSync(join(this.path, name), join(this.#staging, name))
    }
    this.#writeBranches(branches)
    const [fresh, present] = [this.#staging, this.path].map((path) => Buffer.from(path).toString('latin1')) as [Bytes, Bytes]
    must(sys.renameat2(AT_FDCWD, fresh, AT_FDCWD, present, sys.constants['RENAME_EXCHANGE']!), 'renameat2', present)
    rmSync(this.#staging, { recursive: true, force: true })
  }

  #writeBranches(branches: readonly LiveBranch[]): void {
    for (const [i, branch] of branches.entries()) {
      this.#write(`br${i}`, formatBranch(branch.spec))
      this.#write(`brid${i}`, String(branch.id))
    }
  }

  /** Take the record away, published or not. */
  remove(): void {
    for (const dir of [this.#staging, this.path]) rmSync(dir, { recursive: true, force: true })
    if (this.#lock >= 0) closeSync(this.#lock)
    this.#lock = -1
  }

  #write(name: string, text: string): void {
    writeFileSync(join(this.#staging, name), `${text}\n`, { mode: 0o644, encoding: 'latin1' })
  }
}

function readRecord(root: string, id: string): MountRecord | undefined {
  const dir = join(root, id)
  const read = (name: string): string => readFileSync(join(dir, name), 'latin1').replace(/\n$/, '')
  const inode = (): number => lstatSync(dir).ino
  try {
    const before = inode()
    const branches: string[] = []
    for (const name of readdirSync(dir)) {
      const index = /^br(\d+)$/.exec(name)?.[1]
      if (index !== undefined) branches[Number(index)] = read(name)
    }
    const pid = Number(read('pid'))
    // Another directory has taken its place meanwhile: what was read may be of both.
    if (inode() !== before) return readRecord(root, id)
    return { id, dir, mountpoint: read('mountpoint'), dev: read('dev'), pid, start: read('start'), branches }
  } catch {
    return undefined
  }
}

/** Whether the daemon of a record lives: it holds the lock of its pid file. */
export function isAlive(record: MountRecord): boolean {
  let fd: number
  try {
    fd = openSync(join(record.dir, 'pid'), 'r')
  } catch {
    return false
  }
  const locked = sys.flock(fd, LOCK_SH_NB) < 0
  closeSync(fd)
  return locked
}

/** All live mounts that can be seen, by mount point; stale records of ours are swept out on the way. */
export function liveMounts(): MountRecord[] {
  const live: MountRecord[] = []
  for (const root of runRoots()) {
    let names: string[]
    try {
      names = readdirSync(root)
    } catch {
      continue
    }
    for (const name of names) {
      const record = RECORD.test(name) ? readRecord(root, name) : undefined
      if (record !== undefined && isAlive(record)) live.push(record)
      else if (record !== undefined || isLeftover(name)) sweep(join(root, name))
    }
    for (const path of recordless(names.filter((name) => name.startsWith(BESIDE)).map((name) => join(root, name)))) sweep(path)
  }
  return live.sort((a, b) => (a.mountpoint < b.mountpoint ? -1 : 1))
}

/** A record that was being written when its daemon died. */
function isLeftover(name: string): boolean {
  const pid = /^\.si_[0-9a-f]{16}\.(\d+)$/.exec(name)?.[1]
  return pid !== undefined && startTime(Number(pid)) === undefined
}

/** Those of the second names of sockets whose first one, in a record, is gone: the file has no more names than are here. */
function recordless(paths: readonly string[]): string[] {
  const found = paths.map((path) => ({ path, stat: lstatSync(path, { throwIfNoEntry: false }) }))
  return found.flatMap(({ path, stat }) => {
    const here = found.filter((other) => other.stat !== undefined && other.stat.ino === stat?.ino)
    return stat !== undefined && stat.nlink <= here.length ? [path] : []
  })
}

/** Remove a stale directory or socket; another user's stays, its owner sweeps it. */
function sweep(dir: string): void {
  try {
    rmSync(dir, { recursive: true, force: true })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code !== 'EACCES' && code !== 'EPERM' && code !== 'EROFS') throw error
  }
}

/** The live mount with this device, or undefined. */
export function findMount(dev: string): MountRecord | undefined {
  return liveMounts().find((record) => record.dev === dev)
}
