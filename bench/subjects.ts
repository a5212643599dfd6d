/**
 * What is measured: each subject shows a stack of read-only directories with an empty writable one on top at a mount
 * point, or is what the others are compared with.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { isAlive, mountsAt, runProgram, unmountAt, until } from '../test/scenario/subjects/subject.js'
import { repository } from './programs.js'

/** Read-only branches: `lowers` are names in the directory `root`, topmost first. */
export interface Stack {
  readonly root: string
  readonly lowers: readonly string[]
  /** A directory with what the union shows: shared if nothing is written there, else a fresh copy. */
  readonly merged: string
}

export interface Mounted {
  /** Where the tree appears. */
  readonly dir: string
  /** The process that serves it; null when it is the kernel. */
  readonly pid: number | null
  /** From the start of the mount command until the mount has answered, ns. */
  readonly mountNs: number
  /** Unmount and wait for the process to end; answers what went wrong. */
  unmount(): Promise<string[]>
}

/** `peer`: a union in user space, not ours. `floor`: what no server can be faster than. */
export type Kind = 'plain' | 'kernel' | 'peer' | 'tsaufs' | 'floor'

export interface Subject {
  readonly name: string
  readonly kind: Kind
  /** Whether it takes part unless asked for by name. */
  readonly byDefault: boolean
  /** The rows that it takes part in, if not all. */
  readonly only?: readonly string[]
  /** Why it cannot be measured here and how to change that, or null. */
  unavailable(): Promise<string | null>
  /** @param scratch an empty directory on the file system of the branches */
  mount(stack: Stack, scratch: string): Promise<Mounted>
}

interface Unmounted {
  readonly mountpoint: string
  readonly upper: string
  readonly scratch: string
}

function makeDirs(scratch: string): Unmounted {
  const dirs = { mountpoint: join(scratch, 'mnt'), upper: join(scratch, 'upper'), scratch }
  for (const dir of [dirs.mountpoint, dirs.upper]) mkdirSync(dir, { recursive: true })
  return dirs
}

/** The process one of whose arguments is this mount point. */
function serverOf(mountpoint: string): number | null {
  for (const pid of readdirSync('/proc')) {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) continue
    try {
      if (readFileSync(`/proc/${pid}/cmdline`, 'latin1').split('\0').includes(mountpoint)) return Number(pid)
    } catch {
      // It has ended.
    }
  }
  return null
}

