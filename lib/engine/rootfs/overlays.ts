/**
 * `-v DIR:TARGET:O`: a union of its own over a directory of the host. What is written is the container's, and goes when it ends, as
 * with podman. The directory may be changed by others meanwhile, so it is looked at again (udba=reval).
 */
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { escapePath } from '../../config/syntax.js'
import type { Bytes } from '../../os/native.js'
import type { Container, MountSpec } from '../store/record.js'
import { bytesOf } from '../text.js'
import { mountUnion, unmountAt } from './mount.js'

const folder = (dir: string): string => join(dir, 'overlays')

/** Where the union of the `index`th mount of a container is. */
export function overlayPoint(dir: string, index: number): Bytes {
  return bytesOf(join(folder(dir), String(index), 'merged'))
}

/** Mount all of a container's. @throws MountError; release takes away what is there */
export async function mountOverlays({ dir, record }: Container, sourceOf: (mount: MountSpec) => Bytes): Promise<void> {
  const overlays = record.host.mounts.map((mount, index) => ({ mount, index })).filter(({ mount }) => mount.type === 'overlay')
  await Promise.all(overlays.map(async ({ mount, index }) => {
    const own = join(folder(dir), String(index))
    for (const name of ['rw', 'merged']) mkdirSync(join(own, name), { recursive: true, mode: 0o755 })
    const branches = `dirs=${escapePath(bytesOf(join(own, 'rw')))}=rw:${escapePath(sourceOf(mount))}=ro`
    await mountUnion(overlayPoint(dir, index), branches, `mount ${mount.source} on ${mount.target}`)
  }))
}

/** Take them away with what was written. Idempotent. */
export async function unmountOverlays(dir: string): Promise<void> {
  if (!existsSync(folder(dir))) return
  for (const index of readdirSync(folder(dir))) await unmountAt(overlayPoint(dir, Number(index)))
  rmSync(folder(dir), { recursive: true, force: true })
}
