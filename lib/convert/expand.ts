/**
 * Writing redirects out: a renamed directory gets all it shows from below, and becomes opaque. For formats that have no
 * redirects (OCI layers).
 */
import { must } from '../os/errno.js'
import { S_IFDIR } from '../os/stat.js'
import type { Branch } from '../union/branch.js'
import { keepTimes } from '../union/copy-meta.js'
import { copyUp, ensureDir } from '../union/copy-up.js'
import { listing } from '../union/listings.js'
import { lookup } from '../union/lookup.js'
import { DirNode, type Node } from '../union/node.js'
import { dirfd } from '../union/place.js'
import { liesOn } from '../union/remove.js'
import { bringUp } from '../union/rename.js'
import type { Union } from '../union/union.js'
import { Wait } from '../util/wait.js'

const DT_DIR = S_IFDIR >> 12

/** Write out every redirect of the first branch. @returns how many there were @throws Errno ENOSPC, EIO, ... */
export async function expandRedirects(union: Union, branch: Branch): Promise<number> {
  return walk(union, union.tree.root, branch, false)
}

/** @param all whether the directory is below a redirect: everything in it is to lie on the branch */
async function walk(union: Union, dir: DirNode, branch: Branch, all: boolean): Promise<number> {
  let count = 0
  const entries = listing(union, dir, true)
  let entry
  for (let place = entries.placeAfter(0); (entry = entries.entryAt(place)) !== undefined; place++) {
    if (entry === null || (!all && entry.type !== DT_DIR)) continue
    const node = lookup(union, dir, entry.name)
    if (node === null) continue
    // Nobody else asks for it: it would be dropped with the last of its children.
    node.lookups++
    if (node instanceof DirNode) {
      const redirected = node.redirects.some(redirect => redirect.at === branch.index)
      if (all) ensureDir(union, node, branch.index)
      if (node.branches.includes(branch.index)) count += await walk(union, node, branch, all || redirected)
      if (redirected) {
        close(union, node, branch)
        count++
      }
    } else {
      await bring(union, dir, entry.name, node, branch)
    }
    node.lookups--
    union.tree.settle(node)
    union.afterRequest()
  }
  return count
}

async function bring(union: Union, dir: DirNode, name: string, node: Node, branch: Branch): Promise<void> {
  for (;;) {
    try {
      copyUp(union, node, Infinity, branch.index)
      if (!liesOn(union, dir, name, branch.index)) bringUp(union, { dir, name, node }, branch)
      return
    } catch (error) {
      if (!(error instanceof Wait)) throw error
      await error.done
    }
  }
}

/** All is there: opaque first, then without its redirect. */
function close(union: Union, dir: DirNode, branch: Branch): void {
  const fd = dirfd(union, dir, branch.index)
  const restore = keepTimes(fd)
  must(branch.format.setOpaque(fd), 'opaque', dir.name)
  branch.clearRedirect(fd)
  restore()
}
