/**
 * `.tsaufs` in the root of a mount: an object that is on no branch, for root's extended attributes that tell of the mount
 * (as mergerfs has `.mergerfs`). It is found by its name alone, never listed; an entry of that name on a branch wins.
 */
import { sys, type Bytes } from '../os/native.js'
import { Errno, E } from '../os/errno.js'
import { S_IFREG, st } from '../os/stat.js'
import { Node } from './node.js'
import type { Union } from './union.js'

/** Its name in the root directory. */
export const CONTROL_NAME = '.tsaufs'
const PERMISSIONS = 0o600
/** What of `sys.stat` is filled in, and where it says so. */
const STATX_BASIC_STATS = 0x7ff
const STAT_MASK = 108
/** The largest number there is: origins make numbers from the other end (ino.ts). */
const INO = Number.MAX_SAFE_INTEGER

export class ControlObject {
  /** Its nodeid; 0 until somebody who may has looked for it. */
  id = 0
  /** Set by who serves: what it tells, by key. */
  values: () => Readonly<Record<string, Bytes>> = () => ({})
  /** Set by who serves: change what a key tells of. @throws Errno EINVAL, EBUSY, ...; EROFS for what is only told */
  change: (key: Bytes, value: Bytes) => void = key => { throw new Errno(E.EROFS, 'setxattr', key) }

  /** The node, made when it is first looked for and kept to the end. */
  node(union: Union): Node {
    if (this.id !== 0) return union.tree.node(this.id)
    const node = new Node(S_IFREG, INO, null, CONTROL_NAME, 0)
    node.lookups = 1
    union.tree.add(node)
    this.id = node.id
    return node
  }

  /** Fill `sys.stat` with its attributes: an empty file of the daemon's user. */
  attributes(): void {
    sys.stat.fill(0)
    sys.stat.writeUInt32LE(STATX_BASIC_STATS, STAT_MASK)
    st.ino = INO
    st.mode = S_IFREG | PERMISSIONS
    st.nlink = 1
    st.uid = process.geteuid?.() ?? 0
    st.gid = process.getegid?.() ?? 0
  }
}
