/**
 * A filter as a program: which architecture, then a binary search over ranges of numbers, then the arguments where they
 * matter. The kernel runs it for each system call, and remembers by itself what is always allowed. Read each function from its
 * end: what is written first runs last.
 */
import { Code, Program } from './bpf.js'
import type { Alternative, ArchFilter, Outcome, Range } from './outcomes.js'
import type { Action, ActionName, Condition } from './profile.js'

/** Offsets in struct seccomp_data. */
const NUMBER = 0
const ARCH = 4
const ARGUMENTS = 16

/** SECCOMP_RET_*. */
const RETURNS: Readonly<Record<ActionName, number>> = {
  KILL_PROCESS: 0x80000000, KILL_THREAD: 0, TRAP: 0x00030000, ERRNO: 0x00050000, TRACE: 0x7ff00000, LOG: 0x7ffc0000, ALLOW: 0x7fff0000,
}

const low = (value: bigint): number => Number(value & 0xffff_ffffn)
const high = (value: bigint): number => Number(value >> 32n)

function ret(program: Program, { name, data }: Action): void {
  program.plain(Code.RETURN, (RETURNS[name] | data) >>> 0)
}

function load(program: Program, index: number, half: 'low' | 'high'): void {
  program.plain(Code.LOAD, ARGUMENTS + 8 * index + (half === 'high' ? 4 : 0))
}

/** A condition that goes on at one of two labels. Of a register of 32 bits only the lower half is looked at. */
function condition(program: Program, { index, op, value, valueTwo }: Condition, bits: 32 | 64, yes: number, no: number): void {
  if (op === 'NE' || op === 'LT' || op === 'LE') {
    const opposite = { NE: 'EQ', LT: 'GE', LE: 'GT' } as const
    condition(program, { index, op: opposite[op], value, valueTwo }, bits, no, yes)
    return
  }
  if (op === 'GT' || op === 'GE') {
    program.test(op === 'GT' ? Code.JUMP_GT : Code.JUMP_GE, low(value), yes, no)
    load(program, index, 'low')
    if (bits === 32) return
    program.test(Code.JUMP_EQ, high(value), program.length, no)
    program.test(Code.JUMP_GT, high(value), yes, program.length)
    load(program, index, 'high')
    return
  }
  const [mask, wanted] = op === 'EQ' ? [0xffff_ffff_ffff_ffffn, value] : [value, valueTwo]
  let then = yes
  for (const half of bits === 32 ? ['low'] as const : ['low', 'high'] as const) {
    const part = half === 'low' ? low : high
    program.test(Code.JUMP_EQ, part(wanted), then, no)
    if (part(mask) !== 0xffffffff) program.plain(Code.AND, part(mask))
    load(program, index, half)
    then = program.length
  }
}

const equality = ({ conditions }: Alternative): Condition | undefined => conditions.length === 1 && conditions[0]!.op === 'EQ' ? conditions[0] : undefined

/** How many alternatives up to `last` are one argument with another lower half each, and one action: `socket` has forty families. */
function alike(outcome: Outcome, last: number): number {
  const first = equality(outcome[last]!)
  if (first === undefined) return 0
  let count = 1
  for (; count <= last; count++) {
    const other = outcome[last - count]!
    const same = equality(other)
    if (same?.index !== first.index || high(same.value) !== high(first.value)) break
    if (other.action.name !== outcome[last]!.action.name || other.action.data !== outcome[last]!.action.data) break
  }
  return count
}

/** The alternatives of a call; the last one has no conditions. */
function leaf(program: Program, outcome: Outcome, bits: 32 | 64): void {
  ret(program, outcome.at(-1)!.action)
  for (let last = outcome.length - 2; last >= 0;) {
    const otherwise = program.length
    const { action, conditions } = outcome[last]!
    ret(program, action)
    const hit = program.length
    const count = alike(outcome, last)
    if (count < 2) {
      for (const each of conditions.toReversed()) condition(program, each, bits, program.length, otherwise)
      last--
      continue
    }
    const { index, value } = equality(outcome[last]!)!
    let miss = otherwise
    for (let i = 0; i < count; i++) {
      program.test(Code.JUMP_EQ, low(equality(outcome[last - i]!)!.value), hit, miss)
      miss = program.length
    }
    load(program, index, 'low')
    if (bits === 64) {
      program.test(Code.JUMP_EQ, high(value), program.length, otherwise)
      load(program, index, 'high')
    }
    last -= count
  }
}

/** What lies in the ranges [first, end), by binary search over their starts in A. */
function search(program: Program, ranges: readonly Range[], first: number, end: number, bits: 32 | 64): void {
  if (end - first === 1) {
    leaf(program, ranges[first]!.outcome, bits)
    return
  }
  const middle = (first + end) >> 1
  search(program, ranges, middle, end, bits)
  const above = program.length
  search(program, ranges, first, middle, bits)
  program.test(Code.JUMP_GE, ranges[middle]!.from, above, program.length)
}

/** The program for these architectures; a call of any other one ends the process. It may be longer than the kernel takes. */
export function compile(filters: readonly ArchFilter[]): Program {
  const program = new Program()
  ret(program, { name: 'KILL_PROCESS', data: 0 })
  let otherwise = program.length
  for (const { audit, bits, ranges } of filters) {
    search(program, ranges, 0, ranges.length, bits)
    program.plain(Code.LOAD, NUMBER)
    program.test(Code.JUMP_EQ, audit, program.length, otherwise)
    otherwise = program.length
  }
  program.plain(Code.LOAD, ARCH)
  return program
}
