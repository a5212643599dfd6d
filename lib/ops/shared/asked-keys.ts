/**
 * `user.tsaufs.*`: extended attributes that are computed when they are asked for, and stored nowhere. For root and the one
 * who mounted, never listed, so that nothing copies them; everybody else is told that there are none.
 */
import { readlinkSync } from 'node:fs'
import { Errno, E } from '../../os/errno.js'
import { sys, type Bytes } from '../../os/native.js'
import { attrOut, entryOut, statxOut } from '../../fuse/reply.js'
import { HEADER, type Request } from '../../fuse/define-op.js'
import { st } from '../../os/stat.js'
import { explain, whiteoutsIn, type Explanation } from '../../union/explain.js'
import { unionPath } from '../../union/ledger.js'
import { DirNode, type Node } from '../../union/node.js'
import type { Union } from '../../union/union.js'
import { callerUid } from './caller.js'

/** What they all begin with; what is stored under such a name is not what is told. */
export const ASKED_PREFIX = 'user.tsaufs.'

/** Values by key, of what is found; several are ended by NUL each but the last. '' is the same as no such attribute. */
const OF_FILES: Readonly<Record<string, (union: Union, node: Node, e: Explanation) => Bytes>> = {
  branch: (union, node) => union.branches[node.top]!.spec.path,
  layers: (_union, _node, { parts, hides }) =>
    [...parts, ...hides].sort((a, b) => a.branch - b.branch).map(({ at }) => at).join('\0'),
  origin: (_union, _node, { origin }) => (origin === null ? '' : `${origin.fsid}:${origin.ino}`),
  whiteout: (union, node, { cut }) => {
    const own = cut !== null && (cut.why === 'whiteout' || cut.why === 'opaque') ? [cut.at] : []
    return [...own, ...(node instanceof DirNode ? whiteoutsIn(union, node) : [])].join('\0')
  },
}

/**
 * May the caller ask, and change the mount? Root or the daemon's user; and where the daemon lives: the root of a container
 * on this mount must neither see the host's paths nor choose any.
 */
export function mayControl(req: Readonly<Request>): boolean {
  const uid = callerUid(req.pid)
  if (uid !== 0 && uid !== process.geteuid?.()) return false
  try {
    const [mine, its] = ['self', String(req.pid)].map(pid => ['ns/mnt', 'root'].map(what => readlinkSync(`/proc/${pid}/${what}`)).join())
    return mine === its
  } catch {
    // Not there, not ours to look at, or the kernel itself: nobody we know.
    return false
  }
}

/** The value of one of these keys. @throws Errno ENODATA */
export function askedValue(union: Union, req: Readonly<Request>, key: Bytes): Bytes {
  const name = key.slice(ASKED_PREFIX.length)
  let value: Bytes | undefined
  if (name !== '' && mayControl(req)) {
    const node = union.tree.node(req.nodeid)
    if (node.id === union.control.id) value = union.control.values()[key]
    else if (Object.hasOwn(OF_FILES, name) && unionPath(node) !== '') {
      value = OF_FILES[name]!(union, node, explain(union, unionPath(node)))
    }
  }
  if (value === undefined || value === '') throw new Errno(E.ENODATA, 'getxattr', key)
  return value
}

/** LOOKUP of the control object, -ENOENT if it is not for the caller. Nothing of it is cached: others would find it too. */
export function controlEntry(union: Union, req: Request): number {
  if (!mayControl(req)) return -E.ENOENT
  const node = union.control.node(union)
  union.control.attributes()
  node.lookups++
  return entryOut(req.out, HEADER, node.id, union.tree.generation(node.id), 0, 0, st.attr)
}

/** GETATTR of it. */
export function controlAttr(union: Union, req: Request): number {
  union.control.attributes()
  return attrOut(req.out, HEADER, 0, st.attr)
}

/** STATX of it. */
export function controlStatx(union: Union, req: Request): number {
  union.control.attributes()
  return statxOut(req.out, HEADER, 0, sys.stat)
}
