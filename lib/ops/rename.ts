/** RENAME2 and RENAME: give an entry another name, maybe another parent. Source: rename(2); union-semantics 4.6. */
import { sys, type Bytes } from '../os/native.js'
import { Errno, E } from '../os/errno.js'
import { defineOp } from '../fuse/define-op.js'
import { Opcode } from '../fuse/abi.js'
import { Rename2In, RenameIn } from '../fuse/structs.js'
import { ensureDir } from '../union/copy-up.js'
import { isEmpty } from '../union/listings.js'
import { NO_PLAN } from '../union/link-group.js'
import type { DirNode, Node } from '../union/node.js'
import { lookup } from '../union/lookup.js'
import { actExchange, actRename, bringUp, detach, renameBranch, type Destination, type Named } from '../union/rename.js'
import { holdOpen, planUncount } from '../union/remove.js'
import type { Union } from '../union/union.js'
import { checkLookupName, checkNewName } from './shared/check-name.js'
import { moveEntries, exchangeEntries, loseName } from './shared/publish-names.js'

const NOREPLACE = sys.constants['RENAME_NOREPLACE']!
const EXCHANGE = sys.constants['RENAME_EXCHANGE']!
const WHITEOUT = sys.constants['RENAME_WHITEOUT']!

function entry(union: Union, dir: DirNode, name: Bytes): Node | null {
  return dir.children.get(name) ?? lookup(union, dir, name)
}

function check(from: Named, to: Destination, flags: number, union: Union): void {
  checkNewName(union, to.name)
  if ((flags & ~(NOREPLACE | EXCHANGE | WHITEOUT)) !== 0) throw new Errno(E.EINVAL, 'rename', to.name)
  if (to.dir.parent === null && to.dir !== union.tree.root) throw new Errno(E.ENOENT, 'rename', to.name)
  if (to.node === null) {
    if ((flags & EXCHANGE) !== 0) throw new Errno(E.ENOENT, 'rename', to.name)
    return
  }
  if ((flags & NOREPLACE) !== 0) throw new Errno(E.EEXIST, 'rename', to.name)
  if ((flags & EXCHANGE) !== 0) {
    checkNewName(union, from.name)
    return
  }
  if (to.node.isDir()) {
    if (!from.node.isDir()) throw new Errno(E.EISDIR, 'rename', to.name)
    if (!isEmpty(union, to.node)) throw new Errno(E.ENOTEMPTY, 'rename', to.name)
  } else if (from.node.isDir()) {
    throw new Errno(E.ENOTDIR, 'rename', to.name)
  }
}

function exchange(union: Union, from: Named, to: Named): number {
  const branch = renameBranch(union, from, to)
  bringUp(union, from, branch)
  bringUp(union, to, branch)
  const attach: (() => void)[] = []
  try {
    if (from.node.isDir()) attach.push(detach(union, from.node, to, branch))
    if (to.node.isDir()) attach.push(detach(union, to.node, from, branch))
    actExchange(union, from, to, branch)
  } catch (error) {
    for (const undo of attach) undo()
    throw error
  }
  exchangeEntries(from, to)
  return 0
}

function run(union: Union, olddir: number, newdir: number, oldName: Bytes, newName: Bytes, flags: number): number {
  const dir = union.tree.dir(olddir)
  checkLookupName(oldName, false)
  const node = entry(union, dir, oldName)
  if (node === null) throw new Errno(E.ENOENT, 'rename', oldName)
  const from: Named = { dir, name: oldName, node }
  const toDir = union.tree.dir(newdir)
  checkLookupName(newName, false)
  const to: Destination = { dir: toDir, name: newName, node: entry(union, toDir, newName) }
  check(from, to, flags, union)
  if (to.node === node) return 0
  if ((flags & EXCHANGE) !== 0) return exchange(union, from, { ...to, node: to.node! })

  const branch = renameBranch(union, from, to)
  if ((flags & WHITEOUT) !== 0) branch.keepDevices()
  bringUp(union, from, branch)
  ensureDir(union, toDir, branch.index)
  const attach = node.isDir() ? detach(union, node, to, branch) : () => {}
  let plan = NO_PLAN
  let kept = -1
  try {
    if (to.node !== null) plan = planUncount(union, { ...to, node: to.node }, branch.index)
    if (to.node !== null) kept = holdOpen(union, to.node)
    actRename(union, from, to, branch, flags & WHITEOUT, plan)
  } catch (error) {
    plan.cancel()
    attach()
    if (kept >= 0) sys.close(kept)
    throw error
  }
  if (to.node !== null) loseName(union, { ...to, node: to.node }, kept)
  moveEntries(union, from, to, branch.index)
  if ((flags & WHITEOUT) !== 0) dir.listing = null
  return 0
}

export const rename2 = defineOp({
  opcode: Opcode.RENAME2, name: 'RENAME2', in: Rename2In, names: 2,
  run: (union: Union, req, arg, oldName, newName) => run(union, req.nodeid, arg.newdir, oldName, newName, arg.flags),
})

export const rename = defineOp({
  opcode: Opcode.RENAME, name: 'RENAME', in: RenameIn, names: 2,
  run: (union: Union, req, arg, oldName, newName) => run(union, req.nodeid, arg.newdir, oldName, newName, 0),
})
