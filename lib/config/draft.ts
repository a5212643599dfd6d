/**
 * A mount configuration while its options are read, one after the other, and what may be said about it.
 */
import type { Bytes } from '../os/native.js'
import type { MountConfig } from './config.js'
import { BranchList } from './branches.js'

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

/** The settings of a mount that are neither where nor of what. */
export type Settings = Mutable<Omit<MountConfig, 'source' | 'mountpoint' | 'branches' | 'readOnly' | 'flags'>>

/** What an option's `apply` may change. */
export interface Draft {
  readonly settings: Settings
  readonly branches: BranchList
  /** Flags of mount(2) by name; `ro` is one of them here. */
  readonly flags: Set<string>
  /** Directory that relative paths begin at. */
  readonly cwd: Bytes
  /** One sentence for the person who mounts; the mount goes on. */
  warn(line: string): void
}

/** A draft with every default: aufs's, but for `acl`, `dirperm1` and `dirren`, which are on (docs/decisions). */
export function newDraft(cwd: Bytes, warn: (line: string) => void): Draft {
  return {
    settings: {
      io: 'auto', udba: 'reval', watch: 'auto', watchMax: 50_000, idle: 'auto', diropq: 'whiteouted', metacopy: 'refuse', shwh: false, dirren: true, plink: true, sum: false,
      acl: true, dirperm1: true, allowOther: false, warnPerm: true, transport: 'dev', uring: false,
      create: { name: 'tdp', low: 0, maxAgeMs: 0 }, cpup: { name: 'tdp', low: 0, maxAgeMs: 0 }, sumOmitsRo: false, moveOnEnospc: null, fhsmSec: 30,
    },
    branches: new BranchList(),
    flags: new Set(),
    cwd,
    warn,
  }
}
