/**
 * Questions answered ENOSYS so that the kernel stops asking them: ACCESS (default_permissions decides), FLUSH (no state
 * to flush), POLL (regular files are always ready), BMAP. Locks are the kernel's own and never come.
 */
import { E } from '../os/errno.js'
import { defineOp } from '../fuse/define-op.js'
import { Opcode } from '../fuse/abi.js'
import type { Union } from '../union/union.js'

const refuse = (opcode: number, name: string) =>
  defineOp<Union, unknown>({ opcode, name, in: null, names: 0, run: () => -E.ENOSYS })

export const refused = [
  refuse(Opcode.ACCESS, 'ACCESS'), refuse(Opcode.FLUSH, 'FLUSH'), refuse(Opcode.POLL, 'POLL'), refuse(Opcode.BMAP, 'BMAP'),
]
