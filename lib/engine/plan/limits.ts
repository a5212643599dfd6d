/** Resource limits by name, as setrlimit(2) numbers them (x86, arm, riscv; not mips, alpha, sparc). */
import type { OciRlimit } from '../oci.js'
import { Op, PlanError, record, text, u32, u64, type PlanRecord } from './wire.js'

/** Index is the number. Source: asm-generic/resource.h. */
const NAMES = [
  'RLIMIT_CPU', 'RLIMIT_FSIZE', 'RLIMIT_DATA', 'RLIMIT_STACK', 'RLIMIT_CORE', 'RLIMIT_RSS', 'RLIMIT_NPROC', 'RLIMIT_NOFILE',
  'RLIMIT_MEMLOCK', 'RLIMIT_AS', 'RLIMIT_LOCKS', 'RLIMIT_SIGPENDING', 'RLIMIT_MSGQUEUE', 'RLIMIT_NICE', 'RLIMIT_RTPRIO',
  'RLIMIT_RTTIME',
]
const INFINITY = 0xffff_ffff_ffff_ffffn

function limitValue(value: number): bigint {
  // 2^64-1 of a config.json arrives as the double 2^64.
  return value < 0 || value >= 2 ** 64 ? INFINITY : BigInt(Math.trunc(value))
}

/**
 * Settings that raise hard limits while the process may, and the steps that set the limits at the end.
 * @throws PlanError for an unknown or repeated name, or a soft limit above the hard one.
 */
export function limitRecords(limits: readonly OciRlimit[] = []): { raise: PlanRecord[], set: PlanRecord[] } {
  const seen = new Set<string>()
  const raise: PlanRecord[] = []
  const set: PlanRecord[] = []
  for (const { type, soft, hard } of limits) {
    const number = NAMES.indexOf(type)
    if (number < 0) throw new PlanError(`unknown limit ${type}`)
    if (seen.has(type)) throw new PlanError(`limit ${type} is given twice`)
    seen.add(type)
    const most = limitValue(hard)
    const now = limitValue(soft)
    if (now > most) throw new PlanError(`limit ${type}: soft ${soft} is above hard ${hard}`)
    raise.push(record(Op.RAISE_LIMIT, u32(number), text(type), u64(most)))
    set.push(record(Op.LIMIT, u32(number), text(type), u64(now), u64(most)))
  }
  return { raise, set }
}
