/**
 * The options of the drop-in for fuse-overlayfs, in one table. Engines write them without asking whether they are known, so
 * what is not in the table is taken and ignored, as fuse-overlayfs does. Sources: fuse-overlayfs(1); what podman 4.3,
 * buildah 1.28, dockerd 20.10 and containerd's snapshotter pass; section 12.2 of the semantics reference.
 */
import type { Bytes } from '../os/native.js'
import type { Draft, Settings } from './draft.js'
import { usage } from './mount-error.js'
import { OWNER_ROWS } from './owner-options.js'

/** A drop-in mount while its options are read. Paths as typed, escapes in place. */
export interface OverlayDraft {
  readonly settings: Settings
  /** Flags of mount(2) by name; `ro` is one of them here. */
  readonly flags: Set<string>
  /** `:`-separated, as typed. */
  lower: Bytes
  upper: Bytes
  work: Bytes
}

/** One option. */
export interface OverlayRow {
  readonly name: string
  /** `effect`: it does something here. `ignored`: taken, `note` says why it needs to do nothing. `refused`: the mount fails. */
  readonly status: 'effect' | 'ignored' | 'refused'
  readonly note: string
  /** @param value '' for a bare word @throws MountError */
  readonly apply?: (draft: OverlayDraft, value: Bytes) => void
}

const effect = (name: string, note: string, apply: NonNullable<OverlayRow['apply']>): OverlayRow =>
  ({ name, status: 'effect', note, apply })
const ignored = (note: string, ...names: readonly string[]): OverlayRow[] =>
  names.map((name) => ({ name, status: 'ignored', note }))
const flag = (name: string): OverlayRow => effect(name, `mount flag ${name}`, ({ flags }) => { flags.add(name) })
const clear = (name: string, cleared: string): OverlayRow =>
  effect(name, `no ${cleared}`, ({ flags }) => { flags.delete(cleared) })

/** `off` and `nofollow` are what fuse-overlayfs takes; `on` is ours. */
function redirectDir(draft: OverlayDraft, value: Bytes): void {
  if (value === 'on') draft.settings.dirren = true
  else if (value !== 'off' && value !== 'nofollow') throw usage(`option 'redirect_dir=${value}'`, 'give off or on')
}

/** The same as in our own mounts: name and value are fuse-overlayfs's there too. */
const owners: readonly OverlayRow[] = OWNER_ROWS.map(({ name, help, apply }) => effect(name, help, ({ settings }, value) => {
  apply?.({ settings } as Draft, value, name)
}))

/** The table. */
export const OVERLAY_ROWS: readonly OverlayRow[] = [
  effect('lowerdir', 'the directories below, top first', (draft, value) => { draft.lower = value }),
  effect('upperdir', 'the directory that is written to; without it the mount is read-only', (draft, value) => { draft.upper = value }),
  effect('workdir', 'needed beside upperdir, not used: temporaries are in the upper directory while one is in use', (draft, value) => { draft.work = value }),
  effect('redirect_dir', 'off: directories of lower layers are not renamed (EXDEV); on: they are, by a record only tsaufs reads', redirectDir),
  effect('noacl', 'no POSIX ACLs', ({ settings }) => { settings.acl = false }),
  ...owners,
  flag('ro'), clear('rw', 'ro'),
  flag('nosuid'), clear('suid', 'nosuid'),
  flag('nodev'), clear('dev', 'nodev'),
  flag('noexec'), clear('exec', 'noexec'),
  flag('noatime'), clear('atime', 'noatime'),
  flag('sync'), clear('async', 'sync'), flag('dirsync'),
  effect('allow_other', 'let other users in (always so when root mounts)', ({ settings }) => { settings.allowOther = true }),
  ...ignored('an upper directory is never synced but on fsync(2)', 'volatile', 'fsync'),
  ...ignored('the kernel keeps what it knows until we change it', 'timeout', 'writeback', 'auto_cache', 'noauto_cache', 'kernel_cache'),
  ...ignored('inode numbers are always stable and 64 bits wide', 'xino', 'ino32_t', 'fast_ino', 'index', 'nfs_export'),
  ...ignored('the links of merged directories are not counted', 'static_nlink'),
  ...ignored('there is one thread, and some for data', 'threaded', 'clone_fd', 'max_idle_threads', 'max_threads', 'plugins'),
  ...ignored('the kernel checks permissions, for everybody', 'default_permissions', 'allow_root'),
  ...ignored('marks of every kind are read', 'metacopy', 'userxattr', 'uuid', 'verity'),
  ...ignored('labels belong to kernel mounts', 'context', 'fscontext', 'defcontext', 'rootcontext'),
  ...ignored('propagation is for the mount that follows', 'private', 'rprivate', 'shared', 'rshared', 'slave', 'rslave', 'bind', 'rbind'),
  ...ignored('the mount says itself what it is', 'fsname', 'subtype', 'auto_unmount', 'nonempty', 'debug', 'default', 'defaults'),
]

/** Rows by name. */
export const OVERLAY_BY_NAME: ReadonlyMap<string, OverlayRow> = new Map(OVERLAY_ROWS.map((row) => [row.name, row]))
