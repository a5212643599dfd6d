/**
 * What a seccomp profile says, in docker's words: the `LinuxSeccomp` of the OCI runtime spec, and on top of it rules that
 * hold for some capabilities, architectures or kernels only.
 */

/** What happens to a call, from the strictest on. With NOTIFY a program would have to listen: not offered. */
export const ACTIONS = ['KILL_PROCESS', 'KILL_THREAD', 'TRAP', 'ERRNO', 'TRACE', 'LOG', 'ALLOW'] as const
export type ActionName = typeof ACTIONS[number]

export interface Action {
  readonly name: ActionName
  /** errno of ERRNO, message of TRACE; 0 for the others. */
  readonly data: number
}

export const OPERATORS = ['NE', 'LT', 'LE', 'EQ', 'GE', 'GT', 'MASKED_EQ'] as const
export type Operator = typeof OPERATORS[number]

/** `args[index] OP value`, unsigned 64-bit; MASKED_EQ: `(args[index] & value) == valueTwo`. */
export interface Condition {
  readonly index: number
  readonly op: Operator
  readonly value: bigint
  readonly valueTwo: bigint
}

/** When a rule holds, or does not. */
export interface Circumstances {
  readonly caps: readonly string[]
  /** Short names: amd64, arm64, ... */
  readonly arches: readonly string[]
  /** [major, minor] at least. */
  readonly minKernel?: readonly [number, number]
}

export interface Rule {
  readonly names: readonly string[]
  readonly action: Action
  /** All of them must be true. */
  readonly conditions: readonly Condition[]
  /** Every one of these. */
  readonly includes: Circumstances
  /** None of these. */
  readonly excludes: Circumstances
}

export interface Profile {
  readonly defaultAction: Action
  /** SCMP_ARCH_* names beside the native one: of all machines, or per native architecture. */
  readonly architectures: readonly string[]
  readonly archMap: Readonly<Record<string, readonly string[]>>
  readonly rules: readonly Rule[]
  /** SECCOMP_FILTER_FLAG_* without that prefix. */
  readonly flags: readonly string[]
}

export const ANYWHERE: Circumstances = { caps: [], arches: [] }
export const EPERM = 1
export const ENOSYS = 38
