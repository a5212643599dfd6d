/** One row on one subject, once: mount, measure, unmount. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { spawn } from 'node:child_process'
import { removeTree, runProgram } from '../test/scenario/subjects/subject.js'
import { scaled } from './scaled.js'
import type { Fixtures } from './fixtures.js'
import type { Programs } from './programs.js'
import type { Bed, Row, Sample, Timed } from './row.js'
import type { Mounted, Stack, Subject } from './subjects.js'

const OPS_LIMIT_MS = 20 * 60 * 1000

/** What a run has: its directory, its trees, its programs. */
export interface Site {
  readonly work: string
  readonly fixtures: Fixtures
  readonly programs: Programs
  readonly scale: number
  /** What is mounted now, for whoever must clean up when the run is broken off. */
  readonly mounts: Set<Mounted>
}

/**
 * Forget page cache, names and inodes; what is not yet written is written first, or it would be kept.
 * @param dir a directory of the file system of the branches
 * Source: Documentation/admin-guide/sysctl/vm.rst.
 */
async function dropCaches(dir: string): Promise<void> {
  await runProgram(['sync', '-f', dir])
  writeFileSync('/proc/sys/vm/drop_caches', '3')
}

/** Run ops.c; answers what it printed. @throws Error with what it said when it failed */
export function runOps(program: string, argv: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Timed> {
  const child = spawn(program, argv, { stdio: ['ignore', 'pipe', 'pipe'], timeout: OPS_LIMIT_MS, killSignal: 'SIGKILL', env: { ...process.env, ...env } })
  let out = ''
  let err = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err = (err + text).slice(-2000)))
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => {
      if (code === 0) resolve(JSON.parse(out) as Timed)
      else reject(new Error(err.trim().split('\n').slice(-2).join(' ') || `ended by ${signal ?? `exit ${code}`}`))
    })
  })
}

let serial = 0

class OneBed implements Bed {
  readonly subject: Subject
  readonly mounted: Mounted
  readonly programs: Programs
  readonly scratch: string
  readonly scale: number
  readonly #site: Site
  readonly #stack: Stack
  readonly #more: Mounted[] = []

  constructor(subject: Subject, mounted: Mounted, scratch: string, site: Site, stack: Stack) {
    this.subject = subject
    this.mounted = mounted
    this.programs = site.programs
    this.scratch = scratch
    this.scale = site.scale
    this.#site = site
    this.#stack = stack
  }

  count(n: number): number {
    return scaled(n, this.scale)
  }

  ops(op: string, n: number, args: readonly string[] = [], dir = this.mounted.dir): Promise<Timed> {
    const server = this.mounted.pid === null ? [] : ['--server', String(this.mounted.pid)]
    return runOps(this.programs.ops, [op, dir, String(n), ...server, ...args])
  }

  shell(script: string, env: Readonly<Record<string, string>> = {}): Promise<Timed> {
    const server = this.mounted.pid === null ? [] : ['--server', String(this.mounted.pid)]
    const command = ['--', 'bash', '-eu', '-o', 'pipefail', '-c', script]
    return runOps(this.programs.ops, ['command', this.mounted.dir, '1', ...server, ...command], env)
  }

  async mountAgain(): Promise<Mounted> {
    const scratch = join(this.scratch, `more-${this.#more.length}`)
    mkdirSync(scratch)
    const mounted = await this.subject.mount(this.#stack, scratch)
    this.#more.push(mounted)
    this.#site.mounts.add(mounted)
    return mounted
  }

  async unmountAll(): Promise<string[]> {
    const problems: string[] = []
    for (const mounted of [...this.#more.reverse(), this.mounted]) {
      problems.push(...(await mounted.unmount()))
      this.#site.mounts.delete(mounted)
    }
    return problems
  }
}

/**
 * Measure once, on a fresh mount with an empty writable branch.
 * @throws Error when the subject cannot do it, or leaves something behind
 */
export async function measure(row: Row, subject: Subject, site: Site): Promise<Sample> {
  const scratch = join(site.work, `run-${++serial}`)
  mkdirSync(join(scratch, 'row'), { recursive: true })
  const merged = subject.kind !== 'plain' ? 'none' : row.writes ? { copyTo: join(scratch, 'copy') } : 'shared'
  const stack = await site.fixtures.stack(row.fixture, merged)
  try {
    const mountDir = join(scratch, 'mount')
    mkdirSync(mountDir)
    const mounted = await subject.mount(stack, mountDir)
    site.mounts.add(mounted)
    const bed = new OneBed(subject, mounted, join(scratch, 'row'), site, stack)
    let problems: string[] = []
    try {
      if (row.cold) await dropCaches(site.work)
      return await row.run(bed)
    } finally {
      problems = await bed.unmountAll()
      if (problems.length > 0) process.stderr.write(`bench: ${subject.name}, ${row.name}: ${problems.join('; ')}\n`)
    }
  } finally {
    await removeTree(scratch)
    rmSync(scratch, { recursive: true, force: true })
  }
}
