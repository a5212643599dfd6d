/**
 * GETXATTR, SETXATTR, LISTXATTR, REMOVEXATTR: of the topmost object; changes copy up first. Our own attributes are not
 * there for users. POSIX ACLs come this way too and are enforced by the kernel. Source: xattr(7); union-semantics 11.3.
 */
import { sys, type Bytes } from '../os/native.js'
import { Errno, E, must } from '../os/errno.js'
import { st } from '../os/stat.js'
import { defineOp, HEADER, type Request } from '../fuse/define-op.js'
import { Opcode, SetxattrFlag } from '../fuse/abi.js'
import { xattrSizeOut } from '../fuse/reply.js'
import { GetxattrIn, SetxattrIn } from '../fuse/structs.js'
import { copyUp } from '../union/copy-up.js'
import { xattrNames } from '../union/copy-meta.js'
import type { Node } from '../union/node.js'
import { place } from '../union/place.js'
import { plainKey, readXattr, storedKey } from '../union/stored-stat.js'
import type { Union } from '../union/union.js'
import { isPrivateXattr, toBranchKey, toUserKey, xattrClass } from '../union/xattr-keys.js'
import { ASKED_PREFIX, askedValue, mayControl } from './shared/asked-keys.js'
import { isAdministrator } from './shared/caller.js'

const XATTR_MAX = 65536
const CREATE = sys.constants['XATTR_CREATE']!
const REPLACE = sys.constants['XATTR_REPLACE']!
const KNOWN_FLAGS = CREATE | REPLACE
const NOTHING = Buffer.alloc(0)
const S_ISGID = 0o2000
const ACL = 'system.posix_acl_'

/** The key on the branch for a user's. @throws Errno for one that is not the user's */
function checkKey(union: Union, userKey: Bytes, write: boolean): Bytes {
  const key = toBranchKey(userKey)
  if (isPrivateXattr(key)) throw new Errno(write ? E.EPERM : E.ENODATA, 'xattr', key)
  if (!union.config.acl && key.startsWith(ACL)) throw new Errno(E.EOPNOTSUPP, 'xattr', key)
  return key
}

/**
 * What would fail on the copy fails before there is one: an unknown class, a key that is there (CREATE) or is not
 * (REPLACE).
 */
function checkChange(union: Union, node: Node, key: Bytes, flags: number): void {
  if (xattrClass(key) === 'other') throw new Errno(E.EOPNOTSUPP, 'setxattr', key)
  if (flags === 0 || union.branches[node.top]!.writable) return
  const at = place(union, node)
  const length = readXattr(union.branches[node.top]!, at, key, NOTHING)
  if (length >= 0 && (flags & CREATE) !== 0) throw new Errno(E.EEXIST, 'setxattr', key)
  if (length < 0 && (flags & REPLACE) !== 0) throw new Errno(-length, 'setxattr', key)
}

/** The reply to a question for `size` bytes where `length` are there; 0 asks for the length. */
function sized(req: Request, size: number, length: number): number {
  if (size === 0) return xattrSizeOut(req.out, HEADER, length)
  return length > size ? -E.ERANGE : length
}

/** The reply with a value of ours. */
function put(req: Request, size: number, value: Bytes): number {
  if (value.length > XATTR_MAX) return -E.EOVERFLOW
  req.out.write(value, HEADER, 'latin1')
  return sized(req, size, value.length)
}

export const getxattr = defineOp({
  opcode: Opcode.GETXATTR, name: 'GETXATTR', in: GetxattrIn, names: 1,
  run(union: Union, req, { size }, userKey) {
    if (userKey.startsWith(ASKED_PREFIX)) return put(req, size, askedValue(union, req, userKey))
    const key = checkKey(union, userKey, false)
    if (req.nodeid === union.control.id) return -E.ENODATA
    const node = union.tree.node(req.nodeid)
    const out = req.out.subarray(HEADER, HEADER + XATTR_MAX)
    const length = readXattr(union.branches[node.top]!, place(union, node), key, out)
    if (length > 0) union.owners?.showXattr(key, req.out.subarray(HEADER, HEADER + length))
    return length < 0 ? length : sized(req, size, length)
  },
})

