/**
 * A machine for classic BPF as the kernel runs it for seccomp, which also refuses what the kernel refuses: written from
 * linux/filter.h and seccomp(2), not from the compiler.
 */
export interface SeccompData {
  readonly nr: number
  readonly arch: number
  readonly args: readonly bigint[]
}

const DATA_BYTES = 64

/** Decodes a program and checks it as the kernel does before it takes it; answers what a call gives (SECCOMP_RET_*). */
export function machine(program: Buffer): (data: SeccompData) => number {
  const count = program.length / 8
  if (!Number.isInteger(count) || count === 0 || count > 4096) throw new Error(`${count} instructions`)
  const code = Uint16Array.from({ length: count }, (_, i) => program.readUInt16LE(8 * i))
  const jumps = Array.from({ length: count }, (_, i) => [program[8 * i + 2]!, program[8 * i + 3]!] as const)
  const k = Uint32Array.from({ length: count }, (_, i) => program.readUInt32LE(8 * i + 4))
  for (let i = 0; i < count; i++) {
    const [jt, jf] = jumps[i]!
    if (![0x20, 0x54, 0x05, 0x15, 0x25, 0x35, 0x45, 0x06].includes(code[i]!)) throw new Error(`code ${code[i]} at ${i}`)
    if (code[i] === 0x20 && (k[i]! % 4 !== 0 || k[i]! >= DATA_BYTES)) throw new Error(`load of ${k[i]} at ${i}`)
    if (code[i] === 0x05 && i + 1 + k[i]! >= count) throw new Error(`jump out at ${i}`)
    if ((code[i]! & 7) === 5 && code[i] !== 0x05 && i + 1 + Math.max(jt, jf) >= count) throw new Error(`jump out at ${i}`)
  }
  if (code[count - 1] !== 0x06) throw new Error('does not end in a return')
  return ({ nr, arch, args }) => {
    const words = [nr >>> 0, arch >>> 0, 0, 0, ...args.flatMap(each => [Number(each & 0xffffffffn), Number(each >> 32n)])]
    let a = 0
    for (let i = 0; ; i++) {
      const [jt, jf] = jumps[i]!
      const value = k[i]!
      switch (code[i]) {
        case 0x20: a = words[value / 4]!; break
        case 0x54: a = (a & value) >>> 0; break
        case 0x05: i += value; break
        case 0x15: i += a === value ? jt : jf; break
        case 0x25: i += a > value ? jt : jf; break
        case 0x35: i += a >= value ? jt : jf; break
        case 0x45: i += (a & value) !== 0 ? jt : jf; break
        case 0x06: return value
      }
    }
  }
}
