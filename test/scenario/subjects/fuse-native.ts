/** tsaufs over the npm package fuse-native, on the rows that it can express. */
import { createRequire } from 'node:module'
import { existsSync } from 'node:fs'
import { identity } from '../../helpers/identity.js'
import type { Subject } from './subject.js'
import { mountUnion } from './tsaufs.js'

/** Rows that are left out, by reason. */
const LEFT_OUT: Readonly<Record<string, readonly string[]>> = {
}

/** Why the package cannot be used here, or null. */
export function fuseNativeMissing(): string | null {
  if (!existsSync('/dev/fuse')) return 'no /dev/fuse'
  try {
    createRequire(import.meta.url)('fuse-native')
    return null
  } catch (error) {
    return `fuse-native does not load: ${(error as Error).message.split('\n')[0]}`
  }
}

export const fuseNative: Subject = {
  name: 'tsaufs-fuse-native',
  format: 'aufs',
  weak: {},
  leftOut: new Map(Object.entries(LEFT_OUT).flatMap(([reason, rows]) => rows.map((row) => [row, reason]))),
  unavailable: async () => (identity === 'root' ? fuseNativeMissing() : 'run as root only'),
  mount: (setup) => mountUnion({ ...setup, options: ['transport=fuse-native', ...setup.options] }),
}
