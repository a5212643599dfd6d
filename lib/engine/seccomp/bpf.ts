/**
 * Classic BPF as seccomp(2) takes it: instructions with jumps to labels, and their bytes.
 * Source: linux/filter.h (struct sock_filter), linux/bpf_common.h, kernel/seccomp.c (which codes are allowed).
 */

/** Instruction codes. All loads are words of struct seccomp_data at an absolute offset. */
export const Code = {
  LOAD: 0x20, AND: 0x54, JUMP: 0x05, JUMP_EQ: 0x15, JUMP_GT: 0x25, JUMP_GE: 0x35, RETURN: 0x06,
} as const

/** `jt`, `jf`: instructions to skip when the comparison is true, and when not. */
export interface Instruction {
  readonly code: number
  readonly jt: number
  readonly jf: number
  readonly k: number
}

/** BPF_MAXINSNS. */
export const INSTRUCTIONS_MAX = 4096
/** The farthest that a comparison can jump. */
export const JUMP_MAX = 255
const INSTRUCTION_BYTES = 8

/** One instruction without a jump. */
export function plain(code: number, k: number): Instruction {
  return { code, jt: 0, jf: 0, k }
}

/** `if (A op k) yes else no`; both sides end in a RETURN. */
export function choice(code: number, k: number, yes: readonly Instruction[], no: readonly Instruction[]): Instruction[] {
  if (no.length <= JUMP_MAX) return [{ code, jt: no.length, jf: 0, k }, ...no, ...yes]
  if (yes.length <= JUMP_MAX) return [{ code, jt: 0, jf: yes.length, k }, ...yes, ...no]
  return [{ code, jt: 0, jf: 1, k }, plain(Code.JUMP, no.length), ...no, ...yes]
}

/** struct sock_filter[] in the byte order of the machine, which is little-endian on all we have tables for. */
export function encode(program: readonly Instruction[]): Buffer {
  const bytes = Buffer.alloc(program.length * INSTRUCTION_BYTES)
  program.forEach(({ code, jt, jf, k }, i) => {
    const at = i * INSTRUCTION_BYTES
    bytes.writeUInt16LE(code, at)
    bytes.writeUInt8(jt, at + 2)
    bytes.writeUInt8(jf, at + 3)
    bytes.writeUInt32LE(k, at + 4)
  })
  return bytes
}
