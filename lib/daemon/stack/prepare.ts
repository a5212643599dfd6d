/**
 * What a remount asks for, read and checked against the disk, and who uses the mount: everything that is to be known before
 * the daemon changes anything. Runs beside the daemon (aside.ts), as it follows paths.
 */
import { realpathSync } from 'node:fs'
import type { Bytes } from '../../os/native.js'
import { formatBranch, specOf } from '../../config/branches.js'
import type { MountConfig } from '../../config/config.js'
import { MountError } from '../../config/mount-error.js'
import { parseRemount, type ParsedRemount } from '../../config/remount.js'
import { checkBranches } from '../check-branches.js'
import { checkApart, placeBelowMount } from '../check-mountpoint.js'
import { nativelyReadOnly } from '../fs-type.js'
import { contains, readMountinfo, type MountEntry } from '../mountinfo.js'
import { plan, type Plan } from '../../union/stack/plan.js'
import type { MountState, Tasks } from '../aside.js'
import { inUse, type InUse } from './in-use.js'

/** A checked remount; branches as text, top first. */
export interface Prepared extends InUse {
  readonly branches: readonly { readonly id: number | null, readonly text: string, readonly changed: boolean }[]
  readonly settings: ParsedRemount['settings']
  readonly readOnly: boolean
  readonly warnings: readonly string[]
  /** Asked for with `plan`. */
  readonly plan: Plan | null
}

/** Read and check a remount. @throws MountError with the first thing that is wrong */
export function prepare({ state, options, cwd, plan: planned }: Tasks['prepare'][0]): Prepared {
  const mounts = readMountinfo()
  const config = configOf(state)
  const live = state.branches.map(({ id, text }) => ({ id, spec: specOf(text) }))
  const resolve = (path: Bytes): Bytes => resolveBranch(path, state, mounts)
  const { branches, settings, readOnly, warnings } = parseRemount(options, cwd, config, live, resolve, nativelyReadOnly)
  const known = new Set(branches.filter(({ id, changed }) => id !== null && !changed).map(({ spec }) => spec))
  const lines = [...warnings]
  const wanted = { ...config, branches: branches.map(({ spec }) => spec), readOnly, warnPerm: false }
  const checked = checkBranches(wanted, (line) => lines.push(line), known)
  const added = { ...checked, branches: checked.branches.filter((_, i) => branches[i]!.id === null) }
  checkApart(`remount ${state.mountpoint}`, state.mountpoint, added, placeBelowMount(state.mountpoint))
  const next = branches.map(({ id }, i) => ({ id, spec: checked.branches[i]! }))
  return {
    plan: planned ? plan(live, next, { ...config, ...settings }) : null,
    branches: branches.map(({ id, changed }, i) => ({ id, changed, text: formatBranch(checked.branches[i]!) })),
    settings, readOnly, warnings: lines, ...inUse(state.dev),
  }
}

function configOf({ config, flags }: MountState): MountConfig {
  return { ...config, flags: new Set(flags) } as unknown as MountConfig
}

/** A branch's real path; one that leads nowhere stays as it is and is refused later. */
function resolveBranch(path: Bytes, { dev }: MountState, mounts: readonly MountEntry[]): Bytes {
  let real: Bytes
  try {
    real = realpathSync.native(Buffer.from(path, 'latin1'), { encoding: 'latin1' })
  } catch {
    real = path
  }
  refuseThrough(real, dev, mounts)
  return real
}

/** A branch is never reached through the union it belongs to: its daemon would wait for itself. @throws MountError */
export function refuseThrough(path: Bytes, dev: string, mounts: readonly MountEntry[]): void {
  const through = mounts.find((mount) => mount.dev === dev && contains(mount.mountpoint, path))
  if (through === undefined) return
  throw new MountError(`branch ${path}`, 'EINVAL', `it lies in the union itself (${through.mountpoint}); use a directory outside`)
}
