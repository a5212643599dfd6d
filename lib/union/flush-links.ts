/**
 * At the end of a mount, on a branch in overlayfs's form: names of copied-up files that lie only below (link-group.ts)
 * become real links, as overlayfs does not know our link directory. aufs calls it flushing the pseudo-links.
 */
import { sys, type Bytes } from '../os/native.js'
import { Errno, must } from '../os/errno.js'
import { S_IFDIR } from '../os/stat.js'
import type { Branch } from './branch.js'
import { keepTimes } from './copy-meta.js'
import { ensureDir } from './copy-up.js'
import { dropGroup, groupName } from './link-group.js'
import { listing } from './listings.js'
import { lookup } from './lookup.js'
import { DirNode } from './node.js'
import { dirfd } from './place.js'
import { liesOn } from './remove.js'
import type { Union } from './union.js'
import { readPrivate } from './xattr-keys.js'

const DT_DIR = S_IFDIR >> 12
const origin = Buffer.alloc(64)

/**
 * Give every name of the branch's link groups a link of its own, and drop the link directory. What cannot be done, for want
 * of space, leaves the groups as they are: the next mount by us knows them.
 * @returns null, or why it could not be done
 */
export function flushLinks(union: Union, branch: Branch): Errno | null {
  const links = branch.linkDir()
  if (links < 0) return null
  const raw = sys.readdir(links)
  if (typeof raw === 'number' || raw.names.length === 0) return null
  try {
    linkNames(union, union.tree.root, branch)
    for (const key of raw.names.filter(name => !/\.[np]$/.test(name))) dissolve(branch, links, key)
    return null
  } catch (error) {
    if (error instanceof Errno) return error
    throw error
  }
}

function linkNames(union: Union, dir: DirNode, branch: Branch): void {
  const entries = listing(union, dir, true)
  let entry
  for (let place = entries.placeAfter(0); (entry = entries.entryAt(place)) !== undefined; place++) {
    if (entry === null) continue
    if (entry.type === DT_DIR) {
      const child = lookup(union, dir, entry.name)
      if (!(child instanceof DirNode)) continue
      // Nobody else may ask for it: it would be dropped with the last of its children.
      child.lookups++
      linkNames(union, child, branch)
      child.lookups--
      union.tree.settle(child)
      union.afterRequest()
    } else if (entry.branch >= branch.index && !liesOn(union, dir, entry.name, branch.index)) {
      linkName(union, dir, entry.name, branch)
    }
  }
}

function linkName(union: Union, dir: DirNode, name: Bytes, branch: Branch): void {
  const node = lookup(union, dir, name)
  if (node === null) return
  if (node.indexed && node.top === branch.index) {
    ensureDir(union, dir, branch.index)
    const to = dirfd(union, dir, branch.index)
    const restore = keepTimes(to)
    must(sys.linkat(branch.linkDir(), groupName(node.group), to, name), 'linkat', name)
    restore()
  }
  union.tree.settle(node)
}

/** All its names are links: the group is one by its inode, and is found without us. */
function dissolve(branch: Branch, links: number, key: string): void {
  const length = readPrivate(links, groupName(key), branch.keys.origin, origin)
  const plain = origin.toString('latin1', 0, length).replace(/:g$/, '')
  if (length > 0) must(sys.setxattr(links, groupName(key), branch.keys.origin, Buffer.from(plain, 'latin1'), 0), 'setxattr', key)
  dropGroup(branch, key)
}
