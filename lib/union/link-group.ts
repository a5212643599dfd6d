/**
 * Hard-link groups across copy-up (aufs pseudo-links, without the flush at unmount).
 *
 * When a file with several links is copied up, the copy gets a link in the branch's `.wh..wh.plnk/`, named by its origin.
 * Whoever comes by another of its lower names finds the copy there. Names that appear or disappear are counted:
 *
 *     .wh..wh.plnk/FSID-INO      link to the copy
 *     .wh..wh.plnk/FSID-INO.n    symbolic link whose target is the number of names in the union; absent = as below
 *
 * A symbolic link, because one rename replaces it whole and one readlink reads it.
 */
import { sys, type Bytes } from '../os/native.js'
import { E, must } from '../os/errno.js'
import type { Branch } from './branch.js'
import type { Node } from './node.js'

/** Key of a group: the origin. */
export function groupKey(fsid: string, low: number, high: number): string {
  return `${fsid}-${(high * 0x100000000 + low).toString(10)}`
}

/** Name of a group's link in the link directory. */
export function groupName(key: string): Bytes {
  return key
}

const numberBuffer = Buffer.alloc(32)

/** The recorded number of names, or -1 if none is recorded. */
export function readCount(branch: Branch, key: string): number {
  const dir = branch.linkDir()
  if (dir < 0) return -1
  const length = sys.readlinkat(dir, `${key}.n`, numberBuffer)
  if (length < 0) return -1
  const count = Number(numberBuffer.toString('latin1', 0, length))
  return Number.isSafeInteger(count) && count >= 0 ? count : -1
}

/** Record the number of names. @throws Errno ENOSPC, EIO, ... */
export function writeCount(branch: Branch, key: string, count: number): void {
  const dir = branch.makeLinkDir()
  const temp = branch.temp()
  must(sys.symlinkat(String(count), dir, temp), 'symlinkat', temp)
  const rc = sys.renameat2(dir, temp, dir, `${key}.n`, 0)
  if (rc < 0) sys.unlinkat(dir, temp, 0)
  must(rc, 'renameat2', key)
}

/** The last name is gone. */
export function dropGroup(branch: Branch, node: Node): void {
  const dir = branch.linkDir()
  if (dir < 0) return
  for (const name of [groupName(node.group), `${node.group}.n`]) {
    const rc = sys.unlinkat(dir, name, 0)
    if (rc < 0 && rc !== -E.ENOENT) must(rc, 'unlinkat', name)
  }
}

/** Which branch at or above `from` holds the copy of a group; -1 if none. Leaves the copy's statx in `sys.stat`. */
export function findCopy(branches: readonly Branch[], from: number, key: string): number {
  for (let b = from; b >= 0; b--) {
    const branch = branches[b]!
    if (!branch.whiteable) continue
    const dir = branch.linkDir()
    if (dir >= 0 && sys.statx(dir, groupName(key)) === 0) return b
  }
  return -1
}
