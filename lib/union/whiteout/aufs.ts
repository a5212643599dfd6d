/**
 * aufs's whiteouts, which are also the form of OCI layers: `.wh.NAME` beside where NAME would be, `.wh..wh..opq` inside
 * an opaque directory, `.wh..wh.*` for bookkeeping. Sources: aufs(5) "whiteout"; OCI image-spec layer.md "Whiteouts".
 */
import { sys, type Bytes } from '../../os/native.js'
import { Errno, E } from '../../os/errno.js'
import type { NameClass, WhiteoutFormat } from './format.js'

const PREFIX = '.wh.'
const RESERVED = '.wh..wh.'
const OPAQUE = '.wh..wh..opq'
const NAME_MAX = 255

/** Names at a branch root that are ours. */
export const WORK_DIR = '.wh..wh.work'
export const LINK_DIR = '.wh..wh.plnk'
/** Where `tsaufs check --repair` puts what has content and no business under a reserved name. */
export const LOST_DIR = '.wh..wh.lost'

/** What a reserved name is for: ours, aufs's, or nobody's. Those of a branch root are `unknown` elsewhere. */
export type ReservedName =
  | 'bare' | 'opaque' | 'work' | 'links' | 'lost' | 'temporary' | 'base' | 'orphans' | 'renames' | 'unknown'

const AT_ROOT: Readonly<Record<string, ReservedName>> = {
  [WORK_DIR]: 'work', [LINK_DIR]: 'links', [LOST_DIR]: 'lost',
  '.wh..wh.aufs': 'base', '.wh..wh.orph': 'orphans', '.wh..wh.hino': 'renames',
}

/** What a name of class `reserved` is for. Source: aufs's design/04branch, 06dirren; union-semantics section 2. */
export function reservedName(name: Bytes, atRoot: boolean): ReservedName {
  if (name === PREFIX) return 'bare'
  if (name === OPAQUE) return 'opaque'
  if (atRoot && Object.hasOwn(AT_ROOT, name)) return AT_ROOT[name]!
  if (name.startsWith('.wh..wh..dr.')) return 'renames'
  return aufs.isTemporary(name) ? 'temporary' : 'unknown'
}

const O_EXCL_CREATE = sys.constants['O_CREAT']! | sys.constants['O_EXCL']! | sys.constants['O_WRONLY']!

/** statx(2) failing so says that there is none; EPERM where the branch is a union itself, which has no such names. */
const ABSENT: ReadonlySet<number> = new Set([-E.ENOENT, -E.ENOTDIR, -E.ENAMETOOLONG, -E.EPERM])

/** Is there such a name of ours? @throws Errno when that cannot be said */
function exists(dirfd: number, name: Bytes): boolean {
  const rc = sys.statx(dirfd, name)
  if (rc < 0 && !ABSENT.has(rc)) throw new Errno(-rc, 'statx', name)
  return rc === 0
}

/** A name for a temporary that lies beside what it is to replace: known to every format by isTemporary(). */
export const besideName = (unique: number): Bytes => `${RESERVED}t${process.pid}.${(unique % 0x10000).toString(16).padStart(4, '0')}`

/** The name in the root, not to be found there, of a graft (../graft.ts). */
export const graftName = (secret: string): Bytes => `${RESERVED}${secret}`

/** An empty file `name` of mode 0444, as a link to `base` where that works. */
function createEmpty(dirfd: number, name: Bytes, base: number): number {
  if (base >= 0) {
    const rc = sys.linkat(base, '', dirfd, name)
    if (rc === 0 || rc === -E.EEXIST) return 0
    if (rc !== -E.EMLINK && rc !== -E.ENOENT && rc !== -E.EXDEV && rc !== -E.EPERM) return rc
  }
  const fd = sys.openat(dirfd, name, O_EXCL_CREATE, 0o444)
  if (fd < 0) return fd === -E.EEXIST ? 0 : fd
  return sys.close(fd)
}

/** What aufs itself keeps at the root of a writable branch: nothing of it matters without a mount. */
export const isBookkeeping = (name: Bytes): boolean => name === `${RESERVED}aufs` || name === `${RESERVED}orph`

export const aufs: WhiteoutFormat = {
  name: 'aufs',
  nameMax: NAME_MAX - PREFIX.length,
  inPlace: false,
  writesInPlace: false,
  attributes: false,
  classify(name: Bytes): NameClass {
    if (!name.startsWith(PREFIX)) return 'entry'
    return name.startsWith(RESERVED) || name.length === PREFIX.length ? 'reserved' : 'whiteout'
  },
  isTemporary: name => /^\.wh\.\.wh\..+\.[0-9a-f]{4}$/s.test(name),
  hidden: name => name.slice(PREFIX.length),
  whiteoutOf: name => PREFIX + name,
  hidesBeside: (dirfd, name) => name.length <= NAME_MAX - PREFIX.length && exists(dirfd, PREFIX + name),
  hasOpaqueEntry: dirfd => exists(dirfd, OPAQUE),
  setOpaque: dirfd => createEmpty(dirfd, OPAQUE, -1),
  clearOpaque: dirfd => { sys.unlinkat(dirfd, OPAQUE, 0) },
  create: (dirfd, name, base) => createEmpty(dirfd, PREFIX + name, base),
  remove: (dirfd, name) => sys.unlinkat(dirfd, PREFIX + name, 0),
}
