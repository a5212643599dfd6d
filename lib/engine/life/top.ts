/** The processes of a container, as ps(1) tells them. */
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { failure, usage } from '../error.js'
import { groupPids } from '../cgroup/index.js'
import { stateOf } from '../store/status.js'
import type { Container } from '../store/record.js'

/**
 * The heading of ps and its lines about the container.
 * @param words options of ps; `-ef` when there are none
 * @throws MountError when it does not run, or ps cannot be used
 */
export function top(container: Container, words: readonly string[]): string[] {
  const { record } = container
  const state = stateOf(container)
  const tried = `top ${record.name}`
  if (state.pid === 0) throw failure(tried, 'ESRCH', `Container ${record.id} is not running`)
  const options = words.length === 0 ? ['-ef'] : words
  const { status, stdout, stderr, error } = spawnSync('ps', options, { encoding: 'latin1', env: { ...process.env, COLUMNS: '10000' } })
  if (error !== undefined) throw failure(tried, (error as NodeJS.ErrnoException).code ?? 'EIO', 'ps cannot be run; install the package procps')
  if (status !== 0) throw usage(tried, `ps ${options.join(' ')}: ${stderr.trim().split('\n')[0]}`)
  const [heading = '', ...lines] = stdout.trimEnd().split('\n')
  const column = heading.trim().split(/\s+/).indexOf('PID')
  if (column < 0) throw usage(tried, "Couldn't find PID field in ps output; its options must show one")
  const pids = new Set(processes(container, state.pid))
  return [heading, ...lines.filter((line) => pids.has(Number(line.trim().split(/\s+/)[column])))]
}

/** By its cgroup; without one, those of its pid namespace, or its descendants when that is the host's. */
export function processes({ record }: Container, first: number): number[] {
  const counted = record.cgroup === undefined ? [] : groupPids(record.cgroup)
  if (counted.length > 0) return counted
  const all = readdirSync('/proc').filter((name) => /^\d+$/.test(name)).map(Number)
  const namespace = pidNamespace(first)
  if (namespace !== undefined && namespace !== pidNamespace(process.pid)) return all.filter((pid) => pidNamespace(pid) === namespace)
  const tree = new Set([first])
  for (const pid of all) if (tree.has(parentOf(pid))) tree.add(pid)
  return [...tree]
}

function pidNamespace(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/pid`)
  } catch {
    return undefined
  }
}

function parentOf(pid: number): number {
  try {
    return Number(/^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1] ?? -1)
  } catch {
    return -1
  }
}
