/**
 * Another program in a running container: `tsaufs-init exec` joins what the container's first process has.
 */
import { randomBytes } from 'node:crypto'
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Bytes } from '../../os/native.js'
import type { ExecPlanInput, ProgramIo } from '../oci.js'
import { failure } from '../error.js'
import { procsFiles } from '../cgroup/index.js'
import { seccompOf } from '../parts.js'
import { compileExec } from '../plan/compile.js'
import { mergeEnv } from '../spec/env.js'
import { ociCapabilities, ociProcess } from '../spec/config.js'
import type { Container } from '../store/record.js'
import { readMonitor, stateOf } from '../store/status.js'
import { startMonitor, type Started } from './monitor.js'
import { sweepExecs } from './release.js'
import { ioOwner, programIo } from './start.js'

/** What is to be run. */
export interface ExecRequest {
  readonly words: readonly Bytes[]
  readonly env: readonly Bytes[]
  /** '' as the container's. */
  readonly user: Bytes
  readonly workdir: Bytes
  readonly tty: boolean
  readonly stdin: boolean
  readonly privileged: boolean
  readonly attach: boolean
  readonly rows?: number
  readonly columns?: number
}

/** A program of an exec. */
export interface ExecStarted extends Started {
  /** Its files. */
  readonly dir: string
}

/** Run it. @throws MountError when the container does not run, or the program cannot be run (126, 127) */
export async function execContainer(container: Container, request: ExecRequest): Promise<ExecStarted> {
  const { record, dir } = container
  const tried = `exec ${record.name}`
  const { status } = stateOf(container)
  if (status === 'paused') throw failure(tried, 'EBUSY', `Container ${record.name} is paused, unpause the container before exec`)
  const monitor = readMonitor(dir)
  if (status !== 'running' || monitor === undefined) throw failure(tried, 'ESRCH', `container ${record.id} is not running`)
  sweepExecs(dir)
  const execDir = join(dir, 'exec', randomBytes(16).toString('hex'))
  mkdirSync(execDir, { recursive: true, mode: 0o700 })
  try {
    const { pid, start } = monitor.container
    const plan = compileExec(planInput(container, request, { pid, start: Number(start) }))
    return { ...await startMonitor({ verb: 'exec', dir: execDir, plan, attach: request.attach, cleansUp: false, tried }), dir: execDir }
  } catch (error) {
    rmSync(execDir, { recursive: true, force: true })
    throw error
  }
}

/** Forget an exec that has ended. */
export function dropExec({ dir }: ExecStarted): void {
  rmSync(dir, { recursive: true, force: true })
}

function planInput({ record }: Container, request: ExecRequest, target: ExecPlanInput['target']): ExecPlanInput {
  const { config, host } = record
  const devicesConfined = record.cgroup?.devicesConfined === true
  const own = ociProcess({ ...record, config: { ...config, tty: request.tty } }, { devicesConfined })
  const io: ProgramIo = request.attach ? programIo({ tty: request.tty, openStdin: request.stdin }, request) : { kind: 'null' }
  return {
    target, io, ...ioOwner(record), log: false, attached: request.attach, cgroupProcs: record.cgroup === undefined ? [] : procsFiles(record.cgroup),
    groups: [...host.groupAdd],
    user: request.user !== '' ? request.user : config.user === '' ? '0' : config.user,
    process: {
      ...own, args: [...request.words],
      cwd: request.workdir !== '' ? request.workdir : own.cwd,
      env: mergeEnv(own.env ?? [], request.env),
      capabilities: ociCapabilities(host, devicesConfined, request.privileged || host.privileged),
      noNewPrivileges: request.privileged ? false : own.noNewPrivileges === true,
    },
    ...(request.privileged ? {} : seccompOf(record, () => undefined)),
  }
}

