/** Device rules: as one table, and as a program that an interpreter of a few lines runs here. */
import t from 'tap'
import { ALL_DEVICES, DEFAULT_DEVICE_RULES, deviceRule, deviceTable, parseDeviceRule } from '../../../lib/engine/cgroup/device-rules.js'
import { deviceProgram } from '../../../lib/engine/cgroup/v2/device-program.js'
import type { OciDeviceRule } from '../../../lib/engine/oci.js'

/** What BPF does with the few instructions there are; offsets never lead back. */
function interpret(program: Buffer, access: number, type: number, major: number, minor: number): number {
  const r: number[] = []
  const context = [access << 16 | type, major, minor]
  for (let pc = 0; pc * 8 < program.length; pc++) {
    const [op, registers] = [program[pc * 8]!, program[pc * 8 + 1]!]
    const [dst, src] = [registers & 15, registers >> 4]
    const [offset, imm] = [program.readInt16LE(pc * 8 + 2), program.readInt32LE(pc * 8 + 4)]
    if (offset < 0) throw new Error('a jump back')
    switch (op) {
      case 0x61: r[dst] = context[offset / 4]!; break
      case 0xbf: r[dst] = r[src]!; break
      case 0xb7: r[dst] = imm; break
      case 0x57: r[dst] = r[dst]! & imm; break
      case 0x77: r[dst] = r[dst]! >>> imm; break
      case 0x55: if (r[dst] !== imm) pc += offset; break
      case 0x15: if (r[dst] === imm) pc += offset; break
      case 0x5d: if (r[dst] !== r[src]) pc += offset; break
      case 0x95: return r[0]!
      default: throw new Error(`opcode ${op}`)
    }
  }
  throw new Error('no exit')
}

function answers(rules: readonly OciDeviceRule[], asked: readonly string[]): string {
  const program = deviceProgram(deviceTable(rules))
  return asked.filter((each) => {
    const [, type, major, minor, access] = /^([bc])(\d+):(\d+)([rwm]+)$/.exec(each)!
    const bits = [...access!].reduce((sum, letter) => sum | { m: 1, r: 2, w: 4 }[letter]!, 0)
    return interpret(program, bits, type === 'b' ? 1 : 2, Number(major), Number(minor)) === 1
  }).join(' ')
}

t.test('the defaults', async t => {
  const asked = ['c1:3rw', 'c1:3m', 'c1:1r', 'c1:1m', 'b8:0m', 'b8:0r', 'b8:0rm', 'c136:77rwm', 'c10:229rw', 'c5:2rw', 'b1:3r']
  t.equal(answers(DEFAULT_DEVICE_RULES, asked), 'c1:3rw c1:3m c1:1m b8:0m c136:77rwm c5:2rw')
  t.equal(answers([...DEFAULT_DEVICE_RULES, deviceRule('b', 8, 0, 'r')], ['b8:0r', 'b8:0w', 'b8:0rw', 'b8:1r']), 'b8:0r')
  t.equal(answers(ALL_DEVICES, asked), asked.join(' '))
  t.equal(answers([], asked), '', 'no rule: nothing')
})

t.test('later rules', async t => {
  const deny = (type: string, major: number, minor: number, access: string): OciDeviceRule => ({ allow: false, type, major, minor, access })
  t.equal(answers([...ALL_DEVICES, deny('c', 1, 3, 'w')], ['c1:3r', 'c1:3w', 'c1:3rw', 'c1:5w']), 'c1:3r c1:5w', 'all but')
  t.equal(answers([deviceRule('c', 1, 3, 'r'), deviceRule('c', 1, 3, 'w')], ['c1:3rw', 'c1:3rwm']), 'c1:3rw', 'two are one')
  t.equal(answers([deviceRule('c', 1, 3), deny('c', 1, 3, 'w')], ['c1:3r', 'c1:3w']), 'c1:3r', 'part of one taken away')
  t.equal(answers([...DEFAULT_DEVICE_RULES, deny('c', 10, 229, 'rwm')], ['c1:3r']), 'c1:3r', 'what was never allowed')
})

t.test('the flag', async t => {
  t.same(parseDeviceRule('c 42:* rw'), { allow: true, type: 'c', major: 42, minor: -1, access: 'rw' })
  t.same(parseDeviceRule('a *:* rwm'), { allow: true, type: 'a', major: -1, minor: -1, access: 'rwm' })
  for (const text of ['', 'c 42', 'd 1:2 r', 'c 1:2 x', 'c 1:2 rwmr', 'c  1:2 r', 'c 1:2 r\n']) {
    t.throws(() => parseDeviceRule(text), { message: /invalid device cgroup format/ }, JSON.stringify(text))
  }
  t.throws(() => deviceTable([{ allow: true, type: 'x' }]), { message: /type must be/ })
  t.throws(() => deviceTable([{ allow: true, type: 'c', access: 'q' }]), { message: /only letters/ })
})
