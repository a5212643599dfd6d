/**
 * A subject: something that shows several directories as one, or the plain directory they are compared with.
 */
import { spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

export type SubjectName =
  | 'plain' | 'overlayfs' | 'fuse-overlayfs' | 'tsaufs-cached' | 'tsaufs-cached-reval' | 'tsaufs-passthrough'

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
  /** Why it cannot be tried here, or null. */
  unavailable(): Promise<string | null>
  mount(setup: Setup): Promise<Mounted>
}

/** What is compared with the plain directory and before and after a remount without being asked for in a row. */
export type Property = 'nlink' | 'groups' | 'ino' | 'mtime' | 'xattrs' | 'd_ino'

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

/** Wait until `test` holds; answers whether it did within the time. */
export async function until(test: () => boolean, limitMs = 5000): Promise<boolean> {
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

/** Targets of a process's open descriptors. */
export function openFiles(pid: number): string[] {
  const dir = `/proc/${pid}/fd`
  return readdirSync(dir).flatMap((fd) => {
    try {
      return [readlinkSync(`${dir}/${fd}`)]
    } catch {
      return []
    }
  })
}

/** umount(8); when it will not, abort the FUSE connection and detach. Answers what went wrong. */
export async function unmountAt(mountpoint: string): Promise<string[]> {
  const problems: string[] = []
  for (let i = 0; i < 20 && mountsAt(mountpoint).length > 0; i++) {
    const { code, err } = await runProgram(['umount', '-i', mountpoint])
    if (code === 0) continue
    if (i === 19) problems.push(`umount: ${err.trim()}`)
    await sleep(50)
  }
  for (const line of mountsAt(mountpoint)) {
    const abort = `/sys/fs/fuse/connections/${line.split(' ')[2]!.split(':')[1]}/abort`
    if (existsSync(abort)) writeFileSync(abort, '1')
    await runProgram(['umount', '-l', '-i', mountpoint])
  }
  return problems
}
