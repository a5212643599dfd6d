/**
 * Rules between limits, and between limits and the machine. They are docker's, with its words, so that a script that
 * greps for them goes on working.
 */
import { usage } from '../../config/mount-error.js'
import { formatSize } from '../../config/size.js'
import type { Limits } from './limits.js'

/** What of the machine our own processes may use. */
export interface Machine {
  /** Numbers of the processors, ascending. */
  readonly cpus: readonly number[]
  readonly mems: readonly number[]
}

const MEMORY_MIN = 6 * 1024 * 1024

/**
 * Refuse limits that contradict each other or the machine.
 * @returns notes for people: what is allowed and most likely not meant
 * @throws MountError (usage)
 */
export function checkLimits(limits: Limits, machine: Machine): string[] {
  const notes: string[] = []
  checkMemory(limits, notes)
  checkCpu(limits, machine)
  checkSet('--cpuset-cpus', 'CPUs', limits.CpusetCpus, machine.cpus)
  checkSet('--cpuset-mems', 'memory nodes', limits.CpusetMems, machine.mems)
  const weight = limits.BlkioWeight
  if (weight !== undefined && weight !== 0 && (weight < 10 || weight > 1000)) {
    throw usage(`--blkio-weight ${weight}`, 'range of blkio weight is from 10 to 1000', 'ERANGE')
  }
  return notes
}

function checkMemory(limits: Limits, notes: string[]): void {
  const { Memory: memory = 0, MemorySwap: swap = 0, MemoryReservation: reservation = 0, MemorySwappiness: swappiness } = limits
  if (memory !== 0 && memory < MEMORY_MIN) throw usage(`--memory ${memory}`, 'Minimum memory limit allowed is 6MB', 'ERANGE')
  if (swap !== 0 && swap !== -1) {
    if (memory === 0) {
      throw usage(`--memory-swap ${swap}`, 'You should always set the Memory limit when using Memoryswap limit: give --memory too')
    }
    if (swap < memory) {
      throw usage(`--memory-swap ${swap}`, `Minimum memoryswap limit should be larger than memory limit, here ${formatSize(memory)}`)
    }
  }
  if (reservation !== 0 && reservation < MEMORY_MIN) {
    throw usage(`--memory-reservation ${reservation}`, 'Minimum memory reservation allowed is 6MB', 'ERANGE')
  }
  if (memory !== 0 && reservation > memory) {
    throw usage(`--memory-reservation ${reservation}`, 'Minimum memory limit can not be less than memory reservation limit')
  }
  if (swappiness !== undefined && (swappiness < -1 || swappiness > 100)) {
    throw usage(
      `--memory-swappiness ${swappiness}`, `Invalid value: ${swappiness}, valid memory swappiness range is 0-100`, 'ERANGE',
    )
  }
  if (limits.OomKillDisable === true && memory === 0) {
    notes.push('--oom-kill-disable without --memory: the whole system may run out of memory')
  }
}

function checkCpu(limits: Limits, { cpus }: Machine): void {
  const { NanoCpus: nano = 0, CpuPeriod: period = 0, CpuQuota: quota = 0 } = limits
  if (limits.NanoCpus !== undefined && (nano < 1e7 || nano > cpus.length * 1e9)) {
    throw usage(
      `--cpus ${nano / 1e9}`,
      `Range of CPUs is from 0.01 to ${cpus.length}.00, as there are only ${cpus.length} CPUs available`, 'ERANGE',
    )
  }
  if (nano !== 0 && period !== 0) throw usage('--cpus', 'Nano CPUs and CPU Period cannot both be set; leave --cpu-period out')
  if (nano !== 0 && quota !== 0) throw usage('--cpus', 'Nano CPUs and CPU Quota cannot both be set; leave --cpu-quota out')
  if (period !== 0 && (period < 1000 || period > 1_000_000)) {
    throw usage(
      `--cpu-period ${period}`,
      'CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)', 'ERANGE',
    )
  }
  if (quota > 0 && quota < 1000) {
    throw usage(`--cpu-quota ${quota}`, 'CPU cfs quota can not be less than 1ms (i.e. 1000)', 'ERANGE')
  }
}

function checkSet(flag: string, what: string, text: string | undefined, available: readonly number[]): void {
  if (text === undefined) return
  const all = new Set(available)
  if (parseNumberList(text).every((n) => all.has(n))) return
  throw usage(
    `${flag} ${text}`, `Requested ${what} are not available - requested ${text}, available: ${available.join(',')}`,
  )
}

/** The numbers of `0-2,7`, at most 8192 of them; what is not such a list gives none of them. */
export function parseNumberList(text: string): number[] {
  const numbers: number[] = []
  for (const part of text.trim().split(',')) {
    const [, first, last = first] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(part) ?? []
    if (first === undefined) continue
    for (let n = Number(first); n <= Number(last) && numbers.length < 8192; n++) numbers.push(n)
  }
  return numbers
}
