/**
 * A filter as a program: which architecture, then a binary search over ranges of numbers, then the arguments where they
 * matter. The kernel runs it for each system call, and remembers by itself what is always allowed.
 */
import { choice, Code, plain } from './bpf.js'
import type { Instruction } from './bpf.js'
import type { Alternative, ArchFilter, Outcome, Range } from './outcomes.js'
import type { Action, ActionName, Condition } from './profile.js'

/** Offsets in struct seccomp_data. */
const NUMBER = 0
const ARCH = 4
const ARGUMENTS = 16
/** Values of one argument that are compared one after the other before a jump would be too far. */
const VALUES_MAX = 128

/** SECCOMP_RET_*. */
const RETURNS: Readonly<Record<ActionName, number>> = {
  KILL_PROCESS: 0x80000000, KILL_THREAD: 0, TRAP: 0x00030000, ERRNO: 0x00050000, TRACE: 0x7ff00000, LOG: 0x7ffc0000, ALLOW: 0x7fff0000,
}

/** Where a comparison goes on: the next instruction, behind this condition, or at the next alternative. */
type Target = 'next' | 'pass' | 'fail'
interface Step {
  readonly code: number
  readonly k: number
  readonly yes?: Target
  readonly no?: Target
}

const low = (value: bigint): number => Number(value & 0xffff_ffffn)
const high = (value: bigint): number => Number(value >> 32n)
const ret = ({ name, data }: Action): Instruction => plain(Code.RETURN, (RETURNS[name] | data) >>> 0)
const loadLow = (index: number): Step => ({ code: Code.LOAD, k: ARGUMENTS + 8 * index })
const loadHigh = (index: number): Step => ({ code: Code.LOAD, k: ARGUMENTS + 8 * index + 4 })

/** A register of 64 bits is compared in two halves; of one of 32 bits only the lower half is looked at. */
function steps({ index, op, value, valueTwo }: Condition, bits: 32 | 64): Step[] {
  if (op === 'MASKED_EQ') {
    const half = (load: Step, mask: number, wanted: number): Step[] => mask === 0 && wanted === 0 ? []
      : [load, { code: Code.AND, k: mask }, { code: Code.JUMP_EQ, k: wanted, yes: 'next', no: 'fail' }]
    return [...bits === 32 ? [] : half(loadHigh(index), high(value), high(valueTwo)), ...half(loadLow(index), low(value), low(valueTwo))]
  }
  const wanted = op === 'EQ' || op === 'GT' || op === 'GE'
  const [yes, no, decided]: [Target, Target, Target] = wanted ? ['next', 'fail', 'pass'] : ['fail', 'next', 'fail']
  if (op === 'EQ' || op === 'NE') {
    const upper: Step = { code: Code.JUMP_EQ, k: high(value), yes: 'next', no: wanted ? 'fail' : 'pass' }
    return [...bits === 32 ? [] : [loadHigh(index), upper], loadLow(index), { code: Code.JUMP_EQ, k: low(value), yes, no }]
  }
  const upper: Step[] = [
    loadHigh(index), { code: Code.JUMP_GT, k: high(value), yes: decided, no: 'next' },
    { code: Code.JUMP_EQ, k: high(value), yes: 'next', no: wanted ? 'fail' : 'pass' },
  ]
  const code = op === 'GE' || op === 'LT' ? Code.JUMP_GE : Code.JUMP_GT
  return [...bits === 32 ? [] : upper, loadLow(index), { code, k: low(value), yes, no }]
}

/** Conditions, one after the other, and what is returned when all of them are true; else behind it. */
function alternative(conditions: readonly Condition[], action: Action, bits: 32 | 64): Instruction[] {
  const blocks = conditions.map(each => steps(each, bits))
  const end = blocks.reduce((sum, block) => sum + block.length, 1)
  const program: Instruction[] = []
  for (const block of blocks) {
    const behind = program.length + block.length
    for (const { code, k, yes = 'next', no = 'next' } of block) {
      const far = { next: 0, pass: behind - program.length - 1, fail: end - program.length - 1 }
      program.push({ code, k, jt: far[yes], jf: far[no] })
    }
  }
  return [...program, ret(action)]
}

/** One argument equal to one of many values that differ in their lower halves only: `socket` has forty families. */
function oneOf(index: number, upper: number, values: readonly number[], action: Action, bits: 32 | 64): Instruction[] {
  const last = values.length - 1
  const compares = values.map((k, i) => ({ code: Code.JUMP_EQ, k, jt: last - i, jf: i === last ? 1 : 0 }))
  const load = ({ code, k }: Step): Instruction => plain(code, k)
  const lower = [load(loadLow(index)), ...compares, ret(action)]
  return bits === 32 ? lower : [load(loadHigh(index)), { code: Code.JUMP_EQ, k: upper, jt: 0, jf: lower.length }, ...lower]
}

const equality = ({ conditions }: Alternative): Condition | undefined => conditions.length === 1 && conditions[0]!.op === 'EQ' ? conditions[0] : undefined

/** The alternatives of a call. */
function leaf(outcome: Outcome, bits: 32 | 64): Instruction[] {
  const program: Instruction[] = []
  for (let i = 0; i < outcome.length;) {
    const { action, conditions } = outcome[i]!
    const first = equality(outcome[i]!)
    const values: number[] = []
    for (; first !== undefined && i < outcome.length && values.length < VALUES_MAX; i++) {
      const other = equality(outcome[i]!)
      const alike = other?.index === first.index && high(other.value) === high(first.value)
      if (!alike || outcome[i]!.action.name !== action.name || outcome[i]!.action.data !== action.data) break
      values.push(low(other.value))
    }
    if (first !== undefined) {
      program.push(...oneOf(first.index, high(first.value), values, action, bits))
    } else {
      program.push(...alternative(conditions, action, bits))
      i++
    }
  }
  return program
}

/** What lies in one of the ranges, by binary search over their starts in A. */
function search(ranges: readonly Range[], bits: 32 | 64): Instruction[] {
  if (ranges.length === 1) return leaf(ranges[0]!.outcome, bits)
  const middle = ranges.length >> 1
  return choice(Code.JUMP_GE, ranges[middle]!.from, search(ranges.slice(middle), bits), search(ranges.slice(0, middle), bits))
}

/** The program for these architectures; a call of any other one ends the process. It may be longer than the kernel takes. */
export function compile(filters: readonly ArchFilter[]): Instruction[] {
  const foreign = [ret({ name: 'KILL_PROCESS', data: 0 })]
  const tests = filters.toReversed().reduce((otherwise, { audit, bits, ranges }) =>
    choice(Code.JUMP_EQ, audit, [plain(Code.LOAD, NUMBER), ...search(ranges, bits)], otherwise), foreign)
  return [plain(Code.LOAD, ARCH), ...tests]
}
