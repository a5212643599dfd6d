/** STATFS: of the first writable branch (nosum), or of all file systems together (sum). Source: union-semantics 11.1. */
import { sys } from '../os/native.js'
import { must } from '../os/errno.js'
import { defineOp, HEADER } from '../fuse/define-op.js'
import { Opcode } from '../fuse/abi.js'
import { putU64, statfsOut } from '../fuse/reply.js'
import type { Branch } from '../union/branch.js'
import type { Union } from '../union/union.js'

const words = new Uint32Array(sys.fsstat.buffer, sys.fsstat.byteOffset, sys.fsstat.length >> 2)
/** Words of fuse_kstatfs: blocks, bfree, bavail; files, ffree; bsize, namelen, frsize. */
const SPACE = [0, 2, 4] as const
const FILES = [6, 8] as const
const NAMELEN = 11
const FRSIZE = 12

const u64 = (i: number): number => words[i]! + words[i + 1]! * 0x100000000

/** Every distinct file system once, in units of the first one's blocks. */
function sum(branches: readonly Branch[]): void {
  const seen = new Set<string>()
  const total = new Float64Array(SPACE.length + FILES.length)
  for (const branch of branches) {
    if (seen.has(branch.fsid)) continue
    seen.add(branch.fsid)
    must(sys.statfs(branch.fd), 'statfs', branch.spec.path)
    const unit = words[FRSIZE]!
    SPACE.forEach((at, i) => { total[i]! += u64(at) * unit })
    FILES.forEach((at, i) => { total[SPACE.length + i]! += u64(at) })
  }
  must(sys.statfs(branches[0]!.fd), 'statfs', branches[0]!.spec.path)
  const unit = words[FRSIZE]! || 1
  SPACE.forEach((at, i) => { putU64(words, at, Math.floor(total[i]! / unit)) })
  FILES.forEach((at, i) => { putU64(words, at, total[SPACE.length + i]!) })
}

/** Where something can be written; a union that is read-only shows all it has. */
function writableOf({ branches }: Union): readonly Branch[] {
  const writable = branches.filter(each => each.writable)
  return writable.length > 0 ? writable : branches
}

export const statfs = defineOp({
  opcode: Opcode.STATFS, name: 'STATFS', in: null, names: 0,
  run(union: Union, req) {
    const branch = union.branches.find(each => each.writable) ?? union.branches[0]!
    if (union.config.sum) sum(union.config.sumOmitsRo ? writableOf(union) : union.branches)
    else must(sys.statfs(branch.fd), 'statfs', branch.spec.path)
    words[NAMELEN] = union.nameMax
    return statfsOut(req.out, HEADER, sys.fsstat)
  },
})
