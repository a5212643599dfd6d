/** The part of a plan that `run` and `exec` share: who the program is, what it may, where it starts. */
import { constants } from 'node:os'
import type { OciProcess, ProgramExtras } from '../oci.js'
import { capabilityBits } from './capabilities.js'
import { limitRecords } from './limits.js'
import { Op, PlanError, record, text, texts, u32, u64, type PlanRecord } from './wire.js'

const IO_KINDS = { null: 0, pipes: 1, tty: 2 } as const
const CONDUCT_LOG = 1
const CONDUCT_ATTACHED = 2
const CONDUCT_GO = 4
const CONDUCT_OOM_SCORE = 8
/** Says "none given" where a umask or an owner stands. */
const NO_UMASK = 0xffff_ffff
const NO_OWNER = 0xffff_ffff

function conductRecord(process: OciProcess, extras: ProgramExtras): PlanRecord {
  let bits = 0
  if (extras.log) bits |= CONDUCT_LOG
  if (extras.attached === true) bits |= CONDUCT_ATTACHED
  if (extras.waitForGo === true) bits |= CONDUCT_GO
  if (process.oomScoreAdj !== undefined) bits |= CONDUCT_OOM_SCORE
  return record(Op.CONDUCT, u32(bits), u32(extras.stopSignal ?? constants.signals.SIGTERM), u32(process.oomScoreAdj ?? 0))
}

/** Settings of the monitor and of the process it makes. */
export function programSettings(process: OciProcess, extras: ProgramExtras): PlanRecord[] {
  const { io, ioOwner } = extras
  return [
    record(Op.CGROUP_PROCS, ...texts(extras.cgroupProcs)),
    record(Op.IO, u32(IO_KINDS[io.kind]), u32(Number(io.kind !== 'null' && io.stdin)), u32(ioOwner?.uid ?? NO_OWNER), u32(ioOwner?.gid ?? NO_OWNER)),
    conductRecord(process, extras),
    ...(extras.exitCommand === undefined ? [] : [record(Op.EXIT_COMMAND, ...texts(extras.exitCommand))]),
    ...(extras.oomFile === undefined ? [] : [record(Op.OOM_FILE, text(extras.oomFile))]),
    ...limitRecords(process.rlimits).raise,
  ]
}

/** The terminal of the program, if it has one. `mounts`: it is /dev/console as well. */
export function consoleSteps({ io }: ProgramExtras, process: OciProcess, mounts: boolean): PlanRecord[] {
  if (io.kind !== 'tty') return []
  const rows = io.rows ?? process.consoleSize?.height ?? 0
  const columns = io.columns ?? process.consoleSize?.width ?? 0
  return [record(Op.CONSOLE, u32(rows), u32(columns), u32(Number(mounts)))]
}

function userRecord({ user: { uid, gid, umask, additionalGids = [] }, env = [] }: OciProcess, { user: spec, groups = [] }: ProgramExtras): PlanRecord {
  const hasHome = env.some(each => each.startsWith('HOME='))
  return record(
    Op.USER, text(spec ?? ''), u32(Number(hasHome)), u32(uid), u32(gid), u32(umask ?? NO_UMASK),
    u32(additionalGids.length), ...additionalGids.map(u32), ...texts(groups),
  )
}

/**
 * Steps from "the root is in place" to the exec.
 * Order: what needs privilege before it is dropped; a seccomp filter as late as its privilege allows; limits last, so
 * that they bind the program and not its preparation.
 */
export function programSteps(process: OciProcess, extras: ProgramExtras, init: boolean): PlanRecord[] {
  if (process.args.length === 0 || process.args[0] === '') throw new PlanError('there is no command to run')
  if (!process.cwd.startsWith('/')) throw new PlanError(`the working directory is not an absolute path: ${process.cwd}`)
  const sets = process.capabilities ?? {}
  const filter = extras.seccompFilter
  const seccomp = filter === undefined ? [] : [record(Op.SECCOMP, u32(extras.seccompFlags ?? 0), { bytes: filter })]
  const late = process.noNewPrivileges === true
  return [
    record(Op.KEYRING),
    userRecord(process, extras),
    // A user may work in a directory that only root can enter: he is put there.
    record(Op.CWD, text(process.cwd), u32(1)),
    ...(late ? [] : seccomp),
    record(Op.BOUNDING, u64(capabilityBits(sets.bounding))),
    record(Op.IDENTITY, ...[sets.effective, sets.permitted, sets.inheritable, sets.ambient].map(set => u64(capabilityBits(set)))),
    ...(late ? [record(Op.NO_NEW_PRIVS)] : []),
    ...(init ? [record(Op.REAPER)] : []),
    record(Op.SESSION),
    ...limitRecords(process.rlimits).set,
    ...(late ? seccomp : []),
    record(Op.CWD, text(process.cwd), u32(0)),
    record(Op.EXEC, ...texts(process.args), ...texts(process.env ?? [])),
  ]
}
