/** Extended attributes, POSIX ACLs, file capabilities, inode flags. */
import { dir, file, symlink } from '../../helpers/tree.js'
import type { Row } from '../row.js'
import { CAPABILITY } from './vectors.js'

const NO_ACL = { 'fuse-overlayfs': 'ACLs are stored, not inherited' } as const

/** An ACL value as the kernel keeps it: version 2, then tag, permission, id per entry. */
function acl(...entries: readonly (readonly [tag: number, perm: number, id?: number])[]): { hex: string } {
  const buffer = Buffer.alloc(4 + 8 * entries.length)
  buffer.writeUInt32LE(2)
  entries.forEach(([tag, perm, id], i) => {
    buffer.writeUInt16LE(tag, 4 + 8 * i)
    buffer.writeUInt16LE(perm, 6 + 8 * i)
    buffer.writeUInt32LE(id ?? 0xffffffff, 8 + 8 * i)
  })
  return { hex: buffer.toString('hex') }
}

const [USER_OBJ, USER, GROUP_OBJ, MASK, OTHER] = [1, 2, 4, 16, 32]
const USER_1000 = acl([USER_OBJ, 7], [USER, 6, 1000], [GROUP_OBJ, 5], [MASK, 7], [OTHER, 0])

export const xattrRows: readonly Row[] = [
  {
    name: 'xattrs of lower files: read, set, replaced, removed',
    given: { L1: { f: file('F', { xattrs: { 'user.a': 'A', 'trusted.b': 'B' } }), d: dir({}, { xattrs: { 'user.d': 'D' } }) } },
    steps: [['listxattr', 'f', ['trusted.b', 'user.a']], ['getxattr', 'f', 'user.a', 'A'], ['getxattr', 'f', 'user.no', 'ENODATA'], ['setxattr', 'f', 'user.a', 'x', 1, 'EEXIST'], ['setxattr', 'f', 'user.n', 'x', 2, 'ENODATA'],
      ['setxattr', 'f', 'user.n', 'N', 1], ['removexattr', 'f', 'user.a'], ['removexattr', 'f', 'user.a', 'ENODATA'], ['listxattr', 'f', ['trusted.b', 'user.n']], ['setxattr', 'd', 'user.e', ''], ['listxattr', 'd', ['user.d', 'user.e']],
      ['getxattr', 'd', 'user.e', ''], ['stat', 'f', { mtime: 'kept' }], ['stat', 'd', { mtime: 'kept' }]],
    top: { aufs: ['d', 'f'] },
  },
  {
    name: 'trusted xattrs are listed for root only',
    given: { L1: { f: file('F', { xattrs: { 'user.a': 'A', 'trusted.b': 'B' } }) } },
    steps: [['as', { uid: 1000 }, [['listxattr', 'f', ['user.a']], ['getxattr', 'f', 'trusted.b', 'ENODATA']]], ['listxattr', 'f', ['trusted.b', 'user.a']]],
    differs: { 'fuse-overlayfs': 'lists them for everybody' },
  },
  {
    name: 'failing xattr calls copy nothing up',
    given: { L1: { f: 'F' } },
    steps: [['removexattr', 'f', 'user.no', 'ENODATA'], ['setxattr', 'f', 'user.no', 'x', 2, 'ENODATA'], ['setxattr', 'f', 'nonsense', 'x', 'EOPNOTSUPP'], ['as', { uid: 1000 }, [['setxattr', 'f', 'user.x', 'x', 'EACCES'], ['setxattr', 'f', 'trusted.x', 'x', 'EPERM']]],
      ['setxattr', 'f', `user.${'n'.repeat(260)}`, 'x', 'ERANGE']],
    merged: { f: 'F' },
    top: { aufs: [] },
    differs: { overlayfs: 'copies up first; the tree is the same', 'fuse-overlayfs': 'copies up first' },
  },
  {
    name: 'a large xattr survives copy-up',
    given: { L1: { f: file('F', { xattrs: { 'user.big': { size: 3500 } } }) } },
    steps: [['append', 'f', '!'], ['getxattr', 'f', 'user.big', 'v'.repeat(3500)]],
    merged: { f: 'F!' },
    top: { aufs: ['f'] },
  },
  {
    name: 'a 64 KiB xattr on a tmpfs, and one byte more',
    given: { R: { f: 'F' } },
    tmpfs: '2m',
    steps: [['setxattr', 'f', 'user.big', { size: 65536 }], ['getxattr', 'f', 'user.big', 'v'.repeat(65536)], ['setxattr', 'f', 'user.big', { size: 65537 }, 'E2BIG'], ['listxattr', 'f', ['user.big']]],
    differs: { 'fuse-overlayfs': 'answers through a buffer that is too small' },
  },
  {
    name: 'many xattrs survive copy-up',
    given: { L1: { f: file('F', { xattrs: Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`user.key${i}`, `value ${i}`])) }) } },
    steps: [['chmod', 'f', 0o600], ['getxattr', 'f', 'user.key59', 'value 59']],
  },
  {
    name: 'names kept for ourselves cannot be seen or set',
    given: { L1: { f: 'F', d: { x: 'X' } } },
    only: 'tsaufs',
    steps: [['append', 'f', '!'], ['rename', 'd', 'e'], ['listxattr', 'f', []], ['listxattr', 'e', []], ['getxattr', 'f', 'trusted.tsaufs.origin', 'ENODATA'], ['setxattr', 'f', 'trusted.tsaufs.origin', 'x', 'EPERM'], ['removexattr', 'f', 'trusted.tsaufs.origin', 'EPERM']],
    merged: { f: 'F!', e: { x: 'X' } },
  },
  {
    name: 'xattrs on symbolic links and directories',
    given: { L1: { l: symlink('f'), d: dir({ x: 'X' }, { mode: 0o1777 }) } },
    steps: [['setxattr', 'l', 'user.a', 'x', 'EPERM'], ['setxattr', 'l', 'trusted.a', 'x'], ['getxattr', 'l', 'trusted.a', 'x'], ['listxattr', 'l', ['trusted.a']], ['as', { uid: 1000 }, [['setxattr', 'd', 'user.a', 'x', 'EPERM']]]],
    differs: { 'fuse-overlayfs': 'goes through /proc and follows' },
  },
  {
    name: 'an ACL on a lower file lets a user in, before and after copy-up',
    given: { L1: { f: file('F', { mode: 0o670, xattrs: { 'system.posix_acl_access': USER_1000 } }) } },
    steps: [['as', { uid: 1000 }, [['read', 'f', 'F'], ['append', 'f', '!'], ['read', 'f', 'F!']]], ['as', { uid: 1001 }, [['read', 'f', 'EACCES']]], ['stat', 'f', { mode: 0o770 }]],
    merged: { f: 'F!' },
  },
  {
    name: 'chmod changes the mask of an ACL',
    given: { L1: { f: file('F', { mode: 0o670, xattrs: { 'system.posix_acl_access': USER_1000 } }) } },
    steps: [['chmod', 'f', 0o700], ['as', { uid: 1000 }, [['read', 'f', 'EACCES']]], ['exec', 'getfacl', '-pc', 'f'], ['chmod', 'f', 0o740], ['as', { uid: 1000 }, [['read', 'f', 'F'], ['append', 'f', 'x', 'EACCES']]]],
  },
  {
    name: 'to remove an ACL where there is none is no error, and copies nothing up',
    given: { L1: { f: 'F', d: {} } },
    steps: [['removexattr', 'f', 'system.posix_acl_access'], ['removexattr', 'd', 'system.posix_acl_default'], ['removexattr', 'd', 'system.posix_acl_access']],
    top: { aufs: [] },
    differs: { overlayfs: 'ENODATA', 'fuse-overlayfs': 'ENODATA' },
  },
  {
    name: 'default ACLs are inherited, the umask is not applied',
    given: { L1: { d: dir({}, { xattrs: { 'system.posix_acl_default': USER_1000 } }) } },
    steps: [['umask', 0o077], ['create', 'd/f', 0o666], ['mkdir', 'd/e', 0o777], ['create', 'd/g', 0o600], ['mknod', 'd/p', 'fifo', 0o666], ['symlink', 'x', 'd/l'], ['open', 't', 'd', 'RDWR|TMPFILE', 0o666], ['linkfd', 't', 'd/tmp'],
      ['stat', 'd/f', { mode: 0o660 }], ['stat', 'd/e', { mode: 0o770 }], ['stat', 'd/g', { mode: 0o600 }], ['as', { uid: 1000 }, [['append', 'd/f', 'x'], ['append', 'd/g', 'x', 'EACCES']]], ['mkdir', 'd/e/h'], ['listxattr', 'd/e/h', ['system.posix_acl_access', 'system.posix_acl_default']],
      ['listxattr', 'd/l', []]],
    differs: { ...NO_ACL },
  },
  {
    name: 'copy-up does not pick up the default ACL of the parent',
    given: { R: { d: dir({}, { xattrs: { 'system.posix_acl_default': USER_1000 } }) }, L1: { d: { f: 'F', s: { x: 'X' } } } },
    steps: [['append', 'd/f', '!'], ['listxattr', 'd/f', []], ['stat', 'd/f', { mode: 0o644 }], ['append', 'd/s/x', '!'], ['listxattr', 'd/s', []], ['listxattr', 'd/s/x', []]],
    top: { aufs: ['d', 'd/f', 'd/s', 'd/s/x'] },
    differs: { 'fuse-overlayfs': 'directories do' },
  },
  {
    name: 'setfacl and getfacl',
    given: { L1: { d: { f: 'F' } } },
    steps: [['exec', 'setfacl', '-R', '-m', 'u:1000:rwX,d:u:1000:rwX', 'd'], ['as', { uid: 1000 }, [['append', 'd/f', '!'], ['write', 'd/new', 'N']]], ['exec', 'setfacl', '-b', 'd/f'], ['listxattr', 'd/f', []], ['as', { uid: 1000 }, [['append', 'd/f', 'x', 'EACCES']]]],
    differs: { ...NO_ACL },
  },
  {
    name: 'a file capability is kept by copy-up through chmod, utimes, link and rename, lost by chown and truncate',
    given: { L1: Object.fromEntries(['a', 'b', 'c', 'd', 'e'].map((n) => [n, file('F', { mode: 0o755, xattrs: { 'security.capability': CAPABILITY } })])) },
    steps: [['chmod', 'a', 0o700], ['listxattr', 'a', ['security.capability']], ['utimes', 'b', 1, 2], ['listxattr', 'b', ['security.capability']], ['rename', 'c', 'c2'], ['link', 'c2', 'c3'], ['listxattr', 'c3', ['security.capability']],
      ['chown', 'd', 5, 5], ['listxattr', 'd', []], ['truncate', 'e', 0], ['listxattr', 'e', []]],
    differs: { 'fuse-overlayfs': 'loses or keeps the capability otherwise' },
  },
  {
    name: 'setcap and getcap',
    given: { L1: { f: file('#!', { mode: 0o755 }) } },
    steps: [['exec', 'setcap', 'cap_net_raw+ep', 'f'], ['listxattr', 'f', ['security.capability']], ['append', 'f', '!'], ['listxattr', 'f', []]],
    differs: { 'fuse-overlayfs': 'keeps the capability' },
  },
  {
    name: 'inode flags: asked of lower and top files, set after copy-up',
    given: { L1: { f: 'F' }, R: { r: 'R' } },
    steps: [['setflags', 'r', 0x80], ['getflags', 'r'], ['getflags', 'f'], ['setflags', 'f', 0x80], ['append', 'f', '!'], ['read', 'f', 'F!']],
    merged: { f: 'F!', r: 'R' },
    differs: { 'fuse-overlayfs': 'ENOTTY' },
  },
]
