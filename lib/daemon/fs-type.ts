/**
 * What kinds of file system there are below branches, by the magic number of statfs(2). Source: linux/magic.h, statfs(2).
 */
import { statfsSync } from 'node:fs'
import type { Bytes } from '../os/native.js'

/** Kinds that cannot be written at all: branches there are `rr` by default. */
const READ_ONLY: ReadonlySet<number> = new Set([
  0x73717368, // squashfs
  0x9660, // iso9660
  0x28cd3d45, // cramfs
  0x7275, // romfs
  0xe0f5e1e2, // erofs
])

/** Kinds that are no branch: their files are questions to the kernel, or they stack like we do. */
const UNFIT: ReadonlyMap<number, string> = new Map([
  [0x9fa0, 'procfs'],
  [0x62656572, 'sysfs'],
  [0x62656570, 'configfs'],
  [0x64626720, 'debugfs'],
  [0x74726163, 'tracefs'],
  [0x73636673, 'securityfs'],
  [0x27e0eb, 'cgroup'],
  [0x63677270, 'cgroup2'],
  [0xabba1974, 'xenfs'],
  [0xf15f, 'ecryptfs'],
  [0x61756673, 'aufs'],
])

/** The path lies on a file system that is read-only by nature; false when there is nothing at the path. */
export function nativelyReadOnly(path: Bytes): boolean {
  try {
    return READ_ONLY.has(statfsSync(Buffer.from(path, 'latin1')).type >>> 0)
  } catch {
    return false
  }
}

/** The name of a kind that cannot be a branch, or undefined. @param type f_type of statfs(2) */
export function unfitType(type: number): string | undefined {
  return UNFIT.get(type >>> 0)
}
