/**
 * `cp`: between the host and a container that runs or not. The container's side is entered by no path of the kernel's
 * (rootfs/inside.ts). Of a running one it is what its first process sees, volumes included.
 */
import { Errno } from '../../os/errno.js'
import type { Bytes } from '../../os/native.js'
import { sys } from '../../os/native.js'
import { S_IFDIR } from '../../os/stat.js'
import { failure, usage } from '../error.js'
import { copyEntry, type CopyOptions, type IdShift } from '../rootfs/copy-tree.js'
import { Inside, type Place } from '../rootfs/inside.js'
import { isMounted, mountRootfs, rootfsPath, unmountRootfs } from '../rootfs/mount.js'
import { containerId, hostId, rootOf, type IdMaps } from '../spec/userns.js'
import { withContainer } from '../store/containers.js'
import { stateOf } from '../store/status.js'
import type { Container } from '../store/record.js'

/** Source: the kernel's overflowuid. */
const NOBODY = 65534

/** One side of a copy: a path as typed, and the container it is in. */
export interface CopySide {
  /** undefined: the host. */
  readonly container: Container | undefined
  readonly path: Bytes
}

/** How to copy. */
export interface CpOptions extends CopyOptions {
  /** A link at the end of the source is followed. */
  readonly followLink: boolean
}

/** Copy. @param cwd that the host's side begins at. @throws MountError with docker's rules for what is there and what is not */
export async function copy(from: CopySide, to: CopySide, cwd: Bytes, options: CpOptions): Promise<void> {
  const { container } = from.container === undefined ? to : from
  if (container === undefined) throw usage('cp', 'must specify at least one container source or destination')
  await withRoot(container, (root, maps) => {
    const words = { ...options, ...(maps === undefined ? {} : { ids: shift(maps, from.container === undefined) }) }
    const host = new Inside('/')
    const inside = new Inside(root)
    const absolute = (side: CopySide): Bytes => (side.container === undefined && !side.path.startsWith('/') ? `${cwd}/${side.path}` : side.path)
    try {
      copyBetween(from.container === undefined ? host : inside, absolute(from), to.container === undefined ? host : inside, absolute(to), words)
    } catch (error) {
      // Nested deeper than our stack is: a container can do that.
      if (error instanceof RangeError) throw failure(`cp ${from.path} ${to.path}`, 'ENAMETOOLONG', 'directories are nested deeper than can be copied')
      if (!(error instanceof Errno)) throw error
      throw failure(`cp ${from.path} ${to.path}`, error.code, `${error.syscall} ${error.path} failed${error.code === 'ENOENT' ? ': Could not find the file' : ''}`)
    } finally {
      host.close()
      inside.close()
    }
  })
}

/** Owners on the other side of a user namespace. An id that it does not have is nobody's, inside root's. */
export function shift({ uids, gids }: IdMaps, into: boolean): IdShift {
  const other = into ? hostId : containerId
  const root = rootOf({ uids, gids })
  return {
    uid: (id) => other(uids, id) ?? (into ? root.uid : NOBODY), gid: (id) => other(gids, id) ?? (into ? root.gid : NOBODY),
    ...(into ? { owner: root } : {}),
  }
}

/**
 * The root of a container as a path of ours; mounted for the while if it does not run.
 * @param work is told the ids of its user namespace when the path shows the host's
 */
export function withRoot(container: Container, work: (root: Bytes, maps?: IdMaps) => void | Promise<void>): Promise<void> {
  const { pid } = stateOf(container)
  if (pid > 0) return Promise.resolve().then(() => work(`/proc/${pid}/root`, container.record.host.idMaps))
  return withContainer(container, 'cp', async (current) => {
    const state = stateOf(current)
    if (state.pid > 0) return work(`/proc/${state.pid}/root`, current.record.host.idMaps)
    const had = isMounted(current.dir)
    if (!had) await mountRootfs(current)
    try {
      await work(rootfsPath(current.dir))
    } finally {
      if (!had) await unmountRootfs(current.dir)
    }
  })
}

/** The last word of a path; '' for the root. */
export const baseName = (path: Bytes): Bytes => path.replace(/\/+$/, '').split('/').at(-1) ?? ''

/** docker's rules for where a copy goes. Source: docker-cp(1). */
function copyBetween(source: Inside, from: Bytes, target: Inside, to: Bytes, options: CpOptions): void {
  const tried = `cp ${from} ${to}`
  const contents = /(^|\/)\.$/.test(from)
  const src = source.locate(from, options.followLink || contents || from.endsWith('/'))
  try {
    if (src.kind === undefined) throw failure(tried, 'ENOENT', `Could not find the file ${from}`)
    const isDir = src.kind === S_IFDIR
    if (!isDir && from.endsWith('/')) throw failure(tried, 'ENOTDIR', `${from} is no directory`)
    const dst = target.locate(to, true)
    try {
      const name = intoName(tried, dst, isDir, contents, baseName(from), to)
      copyEntry(src.dirfd, src.name, dst.dirfd, name, from, options)
    } finally {
      sys.close(dst.dirfd)
    }
  } finally {
    sys.close(src.dirfd)
  }
}

/** The name that the copy gets in `dst.dirfd`; '' for the directory itself. */
function intoName(tried: string, dst: Place, isDir: boolean, contents: boolean, name: Bytes, to: Bytes): Bytes {
  if (dst.kind === S_IFDIR) return isDir && (contents || name === '' || name === '..') ? '' : name
  if (dst.kind !== undefined && isDir) throw failure(tried, 'ENOTDIR', 'cannot copy a directory over what is no directory')
  if (dst.kind === undefined && !isDir && to.endsWith('/')) throw failure(tried, 'ENOENT', 'the destination directory must exist')
  if (dst.kind !== undefined && to.endsWith('/')) throw failure(tried, 'ENOTDIR', `${to} is no directory`)
  return dst.name
}
