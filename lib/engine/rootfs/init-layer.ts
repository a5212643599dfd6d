/**
 * The init layer: stubs of what the launcher mounts over, in a read-only branch of their own, so that none of them is ever in a
 * diff or a commit.
 *
 * Docker's names and kinds (daemon/initlayer). A directory that leads to a stub is made like the one in the layers, for it is
 * the init layer's that is seen. A link of the layers is never followed: what is on the way is a directory here.
 */
import { chmodSync, chownSync, closeSync, existsSync, mkdirSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isMachineRoot } from '../../daemon/process-id.js'
import { sys, type Bytes } from '../../os/native.js'
import { S_IFDIR, st, takeMeta, type Meta } from '../../os/stat.js'
import { codeOf } from '../error.js'
import { bytesOf } from '../text.js'

/** By path; a text is where a link leads. */
const STUBS: Readonly<Record<string, 'dir' | 'file' | { readonly link: string }>> = {
  '/dev/pts': 'dir', '/dev/shm': 'dir', '/proc': 'dir', '/sys': 'dir',
  '/.dockerenv': 'file', '/dev/console': 'file',
  '/etc/hosts': 'file', '/etc/hostname': 'file', '/etc/resolv.conf': 'file',
  '/etc/mtab': { link: '/proc/mounts' },
}

const AT_FDCWD = -100

/** Make the branches `rw` and `init` in the container's directory. @param layers top first */
export function makeBranches(dir: string, layers: readonly Bytes[]): void {
  for (const name of ['rw', 'init']) makeLike(join(dir, name), lowerDir(layers, ''))
  const init = join(dir, 'init')
  for (const [path, kind] of Object.entries(STUBS)) {
    makeWay(init, path, layers)
    const stub = join(init, path)
    if (kind === 'dir') makeLike(stub, lowerDir(layers, path))
    else if (kind === 'file') writeFileSync(stub, '', { mode: 0o755 })
    else symlinkSync(kind.link, stub)
  }
}

/** The directories above `path`. */
function makeWay(init: string, path: string, layers: readonly Bytes[]): void {
  const parts = path.split('/').slice(1, -1)
  for (let depth = 1; depth <= parts.length; depth++) {
    const way = `/${parts.slice(0, depth).join('/')}`
    if (!existsSync(join(init, way))) makeLike(join(init, way), lowerDir(layers, way))
  }
}

function makeLike(path: string, like: Meta | undefined): void {
  mkdirSync(path, { mode: 0o755 })
  // umask(2) does not count here.
  chmodSync(path, (like?.mode ?? 0o755) & 0o7777)
  if (like === undefined) return
  own(path, like)
  utimesSync(path, like.atime, like.mtime)
}

/** An ordinary user may have no such ids: it stays his then. */
function own(path: string, { uid, gid }: Meta): void {
  try {
    chownSync(path, uid, gid)
  } catch (error) {
    if (isMachineRoot() || !['EPERM', 'EINVAL'].includes(codeOf(error) ?? '')) throw error
  }
}

/** What the topmost layer that has `path` says of it, if that is a directory and no link is on the way. */
function lowerDir(layers: readonly Bytes[], path: string): Meta | undefined {
  for (const layer of layers) {
    const root = sys.openat(AT_FDCWD, layer, sys.constants['O_PATH']!, 0)
    if (root < 0) continue
    const fd = path === '' ? root : sys.openBeneath(root, bytesOf(path.slice(1)), sys.constants['O_PATH']! | sys.constants['O_NOFOLLOW']!)
    try {
      if (fd < 0) continue
      if (sys.statx(fd, '') < 0 || st.kind !== S_IFDIR) return undefined
      return takeMeta()
    } finally {
      if (fd >= 0 && fd !== root) closeSync(fd)
      closeSync(root)
    }
  }
  return undefined
}
