/**
 * What the user said, checked: the frozen result of parsing mount options. Nothing here touches the disk.
 */
import type { Bytes } from '../os/native.js'
import type { CopyUpPolicyName, CreatePolicyName, PolicySpec } from './policies.js'

export type { CopyUpPolicyName, CreatePolicyName, PolicySpec }

/** aufs's branch permissions: writable, read-only, and read-only that never changes even behind our back. */
export type Permission = 'rw' | 'ro' | 'rr'

/** Classes of extended attributes for `icex*`: errors setting these on copies to the branch are ignored. */
export type XattrClass = 'security' | 'system' | 'trusted' | 'user' | 'other'

/** How whiteouts and opaque marks lie on a branch; `auto`: all forms are read, aufs's are written. */
export type FormatName = 'auto' | 'aufs' | 'overlay' | 'fuse-overlayfs'

/** One branch as given: `PATH=perm+attr+attr`. */
export interface BranchSpec {
  /** Absolute path, bytes as latin1, escapes undone. */
  readonly path: Bytes
  readonly perm: Permission
  /** `+wh`: whiteouts and opaque marks are honoured on a ro/rr branch (always true for rw). */
  readonly wh: boolean
  /** `+nolwh`: whiteouts are files of their own instead of hard links to one. */
  readonly nolwh: boolean
  /** `+coo_reg`, `+coo_all`, `+moo`: what an open copies up; `moo` also removes the source. The last one given wins. */
  readonly copyOnOpen: 'none' | 'reg' | 'all' | 'moo'
  readonly icex: ReadonlySet<XattrClass>
  /** `+fhsm`: takes part in tiering. */
  readonly fhsm: boolean
  /** `+fmt=NAME`. */
  readonly fmt: FormatName
}

/** `count` ids from `disk` on, as the branches have them, are those from `shown` on for users of the mount. */
export interface IdRange {
  readonly disk: number
  readonly shown: number
  readonly count: number
}

/** A mount as asked for. */
export interface MountConfig {
  /** First field of /proc/mounts. */
  readonly source: Bytes
  /** Absolute path of the mount point, bytes as latin1. */
  readonly mountpoint: Bytes
  /** Top first; at least one. */
  readonly branches: readonly BranchSpec[]
  readonly readOnly: boolean
  readonly io: 'cached' | 'passthrough' | 'auto'
  readonly udba: 'none' | 'reval' | 'notify'
  /** How branches are watched with udba=notify. */
  readonly watch: 'auto' | 'fanotify' | 'inotify'
  /** Directories watched at once, counted on each branch. */
  readonly watchMax: number
  /** What idle processors do while the mount is busy; `auto`: look for work in a small virtual machine. */
  readonly idle: 'auto' | 'poll' | 'halt'
  readonly diropq: 'whiteouted' | 'always'
  readonly shwh: boolean
  /** What becomes of overlayfs's copies of attributes alone: EIO when they are read, or their data is looked for below. */
  readonly metacopy: 'refuse' | 'follow'
  readonly dirren: boolean
  readonly plink: boolean
  readonly sum: boolean
  /** `sum` counts writable branches only. */
  readonly sumOmitsRo: boolean
  /** Which branch gets what is new, and which the copies of read-only branches' objects. */
  readonly create: PolicySpec
  readonly cpup: PolicySpec<CopyUpPolicyName>
  /** Where a file goes that can grow no more on its branch; null if it stays, and the write fails. */
  readonly moveOnEnospc: PolicySpec | null
  /** Seconds between two looks of `tsaufs fhsm` at how full the branches are. */
  readonly fhsmSec: number
  readonly acl: boolean
  readonly dirperm1: boolean
  /** Mount flags of mount(2) the user gave: nosuid, nodev, noexec, noatime, sync, dirsync, ... by name. */
  readonly flags: ReadonlySet<string>
  /** `allow_other` was asked for by name; a privileged mount is always open to others. */
  readonly allowOther: boolean
  /** Warn when the root of a branch differs from branch 0's in owner or mode. */
  readonly warnPerm: boolean
  /** How requests arrive: from /dev/fuse, or by the npm package fuse-native. */
  readonly transport: 'dev' | 'fuse-native'
  /** FUSE over io_uring where the kernel has it switched on. */
  readonly uring: boolean
  /**
   * As engines expect of fuse-overlayfs: branches and the mount point may lie in each other, and an upper directory that
   * an earlier mount has not given back yet is waited for.
   */
  readonly dropIn?: boolean
  /** Seconds for which a process is kept ready for the next mount; 0 for none, absent when TSAUFS_SPARE decides. */
  readonly spareS?: number
  /** Ids of users and groups on the branches and in the mount; absent: the same. */
  readonly uidMap?: readonly IdRange[]
  readonly gidMap?: readonly IdRange[]
  /** Owner, mode and device are kept in extended attributes: 1 in `security.` ones, 2 in `user.` ones. */
  readonly xattrPermissions?: 1 | 2
  /** Every object is shown as root's. */
  readonly squashToRoot?: boolean
  /** Every object is shown as this user's or group's; stronger than `squashToRoot`. */
  readonly squashUid?: number
  readonly squashGid?: number
}
