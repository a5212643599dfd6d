/**
 * Classic BPF as seccomp(2) takes it, written from its end to its beginning: all jumps go forward, so that their targets are
 * there when a jump is written.
 * Source: linux/filter.h (struct sock_filter), linux/bpf_common.h, kernel/seccomp.c (which codes are allowed).
 */

/** Instruction codes. All loads are words of struct seccomp_data at an absolute offset. */
export const Code = {
  LOAD: 0x20, AND: 0x54, JUMP: 0x05, JUMP_EQ: 0x15, JUMP_GT: 0x25, JUMP_GE: 0x35, RETURN: 0x06,
} as const

/** BPF_MAXINSNS. */
export const INSTRUCTIONS_MAX = 4096
/** The farthest that a comparison can jump. */
const JUMP_MAX = 255
const INSTRUCTION_BYTES = 8

/** A program in the making. A label is the number of instructions from an instruction to the end. */
export class Program {
  /** code | jt << 16 | jf << 24, then k; the last instruction first. */
  readonly #words: number[] = []

  /** Instructions so far; the label of the one that was written last. */
  get length(): number {
    return this.#words.length >> 1
  }

  /** An instruction that goes on to the one behind it, or nowhere. */
  plain(code: number, k: number): void {
    this.#words.push(code, k)
  }

  /** Go on at a label. */
  jump(to: number): void {
    if (to !== this.length) this.plain(Code.JUMP, this.length - to)
  }

  /** A comparison of A with `k`; each side goes on at its label, however far. */
  test(code: number, k: number, yes: number, no: number): void {
    const near = (label: number): boolean => this.length - label <= JUMP_MAX
    // A jump that is written for one side moves the other away by one.
    const [farYes, farNo] = near(yes) && near(no) ? [yes, no] : [this.#reach(yes), this.#reach(no)]
    this.#words.push(code | (this.length - farYes) << 16 | (this.length - farNo) << 24, k)
  }

  /** A label that is near and leads to another. */
  #reach(label: number): number {
    if (this.length - label < JUMP_MAX) return label
    this.jump(label)
    return this.length
  }

  /** struct sock_filter[] in the byte order of the machine, which is little-endian on all we have tables for. */
  encode(): Buffer {
    const bytes = Buffer.alloc(this.length * INSTRUCTION_BYTES)
    const view = new DataView(bytes.buffer, bytes.byteOffset)
    for (let from = this.#words.length - 2, at = 0; from >= 0; from -= 2, at += INSTRUCTION_BYTES) {
      view.setUint32(at, this.#words[from]!, true)
      view.setUint32(at + 4, this.#words[from + 1]!, true)
    }
    return bytes
  }
}
