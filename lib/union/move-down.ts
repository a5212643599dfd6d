/** Moving a file to a lower writable branch because somebody asks for it (aumvdown, tiering). Source: union-semantics 7.3. */
import { sys, type Bytes } from '../os/native.js'
import { must } from '../os/errno.js'
import { st } from '../os/stat.js'
import { lookup } from './lookup.js'
import { moveTo, Refusal, type MoveOptions } from './move.js'
import type { Node } from './node.js'
import { place } from './place.js'
import type { Union } from './union.js'
import { aufs } from './whiteout/aufs.js'

export { Refusal }

/** What is asked for. */
export interface MoveDown extends MoveOptions {
  /** From the root of the union, without a leading slash. */
  readonly path: Bytes
  /** Root of the branch it shall go to; null for the next writable one below. */
  readonly branch: Bytes | null
  /** Only if it lies on the branch with this root; null for any. */
  readonly from: Bytes | null
}

/** Is a name on a branch none of the user's? */
export function isOurs(name: Bytes): boolean {
  return aufs.classify(name) !== 'entry'
}

/** What was done. */
export interface Moved {
  readonly from: Bytes
  readonly to: Bytes
  readonly bytes: number
}

/** The node behind a path, no link followed. @throws Refusal ENOENT, ENOTDIR */
function find(union: Union, path: Bytes): Node {
  let node: Node = union.tree.root
  for (const name of path.split('/').filter(part => part !== '')) {
    if (!node.isDir()) throw new Refusal('ENOTDIR', 'part of the path is no directory')
    const next = lookup(union, node, name)
    if (next === null) {
      union.tree.settle(node)
      throw new Refusal('ENOENT', 'there is no such file')
    }
    node = next
  }
  return node
}

/** The branch to go to. @throws Refusal */
function target(union: Union, node: Node, branch: Bytes | null): number {
  const { branches } = union
  if (branch === null) {
    const next = branches.findIndex((each, b) => b > node.top && each.writable)
    if (next < 0) throw new Refusal('EROFS', `no writable branch lies below ${branches[node.top]!.spec.path}`)
    return next
  }
  const to = branches.findIndex(({ spec }) => spec.path === branch)
  if (to < 0) throw new Refusal('ENOENT', `${branch} is no branch of the mount`)
  if (!branches[to]!.writable) throw new Refusal('EROFS', `branch ${branch} is not writable`)
  if (to <= node.top) throw new Refusal('EINVAL', `branch ${branch} is not below ${branches[node.top]!.spec.path}, where it lies`)
  return to
}

/**
 * Move a file down, or put a copy of it there.
 * @throws Refusal, before anything has changed; Wait (run it again then); Errno ENOSPC, EIO, ...
 */
export function moveDown(union: Union, { path, branch, from: only, ...options }: MoveDown): Moved {
  const node = find(union, path)
  try {
    if (node.isDir()) throw new Refusal('EISDIR', 'it is a directory; give the files in it')
    if (union.opens?.isOpen(node) === true) throw new Refusal('EBUSY', 'it is open')
    const from = union.branches[node.top]!.spec.path
    if (only !== null && only !== from) throw new Refusal('EINVAL', `it lies on ${from}`)
    const to = target(union, node, branch)
    const at = place(union, node)
    must(sys.statx(at.dirfd, at.name), 'statx', node.name)
    const bytes = st.blocks * 512
    moveTo(union, node, to, options)
    return { from, to: union.branches[to]!.spec.path, bytes }
  } finally {
    union.tree.settle(node)
  }
}
