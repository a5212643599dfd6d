/**
 * A table of devices as a BPF program, which the kernel asks before a process of the group opens or makes a device.
 * The program gets struct bpf_cgroup_dev_ctx { u32 access_type: access << 16 | type; u32 major; u32 minor; } in r1 and
 * answers 1 (allowed) or 0 in r0. One instruction is 8 bytes: u8 opcode; u8 dst | src << 4; s16 offset; s32 immediate.
 * Source: linux/bpf.h, BPF_PROG_TYPE_CGROUP_DEVICE; Documentation/bpf/standardization/instruction-set.rst.
 */
import { ALL_ACCESS, type DeviceException, type DeviceTable } from '../device-rules.js'

const TYPE: Readonly<Record<DeviceException['type'], number>> = { b: 1, c: 2 }

/** Opcodes: class | source | operation. */
const Op = {
  LOAD_U32: 0x61, MOVE: 0xbf, MOVE_IMM: 0xb7, AND_IMM: 0x57, SHIFT_RIGHT_IMM: 0x77,
  JUMP_NOT_EQUAL_IMM: 0x55, JUMP_EQUAL_IMM: 0x15, JUMP_NOT_EQUAL: 0x5d, EXIT: 0x95,
} as const

/** Registers: the answer, the context and scratch, and what was asked. */
const R = { ANSWER: 0, SCRATCH: 1, TYPE: 2, ACCESS: 3, MAJOR: 4, MINOR: 5 } as const

interface Instruction {
  readonly op: number
  readonly dst: number
  readonly src?: number
  readonly offset?: number
  readonly imm?: number
}

/** The instructions of a table. */
export function deviceProgram({ allow, exceptions }: DeviceTable): Buffer {
  const program: Instruction[] = [
    { op: Op.LOAD_U32, dst: R.TYPE, src: R.SCRATCH, offset: 0 },
    { op: Op.MOVE, dst: R.ACCESS, src: R.TYPE },
    { op: Op.AND_IMM, dst: R.TYPE, imm: 0xffff },
    { op: Op.SHIFT_RIGHT_IMM, dst: R.ACCESS, imm: 16 },
    { op: Op.LOAD_U32, dst: R.MAJOR, src: R.SCRATCH, offset: 4 },
    { op: Op.LOAD_U32, dst: R.MINOR, src: R.SCRATCH, offset: 8 },
  ]
  for (const exception of exceptions) program.push(...block(exception, !allow))
  program.push({ op: Op.MOVE_IMM, dst: R.ANSWER, imm: allow ? 1 : 0 }, { op: Op.EXIT, dst: 0 })
  return encode(program)
}

/** One exception: each test that fails jumps behind the block. */
function block({ type, major, minor, access }: DeviceException, allows: boolean): Instruction[] {
  const tests: ((behind: number) => Instruction[])[] = [
    (offset) => [{ op: Op.JUMP_NOT_EQUAL_IMM, dst: R.TYPE, imm: TYPE[type], offset }],
  ]
  if (major >= 0) tests.push((offset) => [{ op: Op.JUMP_NOT_EQUAL_IMM, dst: R.MAJOR, imm: major, offset }])
  if (minor >= 0) tests.push((offset) => [{ op: Op.JUMP_NOT_EQUAL_IMM, dst: R.MINOR, imm: minor, offset }])
  if (access !== ALL_ACCESS) {
    // Allowed when all that is asked is in it; forbidden when anything is.
    tests.push((offset) => [
      { op: Op.MOVE, dst: R.SCRATCH, src: R.ACCESS },
      { op: Op.AND_IMM, dst: R.SCRATCH, imm: access },
      allows ? { op: Op.JUMP_NOT_EQUAL, dst: R.SCRATCH, src: R.ACCESS, offset }
        : { op: Op.JUMP_EQUAL_IMM, dst: R.SCRATCH, imm: 0, offset },
    ])
  }
  const answer: Instruction[] = [{ op: Op.MOVE_IMM, dst: R.ANSWER, imm: allows ? 1 : 0 }, { op: Op.EXIT, dst: 0 }]
  return tests.reduceRight<Instruction[]>((behind, test) => [...test(behind.length), ...behind], answer)
}

function encode(program: readonly Instruction[]): Buffer {
  const bytes = Buffer.alloc(program.length * 8)
  program.forEach(({ op, dst, src = 0, offset = 0, imm = 0 }, i) => {
    bytes.writeUInt8(op, i * 8)
    bytes.writeUInt8(dst | src << 4, i * 8 + 1)
    bytes.writeInt16LE(offset, i * 8 + 2)
    bytes.writeInt32LE(imm, i * 8 + 4)
  })
  return bytes
}
