/** Groups for tests, and programs in them; all of it is gone when the test ends. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { randomBytes } from 'node:crypto'
import type { Test } from 'tap'
import { killGroup, makeGroup, procsFiles, readHierarchies, removeGroup, type GroupPlaces, type GroupRequest, type MadeGroup } from '../../lib/engine/cgroup/index.js'
import { controllerDir, directories } from '../../lib/engine/cgroup/places.js'
import { until } from '../../lib/util/until.js'

const TIMEOUT_MS = 120_000

/** A reason to skip: these need a group of our own, with limits. */
export const NO_GROUPS = ((): string | false => {
  if (process.geteuid?.() !== 0) return 'needs root'
  const { v1, unified } = readHierarchies()
  return v1.length === 0 && unified === undefined ? 'no cgroup file system is mounted' : false
})()

/** A group with a name of its own. */
export async function group(t: Test, request: Omit<GroupRequest, 'id'>): Promise<MadeGroup> {
  const made = makeGroup({ id: `test-${randomBytes(6).toString('hex')}`, ...request })
  t.teardown(async () => {
    await killGroup(made.places)
    await removeGroup(made.places)
    const left = directories(made.places).filter((dir) => existsSync(dir))
    if (left.length > 0) throw new Error(`left: ${left.join(' ')}`)
  })
  return made
}

/** A program in a group. */
export interface Running {
  readonly child: ChildProcess
  /** How it ended, 128 + n for signal n, and what it said. */
  readonly ended: Promise<{ exit: number, output: string }>
}

const ENTER = 'for file; do echo $$ >"$file" || exit 99; done; exec sh -c "$PROGRAM"'

/** Run a shell script; its first process is in the group before its first word is read. */
export function runIn(places: GroupPlaces, script: string): Running {
  const child = spawn('sh', ['-c', ENTER, 'sh', ...procsFiles(places)], { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, PROGRAM: script } })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('latin1').on('data', (text: string) => { output += text })
  const ended = once(child, 'close').then(([code, signal]: unknown[]) => ({
    exit: typeof code === 'number' ? code : 128 + (signal === 'SIGKILL' ? 9 : 0), output,
  }))
  return { child, ended }
}

/** Wait for what has to come; fails the test when it does not. */
export async function wait(t: Test, what: string, check: () => boolean): Promise<void> {
  t.ok(await until(check, TIMEOUT_MS), what)
}

/** A number of a file `NAME NUMBER`, or the file's only one. */
export function counter(places: GroupPlaces, controller: string, file: string, name = ''): number {
  const text = readFileSync(`${controllerDir(places, controller)}/${file}`, 'latin1')
  return Number(new RegExp(`^${name} ?(\\d+)$`, 'm').exec(text)?.[1])
}