function isTrusted(key: Bytes): boolean {
  return xattrClass(key) === 'trusted'
}

export const listxattr = defineOp({
  opcode: Opcode.LISTXATTR, name: 'LISTXATTR', in: GetxattrIn, names: 0,
  run(union: Union, req, { size }) {
    if (req.nodeid === union.control.id) return put(req, size, Object.keys(union.control.values()).map(key => `${key}\0`).join(''))
    const node = union.tree.node(req.nodeid)
    const branch = union.branches[node.top]!
    const names = xattrNames(place(union, node)).map(key => plainKey(branch, key))
    let keys = [...new Set(names)].filter(key => !isPrivateXattr(key)).map(toUserKey)
    if (keys.some(isTrusted) && !isAdministrator(req.pid)) keys = keys.filter(key => !isTrusted(key))
    const length = keys.reduce((sum, key) => sum + key.length + 1, 0)
    if (size >= length) req.out.write(keys.map(key => key + '\0').join(''), HEADER, 'latin1')
    return sized(req, size, length)
  },
})

/** A change of the mount itself. */
function changeControl(union: Union, req: Request, key: Bytes, size: number): number {
  const from = req.payload + key.length + 1
  if (!mayControl(req)) throw new Errno(E.EPERM, 'setxattr', key)
  if (!Object.hasOwn(union.control.values(), key)) throw new Errno(E.ENODATA, 'setxattr', key)
  if (from + size > req.payloadEnd) throw new Errno(E.EINVAL, 'setxattr', key)
  union.control.change(key, req.bytes.toString('latin1', from, from + size))
  return 0
}

export const setxattr = defineOp({
  opcode: Opcode.SETXATTR, name: 'SETXATTR', in: SetxattrIn, names: 1,
  run(union: Union, req, { size, flags, setxattr_flags: more }, userKey) {
    if (req.nodeid === union.control.id) return changeControl(union, req, userKey, size)
    const key = checkKey(union, userKey, true)
    const from = req.payload + userKey.length + 1
    if (from + size > req.payloadEnd || (flags & ~KNOWN_FLAGS) !== 0) throw new Errno(E.EINVAL, 'setxattr', key)
    const node = union.tree.node(req.nodeid)
    const given = req.bytes.subarray(from, from + size)
    const value = union.owners === null ? given : union.owners.storedXattr(key, given)
    checkChange(union, node, key, flags)
    copyUp(union, node)
    const at = place(union, node)
    must(sys.setxattr(at.dirfd, at.name, storedKey(union.branches[node.top]!, key), value, flags), 'setxattr', key)
    if ((more & SetxattrFlag.ACL_KILL_SGID) !== 0) {
      must(sys.statx(at.dirfd, at.name), 'statx', node.name)
      if ((st.mode & S_ISGID) !== 0) must(sys.chmod(at.dirfd, at.name, st.mode & 0o7777 & ~S_ISGID), 'fchmodat', node.name)
    }
    return 0
  },
})

export const removexattr = defineOp({
  opcode: Opcode.REMOVEXATTR, name: 'REMOVEXATTR', in: null, names: 1,
  run(union: Union, req, _arg, userKey) {
    const key = checkKey(union, userKey, true)
    const node = union.tree.node(req.nodeid)
    try {
      checkChange(union, node, key, REPLACE)
    } catch (error) {
      // As on other file systems: afterwards there is none.
      if (error instanceof Errno && error.errno === E.ENODATA && key.startsWith(ACL)) return 0
      throw error
    }
    copyUp(union, node)
    const at = place(union, node)
    return must(sys.removexattr(at.dirfd, at.name, storedKey(union.branches[node.top]!, key)), 'removexattr', key)
  },
})
