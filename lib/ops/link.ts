/** LINK: one more name for a node; a lower file is copied up first. Source: link(2); union-semantics 4.5. */
import { sys, type Bytes } from '../os/native.js'
import { Errno, E, must } from '../os/errno.js'
import { st } from '../os/stat.js'
import { defineOp } from '../fuse/define-op.js'
import { Opcode } from '../fuse/abi.js'
import { LinkIn } from '../fuse/structs.js'
import { attributes } from '../union/attr.js'
import type { Branch } from '../union/branch.js'
import { carryOrigin, copyUp, ensureDir } from '../union/copy-up.js'
import { groupKey } from '../union/link-group.js'
import type { DirNode, Node } from '../union/node.js'
import { dirfd, place, type Place } from '../union/place.js'
import { isSeenOn, nearestFit } from '../union/reach.js'
import { mayHoldWhiteouts, planRecount, replaceWhiteout, unwhite } from '../union/remove.js'
import type { Union } from '../union/union.js'
import { checkNewName } from './shared/check-name.js'
import { entryReply } from './shared/entry-reply.js'

/** The key by which the node is found from now on, whichever of its names is asked for. */
function keyOf(union: Union, node: Node): string {
  if (node.group !== '') return node.group
  const at = place(union, node)
  must(sys.statx(at.dirfd, at.name), 'statx', node.name)
  return groupKey(union.branches[node.top]!.fsid, st.inoLow, st.inoHigh)
}

/** The new name; a whiteout in its place is replaced. @throws Errno */
function linkName(branch: Branch, at: Place, to: number, name: Bytes): void {
  const rc = sys.linkat(at.dirfd, at.name, to, name)
  if (rc !== -E.EEXIST || !branch.inPlace || !branch.hidesInPlace(to, name)) {
    must(rc, 'linkat', name)
    return
  }
  const temp = branch.tempBeside()
  must(sys.linkat(at.dirfd, at.name, to, temp), 'linkat', name)
  try {
    replaceWhiteout(to, temp, name, false)
  } catch (error) {
    sys.unlinkat(to, temp, 0)
    throw error
  }
}

/** Where the link is made: on the file's branch, or the nearest above on which the name would be seen. @throws Errno EROFS */
function linkBranch(union: Union, dir: DirNode, name: Bytes, top: number): number {
  const to = nearestFit(union, top, each => isSeenOn(union, dir, name, each))
  if (to < 0) throw new Errno(E.EROFS, 'link', name)
  return to
}

export const link = defineOp({
  opcode: Opcode.LINK, name: 'LINK', in: LinkIn, names: 1,
  run(union: Union, req, { oldnodeid }, name) {
    const node = union.tree.node(oldnodeid)
    const dir = union.tree.dir(req.nodeid)
    checkNewName(union, name)
    if (node.isDir()) throw new Errno(E.EPERM, 'link', name)
    if (dir.parent === null && dir !== union.tree.root) throw new Errno(E.ENOENT, 'link', name)
    copyUp(union, node)
    copyUp(union, node, Infinity, linkBranch(union, dir, name, node.top))
    const branch = union.branches[node.top]!
    ensureDir(union, dir, branch.index)
    const to = dirfd(union, dir, branch.index)
    const at = place(union, node)
    carryOrigin(union, at, dir, branch)
    const key = keyOf(union, node)
    const plan = planRecount(union, { dir, name, node })
    try {
      linkName(branch, at, to, name)
    } catch (error) {
      plan.cancel()
      throw error
    }
    try {
      attributes(union, node)
      if (plan.count >= 0) st.nlink = plan.count
      union.shown = node
      plan.commit()
    } catch (error) {
      sys.unlinkat(to, name, 0)
      plan.cancel()
      throw error
    }
    if (mayHoldWhiteouts(dir, branch.index)) unwhite(union, dir, name, branch)
    if (node.group === '') union.tree.joinGroup(node, key)
    const stale = dir.children.get(name)
    if (stale !== undefined && stale !== node) union.vanish(stale, dir, name)
    union.tree.link(node, dir, name)
    dir.listing?.add(name, branch.index, node.kind >> 12, 0, 0)
    return entryReply(union, req, node)
  },
})