/** Run a command that returns when it has mounted; its output is read up to its end, not to its server's. */
function runMount(argv: readonly string[], cwd: string, env: Record<string, string>): Promise<{ code: number | null; said: string }> {
  const child = spawn(argv[0]!, argv.slice(1), { cwd, stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (said += text))
  return new Promise((done) => {
    child.on('error', error => done({ code: 127, said: String(error) }))
    child.on('exit', code => setImmediate(() => {
      for (const stream of [child.stdout, child.stderr]) stream.destroy()
      done({ code, said })
    }))
  })
}

async function mountBy(
  argv: readonly string[], cwd: string, dirs: Unmounted, findServer: () => number | null, env: Record<string, string> = {},
): Promise<Mounted> {
  const start = process.hrtime.bigint()
  const { code, said } = await runMount(argv, cwd, env)
  if (code !== 0 || mountsAt(dirs.mountpoint).length === 0) {
    throw new Error(`mount: exit ${code}: ${said.trim().split('\n').slice(-3).join(' ')}`)
  }
  statSync(dirs.mountpoint)
  const mountNs = Number(process.hrtime.bigint() - start)
  const pid = findServer()
  return {
    dir: dirs.mountpoint, pid, mountNs,
    async unmount() {
      const problems = pid !== null && !isAlive(pid) ? ['the server died'] : []
      problems.push(...(await unmountAt(dirs.mountpoint)))
      if (pid !== null && !(await until(() => !isAlive(pid), 20_000))) {
        problems.push('the server did not end')
        process.kill(pid, 'SIGKILL')
      }
      return problems
    },
  }
}

async function missing(argv: readonly string[], debianPackage: string): Promise<string | null> {
  if (!existsSync('/dev/fuse')) return 'there is no /dev/fuse'
  return (await runProgram(argv)).code === 127 ? `not installed: apt-get install ${debianPackage}` : null
}

const plain: Subject = {
  name: 'plain', kind: 'plain', byDefault: true,
  unavailable: () => Promise.resolve(null),
  mount: stack => Promise.resolve({ dir: stack.merged, pid: null, mountNs: 0, unmount: () => Promise.resolve([]) }),
}

/** `lowerdir=` with names relative to `stack.root`: 127 whole paths do not fit into the page mount(2) takes. */
function overlayOptions(stack: Stack, dirs: Unmounted): string {
  mkdirSync(join(dirs.scratch, 'work'))
  return `lowerdir=${stack.lowers.join(':')},upperdir=${dirs.upper},workdir=${dirs.scratch}/work`
}

const overlayfs: Subject = {
  name: 'overlayfs', kind: 'kernel', byDefault: true,
  async unavailable() {
    await runProgram(['modprobe', 'overlay'])
    return readFileSync('/proc/filesystems', 'latin1').includes('\toverlay\n') ? null : 'the kernel has no overlayfs: modprobe overlay'
  },
  mount(stack, scratch) {
    const dirs = makeDirs(scratch)
    const options = `${overlayOptions(stack, dirs)},index=on,xino=auto,redirect_dir=on`
    return mountBy(['mount', '-t', 'overlay', 'overlay', '-o', options, dirs.mountpoint], stack.root, dirs, () => null)
  },
}

const fuseOverlayfs: Subject = {
  name: 'fuse-overlayfs', kind: 'peer', byDefault: true,
  unavailable: () => missing(['fuse-overlayfs', '--version'], 'fuse-overlayfs'),
  mount(stack, scratch) {
    const dirs = makeDirs(scratch)
    const argv = ['fuse-overlayfs', '-o', `${overlayOptions(stack, dirs)},dev,suid`, dirs.mountpoint]
    return mountBy(argv, stack.root, dirs, () => serverOf(dirs.mountpoint))
  },
}

/** Branches one by one: PATH=mode:PATH=mode. */
function branchList(stack: Stack, dirs: Unmounted, writable: string, readOnly: string): string {
  return [`${dirs.upper}=${writable}`, ...stack.lowers.map(name => `${join(stack.root, name)}=${readOnly}`)].join(':')
}

/** It has no copy-up and no whiteouts; what it has is measured. Kernel caches as its documentation advises for speed. */
const mergerfs: Subject = {
  name: 'mergerfs', kind: 'peer', byDefault: true,
  unavailable: () => missing(['mergerfs', '--version'], 'mergerfs'),
  mount(stack, scratch) {
    const dirs = makeDirs(scratch)
    const options = 'allow_other,dev,suid,category.create=ff,cache.files=auto-full,dropcacheonclose=false'
    const argv = ['mergerfs', '-o', options, branchList(stack, dirs, 'RW', 'RO'), dirs.mountpoint]
    return mountBy(argv, stack.root, dirs, () => serverOf(dirs.mountpoint))
  },
}

const unionfsFuse: Subject = {
  name: 'unionfs-fuse', kind: 'peer', byDefault: true,
  unavailable: () => missing(['unionfs-fuse', '--version'], 'unionfs-fuse'),
  mount(stack, scratch) {
    const dirs = makeDirs(scratch)
    const argv = ['unionfs-fuse', '-o', 'cow,allow_other,dev,suid', branchList(stack, dirs, 'RW', 'RO'), dirs.mountpoint]
    return mountBy(argv, stack.root, dirs, () => serverOf(dirs.mountpoint))
  },
}

function tsaufs(name: string, options: readonly string[], byDefault: boolean): Subject {
  return {
    name, kind: 'tsaufs', byDefault,
    unavailable: () => Promise.resolve(existsSync('/dev/fuse') ? null : 'there is no /dev/fuse'),
    mount(stack, scratch) {
      const dirs = makeDirs(scratch)
      const run = join(scratch, 'run')
      mkdirSync(run, { recursive: true })
      const argv = [join(repository, 'bin/tsaufs'), 'mount', '-o',
        [`dirs=${branchList(stack, dirs, 'rw', 'rr')}`, ...options].join(','), 'none', dirs.mountpoint]
      const pidOf = (): number | null => {
        const state = readdirSync(run).find(entry => entry.startsWith('si_'))
        return state === undefined ? null : Number(readFileSync(join(run, state, 'pid'), 'latin1'))
      }
      return mountBy(argv, stack.root, dirs, pidOf, { TSAUFS_RUN_DIR: run })
    },
  }
}

/** How long a spare has to be there after the mount that it was started by. */
const SPARE_MS = 20_000

/** tsaufs when a spare waits: a mount soon after another one, as engines make them (docs/options.md, `spare=`). */
function tsaufsSpare(): Subject {
  const cached = tsaufs('tsaufs-spare', ['io=cached', 'udba=none'], true)
  const leaver = tsaufs('tsaufs-spare', ['io=cached', 'udba=none', 'spare=60'], true)
  return {
    ...cached,
    only: ['mount', 'walk-cold'],
    async mount(stack, scratch) {
      const first = await leaver.mount(stack, scratch)
      const there = await until(() => existsSync(join(scratch, 'run', '.spare.sock')), SPARE_MS)
      const problems = await first.unmount()
      if (!there || problems.length > 0) throw new Error(`no spare: ${problems.join(', ')}`)
      return cached.mount(stack, scratch)
    },
  }
}

/** @param program the compiled native/null.c */
function nothing(program: string): Subject {
  return {
    name: 'null', kind: 'floor', byDefault: true,
    unavailable: () => Promise.resolve(existsSync('/dev/fuse') ? null : 'there is no /dev/fuse'),
    mount(_stack, scratch) {
      const dirs = makeDirs(scratch)
      return mountBy([program, dirs.mountpoint], scratch, dirs, () => serverOf(dirs.mountpoint))
    },
  }
}

/** All subjects, in the order of the tables. @param nullProgram the compiled native/null.c */
export function allSubjects(nullProgram: string): Subject[] {
  return [
    plain, overlayfs, fuseOverlayfs, mergerfs, unionfsFuse,
    tsaufs('tsaufs-cached', ['io=cached', 'udba=none'], true),
    tsaufs('tsaufs-passthrough', ['io=passthrough', 'udba=none'], true),
    tsaufs('tsaufs-default', [], false),
    tsaufsSpare(),
    nothing(nullProgram),
  ]
}
