/**
 * Changing a live mount: for `tsaufs remount`, `tsaufs mount -o remount` and `mount.tsaufs ... -o remount`.
 */
import type { Bytes } from '../os/native.js'
import { ask } from '../daemon/client.js'
import { mountNamed } from './mount-named.js'
import { complain, print } from './output.js'
import { workingDirectory } from './raw-args.js'

/** Following paths, looking at all processes, repairing a branch: a daemon may take its time. */
export const REMOUNT_TIMEOUT_MS = 600_000

/** Change the mount at `mountpoint`; warnings and repairs are told. @throws MountError; nothing has changed then */
export async function remountUnion(options: Bytes, mountpoint: Bytes, verbose: boolean): Promise<void> {
  const mount = mountNamed('remount', mountpoint)
  const answer = await ask(mount, 'remount', { options, cwd: workingDirectory() }, REMOUNT_TIMEOUT_MS)
  const { branches, lines } = answer as { branches: string[], lines: string[] }
  for (const line of lines) complain(line)
  if (verbose) for (const branch of branches) print(branch)
}

/** What a change would do. */
export interface PlannedChange {
  readonly branches: readonly string[]
  readonly lines: readonly string[]
  readonly names: readonly { readonly path: Bytes, readonly from: Bytes | null, readonly to: Bytes | null }[]
  readonly cut: boolean
  readonly blocks: readonly { readonly path: Bytes, readonly pid: number, readonly command: Bytes, readonly how: string }[]
}

/** Ask what `remountUnion` would do; nothing is changed. @throws MountError as that would, but for what is in use */
export async function planRemount(options: Bytes, mountpoint: Bytes): Promise<PlannedChange> {
  const mount = mountNamed('remount', mountpoint)
  return await ask(mount, 'remount', { options, cwd: workingDirectory(), plan: true }, REMOUNT_TIMEOUT_MS) as PlannedChange
}
