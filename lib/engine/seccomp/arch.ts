/**
 * The architectures a seccomp filter can tell apart, and the numbers their system calls have.
 * Source: seccomp(2), linux/audit.h (AUDIT_ARCH_*), the OCI runtime spec (SCMP_ARCH_*).
 */
import { COMMON, NOT_X32, TABLES } from './syscall-tables.js'

export type ArchName = 'SCMP_ARCH_X86_64' | 'SCMP_ARCH_X86' | 'SCMP_ARCH_X32' | 'SCMP_ARCH_AARCH64' | 'SCMP_ARCH_ARM'

export interface Arch {
  /** Key of its numbers in syscall-tables. */
  readonly table: keyof typeof TABLES
  /** AUDIT_ARCH_* value in struct seccomp_data; x32 shares that of x86_64. */
  readonly audit: number
  /** Its name in `includes.arches` of a profile. */
  readonly short: string
  /** Bits of a register that a call looks at. */
  readonly bits: 32 | 64
  /** New calls get the next number of a row, which ends before this one: what comes here is of its own kind, or nothing. */
  readonly rowEnd: number
}

/** Set in the number of a call by an x32 program. */
export const X32_BIT = 0x40000000

export const ARCHES: Readonly<Record<ArchName, Arch>> = {
  SCMP_ARCH_X86_64: { table: 'x86_64', audit: 0xc000003e, short: 'amd64', bits: 64, rowEnd: 2 ** 32 },
  SCMP_ARCH_X86: { table: 'x86', audit: 0x40000003, short: 'x86', bits: 32, rowEnd: 2 ** 32 },
  SCMP_ARCH_X32: { table: 'x32', audit: 0xc000003e, short: 'x32', bits: 64, rowEnd: X32_BIT + 512 },
  SCMP_ARCH_AARCH64: { table: 'arm64', audit: 0xc00000b7, short: 'arm64', bits: 64, rowEnd: 2 ** 32 },
  SCMP_ARCH_ARM: { table: 'arm', audit: 0x40000028, short: 'arm', bits: 32, rowEnd: 0xf0000 },
}

/** Names the OCI spec has for architectures that no processor of ARCHES can run: they may stand in a profile. */
const OTHERS = 'MIPS MIPS64 MIPS64N32 MIPSEL MIPSEL64 MIPSEL64N32 PPC PPC64 PPC64LE S390 S390X PARISC PARISC64 RISCV64 LOONGARCH64 M68K SH SHEB'
const FOREIGN: ReadonlySet<string> = new Set(OTHERS.split(' ').map(name => `SCMP_ARCH_${name}`))

const NATIVE: Readonly<Record<string, ArchName>> = {
  x64: 'SCMP_ARCH_X86_64', ia32: 'SCMP_ARCH_X86', arm64: 'SCMP_ARCH_AARCH64', arm: 'SCMP_ARCH_ARM',
}

/** Whether a profile may name this architecture. */
export function isArchName(name: string): boolean {
  return Object.hasOwn(ARCHES, name) || FOREIGN.has(name)
}

/** The architecture of this machine (`process.arch`); undefined when there is no table for it. */
export function nativeArch(nodeArch: string = process.arch): ArchName | undefined {
  return NATIVE[nodeArch]
}

/** Put names with their numbers into a map, from words in which a number says where the names after it begin to count. */
export function addNumbers(numbers: Map<string, number>, words: string, plus = 0): void {
  let next = 0
  for (const word of words.split(/\s+/)) {
    const first = word.charCodeAt(0)
    if (first >= 0x30 && first <= 0x39) next = Number(word) + plus
    else if (word !== '') numbers.set(word, next++)
  }
}

const numbersOf = new Map<ArchName, ReadonlyMap<string, number>>()

/** Name -> number of all system calls of an architecture; those of x32 have X32_BIT. */
export function syscallNumbers(name: ArchName): ReadonlyMap<string, number> {
  const known = numbersOf.get(name)
  if (known !== undefined) return known
  const numbers = new Map<string, number>()
  const plus = name === 'SCMP_ARCH_X32' ? X32_BIT : 0
  if (plus > 0) {
    addNumbers(numbers, TABLES.x86_64, plus)
    for (const word of NOT_X32.trim().split(/\s+/)) numbers.delete(word)
  }
  addNumbers(numbers, TABLES[ARCHES[name].table], plus)
  addNumbers(numbers, COMMON, plus)
  if (name === 'SCMP_ARCH_ARM') numbers.set('sync_file_range2', numbers.get('arm_sync_file_range')!)
  numbersOf.set(name, numbers)
  return numbers
}
