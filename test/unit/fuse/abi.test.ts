import t from 'tap'
import { existsSync, readFileSync } from 'node:fs'
import * as abi from '../../../lib/fuse/abi.js'

const HEADER = '/usr/include/linux/fuse.h'

/** Our tables and the prefix their names have in C. What is not listed under any of them is not ours. */
const tables: readonly (readonly [prefix: string, table: Readonly<Record<string, number>>])[] = [
  ['FATTR_', abi.Fattr],
  ['FOPEN_', abi.Fopen],
  ['FUSE_RELEASE_', abi.ReleaseFlag],
  ['FUSE_GETATTR_', abi.GetattrFlag],
  ['FUSE_LK_', abi.LkFlag],
  ['FUSE_WRITE_', abi.WriteFlag],
  ['FUSE_READ_', abi.ReadFlag],
  ['FUSE_IOCTL_', abi.IoctlFlag],
  ['FUSE_POLL_', abi.PollFlag],
  ['FUSE_FSYNC_', abi.FsyncFlag],
  ['FUSE_ATTR_', abi.AttrFlag],
  ['FUSE_OPEN_', abi.OpenFlag],
  ['FUSE_SETXATTR_', abi.SetxattrFlag],
  ['FUSE_NOTIFY_', abi.NotifyCode],
  ['FUSE_', abi.InitFlag],
  ['FUSE_', abi.Opcode],
]

/** Names that C has and we spell in another way or not at all. */
const other = new Set([
  'FUSE_IOCTL_32BIT',
  'FUSE_KERNEL_VERSION',
  'FUSE_KERNEL_MINOR_VERSION',
  'FUSE_ROOT_ID',
  'FUSE_IOCTL_MAX_IOV',
  'FUSE_EXPIRE_ONLY',
  'FUSE_MAX_NR_SECCTX',
  'FUSE_INIT_BSWAP_RESERVED',
  'FUSE_MIN_READ_BUFFER',
  'FUSE_COMPAT_ENTRY_OUT_SIZE',
  'FUSE_WRITE_KILL_PRIV',
  'FUSE_SETUPMAPPING_FLAG_WRITE',
  'FUSE_SETUPMAPPING_FLAG_READ',
  'FUSE_DEV_IOC_MAGIC',
])

t.test('numbers are those of the installed header', { skip: !existsSync(HEADER) && `no ${HEADER}` }, async (t) => {
  const text = readFileSync(HEADER, 'utf8').replace(/\/\*[\s\S]*?\*\//g, '')
  const found: [string, number][] = []
  for (const [, name = '', bit = ''] of text.matchAll(/^#define\s+(F\w+)\s+\(1(?:ull|ULL)? << (\d+)\)/gm))
    found.push([name, 2 ** Number(bit)])
  for (const [, name = '', value = ''] of text.matchAll(/^\s+(FUSE_\w+)\s*=\s*(\d+),/gm)) found.push([name, Number(value)])
  t.ok(found.length > 120, `${found.length} names in the header`)
  for (const [name, value] of found) {
    if (other.has(name) || name.startsWith('FUSE_COMPAT')) continue
    const ours = tables
      .filter(([prefix]) => name.startsWith(prefix))
      .map(([prefix, table]) => table[name.slice(prefix.length)])
    t.ok(ours.includes(value), `${name} = ${value}`)
  }
})
