/**
 * A subject: something that shows several directories as one, or the plain directory they are compared with.
 */
import { spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, readlinkSync, statSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { identity } from '../../helpers/identity.js'

export type SubjectName =
  | 'plain' | 'overlayfs' | 'fuse-overlayfs' | 'tsaufs-cached' | 'tsaufs-cached-reval' | 'tsaufs-cached-notify' | 'tsaufs-passthrough'
  | 'tsaufs-fuse-native'

/** One branch of a mount, top first: its directory and aufs's `perm+attributes`. */
export interface Branch {
  readonly name: string
  readonly path: string
  readonly perm: string
}

/** What is to be mounted. `scratch` is an empty directory beside the branches, on the file system of the top one. */
export interface Setup {
  readonly branches: readonly Branch[]
  readonly options: readonly string[]
  readonly mountpoint: string
  readonly scratch: string
}

export interface Mounted {
  /** Process that serves the mount, or null when it is the kernel. */
  readonly pid: number | null
  /** Unmount and wait for the process; answers what was left behind, one text each. */
  unmount(): Promise<string[]>
}

export interface Subject {
  readonly name: SubjectName
  /** How whiteouts and opaque marks lie on its branches; null for the plain directory. */
  readonly format: 'aufs' | 'overlay' | null
  /** Properties this subject is known not to keep, each with the reason; they are then not compared. */
  readonly weak: Readonly<Partial<Record<Property, string>>>
  /** Rows that it cannot express, by name, each with the reason; they are not run. */
  readonly leftOut?: ReadonlyMap<string, string>
  /** Why it cannot be tried here, or null. */
  unavailable(): Promise<string | null>
  mount(setup: Setup): Promise<Mounted>
}

/**
 * What is compared with the plain directory and before and after a remount without being asked for in a row. `specialIno`
 * is the number after a remount of what is neither file nor directory; a write to a FIFO is not told to FUSE: `fifoMtime`.
 */
export type Property = 'nlink' | 'groups' | 'ino' | 'specialIno' | 'mtime' | 'fifoMtime' | 'xattrs' | 'd_ino'

/** Run a program; answers its exit code and output. Never throws for a failing program. */
export async function runProgram(argv: readonly string[], env: Record<string, string> = {}): Promise<{ code: number; out: string; err: string }> {
  const child = spawn(argv[0]!, argv.slice(1), { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } })
  let out = ''
  let err = ''
  child.stdout.on('data', (d: Buffer) => (out += d.toString('latin1')))
  child.stderr.on('data', (d: Buffer) => (err += d.toString('latin1')))
  return new Promise((done) => {
    child.on('error', (e) => done({ code: 127, out, err: String(e) }))
    child.on('close', (code) => done({ code: code ?? 128, out, err }))
  })
}

/** Remove a tree of any depth, with directories in it that an ordinary user has closed to himself. */
export async function removeTree(path: string): Promise<void> {
  // rm(1) copes where fs.rmSync runs into PATH_MAX.
  if (identity === 'user') await runProgram(['chmod', '-R', 'u+rwX', path])
  await runProgram(['rm', '-rf', path])
}

/** Wait until `test` holds; answers whether it did within the time. */
export async function until(test: () => boolean, limitMs = 60_000): Promise<boolean> {
  const end = Date.now() + limitMs
  while (!test()) {
    if (Date.now() > end) return false
    await sleep(10)
  }
  return true
}

/** Lines of /proc/self/mountinfo for a mount point. */
export function mountsAt(mountpoint: string): string[] {
  return readFileSync('/proc/self/mountinfo', 'latin1').split('\n').filter((line) => line.split(' ')[4] === mountpoint)
}

/** Whether a process is there and not a zombie. */
export function isAlive(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) [ZX]/.test(readFileSync(`/proc/${pid}/stat`, 'latin1'))
  } catch {
    return false
  }
}

/** A process's open descriptors, and which of them are regular files that have no name any more. */
export interface OpenFiles {
  readonly count: number
  readonly nameless: readonly string[]
}

/**
 * Look at a process's open descriptors. Whether a file has a name is told by its links: `(deleted)` in the target of
 * O_TMPFILE stays when it gets one. The empty file of mode 0444 that whiteouts are links to does not count.
 */
export function openFiles(pid: number): OpenFiles {
  const dir = `/proc/${pid}/fd`
  const fds = readdirSync(dir)
  const nameless = fds.flatMap((fd) => {
    try {
      const target = readlinkSync(`${dir}/${fd}`)
      const s = statSync(`${dir}/${fd}`)
      const isBase = s.size === 0 && (s.mode & 0o7777) === 0o444
      return s.isFile() && s.nlink === 0 && !isBase && !target.startsWith('/memfd:') ? [target] : []
    } catch {
      return []
    }
  })
  return { count: fds.length, nameless }
}

function umountCommand(mountpoint: string, lazy = false): string[] {
  if (identity === 'user') return ['fusermount3', lazy ? '-uz' : '-u', mountpoint]
  return ['umount', ...(lazy ? ['-l'] : []), '-i', mountpoint]
}

/** umount(8); when it will not, abort the FUSE connection and detach. Answers what went wrong. */
export async function unmountAt(mountpoint: string): Promise<string[]> {
  const problems: string[] = []
  for (let i = 0; i < 20 && mountsAt(mountpoint).length > 0; i++) {
    const { code, err } = await runProgram(umountCommand(mountpoint))
    if (code === 0) continue
    if (i === 19) problems.push(`umount: ${err.trim()}`)
    await sleep(50)
  }
  for (const line of mountsAt(mountpoint)) {
    const abort = `/sys/fs/fuse/connections/${line.split(' ')[2]!.split(':')[1]}/abort`
    if (existsSync(abort)) writeFileSync(abort, '1')
    await runProgram(umountCommand(mountpoint, true))
  }
  return problems
}
