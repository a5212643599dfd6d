/**
 * From a path as it is typed to the union it lies in, and what that union's daemon says of it. The caller's own process
 * may look through the mount; the daemon never does.
 */
import { realpathSync } from 'node:fs'
import { MountError } from '../config/mount-error.js'
import { absolute } from '../config/syntax.js'
import type { Bytes } from '../os/native.js'
import type { Explanation } from '../union/explain.js'
import { ask } from './client.js'
import { contains, FUSE_TYPE, readMountinfo } from './mountinfo.js'
import { findMount, type MountRecord } from './rundir.js'

export type { Explanation }

/** A path in a union. */
export interface InUnion {
  readonly record: MountRecord
  /** From the union's root, with a leading slash. */
  readonly path: Bytes
}

/** Exit code of a path about which nothing can be said. */
const FAILED = 1

/**
 * The path with all symbolic links before its last component followed, as far as there is anything.
 * @throws MountError EACCES, ELOOP, ENOTCONN (a dead mount), ...; ENOENT for `..` behind something that is not there
 */
function resolve(tried: string, typed: Bytes, cwd: Bytes): Bytes {
  const parts = absolute(typed, cwd).split('/').slice(1)
  const last = parts.at(-1) ?? ''
  // A name may be a link and is what is asked about; `..` and `x/` are not names.
  const tail: Bytes[] = last === '..' || last === '' || typed.endsWith('/') ? [] : [parts.pop()!]
  for (;;) {
    try {
      const real = realpathSync.native(Buffer.from(`/${parts.join('/')}`, 'latin1'), { encoding: 'latin1' })
      return absolute(tail.join('/'), real)
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? 'EIO'
      if ((code !== 'ENOENT' && code !== 'ENOTDIR') || parts.length === 0) {
        throw new MountError(tried, code, 'the directories before it cannot be looked at', FAILED)
      }
      const part = parts.pop()!
      if (part === '..') throw new MountError(tried, code, "'..' leads nowhere from what is not there", FAILED)
      tail.unshift(part)
    }
  }
}

/**
 * The union that a path lies in, there or not.
 * @throws MountError EINVAL if it lies in none
 */
export function inUnion(tried: string, typed: Bytes, cwd: Bytes): InUnion {
  if (typed === '') throw new MountError(tried, 'ENOENT', 'an empty path names nothing; give a path in a mount', FAILED)
  const real = resolve(tried, typed, cwd)
  const above = readMountinfo().filter((mount) => contains(mount.mountpoint, real))
  const longest = Math.max(...above.map((mount) => mount.mountpoint.length))
  const mount = above.findLast((each) => each.mountpoint.length === longest)
  const record = mount?.type === FUSE_TYPE ? findMount(mount.dev) : undefined
  if (mount === undefined || record === undefined) {
    throw new MountError(tried, 'EINVAL', "it lies in no union; 'tsaufs list' shows them", FAILED)
  }
  const root = mount.root === '/' ? '' : mount.root
  return { record, path: absolute(`${root}${mount.mountpoint === '/' ? real : real.slice(longest)}`, '/') }
}

/** What the daemon says of a path. @throws Error as ask(), with what was tried before it */
export async function explainPath(tried: string, { record, path }: InUnion): Promise<Explanation> {
  try {
    return await ask(record, 'explain', { path }) as Explanation
  } catch (error) {
    throw new Error(`${tried}: ${(error as Error).message}`, { cause: error })
  }
}
