/** Volumes of a container: found or made with it, filled at its first start from what its root has there, gone with it. */
import { readdirSync } from 'node:fs'
import { Errno } from '../../os/errno.js'
import { sys } from '../../os/native.js'
import { S_IFDIR } from '../../os/stat.js'
import { failure } from '../error.js'
import { copyEntry, copyMeta } from '../rootfs/copy-tree.js'
import { Inside } from '../rootfs/inside.js'
import { rootfsPath } from '../rootfs/mount.js'
import { checkMounts, parseVolumesFrom } from '../spec/mounts.js'
import { rootOf } from '../spec/userns.js'
import { findContainer } from '../store/containers.js'
import type { Container, ContainerRecord, MountSpec } from '../store/record.js'
import type { StateRoot } from '../store/root.js'
import { createVolume, dropAnonymous, removeVolume } from '../store/volumes.js'
import { fsPath } from '../text.js'

const ARCHIVE = { archive: true, xattrs: true } as const

/** The mounts of `--volumes-from`, where it has none of its own. */
export function withVolumesFrom(root: StateRoot, draft: ContainerRecord): ContainerRecord {
  const { mounts, volumesFrom = [] } = draft.host
  if (volumesFrom.length === 0) return draft
  const all = new Map(mounts.map((each) => [each.target, each]))
  for (const text of volumesFrom) {
    const { container, readOnly } = parseVolumesFrom(text)
    for (const each of findContainer(root, container, `--volumes-from ${text}`).record.host.mounts) {
      if (each.type === 'tmpfs' || all.has(each.target)) continue
      all.set(each.target, readOnly ? { ...each, readOnly } : each)
    }
  }
  const merged = [...all.values()]
  checkMounts(merged)
  return { ...draft, host: { ...draft.host, mounts: merged } }
}

/**
 * The record with its volumes, which are there afterwards.
 * @returns what takes those away again that were not there before
 */
export async function prepareVolumes(root: StateRoot, draft: ContainerRecord): Promise<{ readonly record: ContainerRecord, readonly undo: () => Promise<void> }> {
  const made: string[] = []
  const undo = async (): Promise<void> => {
    for (const name of made) await removeVolume(root, name, 'volume rm')
  }
  const place = (mount: MountSpec): MountSpec => {
    if (mount.volume === undefined) return mount
    const { volume, made: isNew } = createVolume(root, mount.volume)
    if (isNew) made.push(volume.record.name)
    return { ...mount, source: volume.data, volume: { ...mount.volume, name: volume.record.name } }
  }
  try {
    return { record: { ...draft, host: { ...draft.host, mounts: draft.host.mounts.map(place) } }, undo }
  } catch (error) {
    await undo()
    throw error
  }
}

/** A volume that somebody has removed meanwhile is made anew. */
export function keepVolumes(root: StateRoot, { host }: ContainerRecord): void {
  for (const { volume } of host.mounts) if (volume !== undefined) createVolume(root, volume)
}

/**
 * At the first start, empty volumes get what the root has in their places, with owners, modes and attributes; the directory's
 * own, too. The root is mounted.
 */
export function fillVolumes({ dir, record }: Container): void {
  const { mounts, idMaps } = record.host
  for (const { volume, source, target } of mounts) {
    if (volume === undefined || readdirSync(fsPath(source)).length > 0) continue
    const data = sys.openat(-100, source, sys.constants['O_PATH']! | sys.constants['O_DIRECTORY']!, 0)
    const root = new Inside(rootfsPath(dir))
    try {
      if (data < 0) throw new Errno(-data, 'open', source)
      // The root of its user namespace has it, if the image says nothing else.
      if (idMaps !== undefined) sys.chown(data, '', rootOf(idMaps).uid, rootOf(idMaps).gid)
      const place = volume.noCopy === true ? undefined : locate(root, target)
      if (place === undefined) continue
      try {
        if (place.kind !== S_IFDIR) continue
        copyEntry(place.dirfd, place.name, data, '', target, ARCHIVE)
        copyMeta(place.dirfd, place.name, data, '', target, ARCHIVE)
      } finally {
        sys.close(place.dirfd)
      }
    } catch (error) {
      if (!(error instanceof Errno)) throw error
      throw failure(`start ${record.name}`, error.code, `volume ${volume.name} cannot be filled: ${error.syscall} ${error.path}`, 125)
    } finally {
      root.close()
      if (data >= 0) sys.close(data)
    }
  }
}

function locate(root: Inside, path: string): ReturnType<Inside['locate']> | undefined {
  try {
    return root.locate(path, true)
  } catch (error) {
    // A link that leads nowhere, a file on the way: the launcher says so, or makes what is missing.
    if (error instanceof Errno) return undefined
    throw error
  }
}

/** Those that go with their container. It is forgotten already. */
export function dropVolumes(root: StateRoot, { host }: ContainerRecord): Promise<void> {
  return dropAnonymous(root, host.mounts.flatMap(({ volume }) => (volume === undefined ? [] : [volume.name])))
}
