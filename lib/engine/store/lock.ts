/**
 * Two commands at once: a lock is a flock(2) on a file, so it ends with its holder, however that comes about.
 */
import { closeSync, fstatSync, openSync, statSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { sys } from '../../os/native.js'
import { E, must } from '../../os/errno.js'
import { codeOf, failure } from '../error.js'

const LOCK_EX_NB = 2 | 4
const RETRY_MS = 5
/** A command that holds a lock for longer hangs in something. */
const TIMEOUT_MS = 120_000

/** The lock is held while `work` runs. @param what for the message @throws MountError EBUSY when it is not to be had */
export async function withLock<T>(file: string, what: string, work: () => T | Promise<T>): Promise<T> {
  const fd = await takeLock(file, what)
  try {
    return await work()
  } finally {
    closeSync(fd)
  }
}

async function takeLock(file: string, what: string): Promise<number> {
  const deadline = Date.now() + TIMEOUT_MS
  for (;;) {
    const fd = openLock(file, what)
    const rc = sys.flock(fd, LOCK_EX_NB)
    // Whoever had it before us may have taken the file away, with all around it.
    if (rc >= 0 && isStill(file, fd)) return fd
    closeSync(fd)
    if (rc < 0 && rc !== -E.EAGAIN) must(rc, 'flock', file)
    if (Date.now() > deadline) throw failure(what, 'EBUSY', 'another command has held its lock for two minutes; end that one')
    await sleep(RETRY_MS)
  }
}

/** Somebody holds the lock; undefined when there is no such file. */
export function isLocked(file: string): boolean | undefined {
  let fd: number
  try {
    fd = openSync(file, 'r')
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
  const rc = sys.flock(fd, LOCK_EX_NB)
  closeSync(fd)
  return rc < 0
}

/** A new file that is locked until its descriptor, the result, is closed. */
export function newLock(file: string): number {
  const fd = openSync(file, 'wx', 0o600)
  must(sys.flock(fd, LOCK_EX_NB), 'flock', file)
  return fd
}

function openLock(file: string, what: string): number {
  try {
    return openSync(file, 'a', 0o600)
  } catch (error) {
    if (codeOf(error) === 'ENOENT') throw failure(what, 'ENOENT', 'it was removed meanwhile')
    throw error
  }
}

function isStill(file: string, fd: number): boolean {
  try {
    const [named, open] = [statSync(file), fstatSync(fd)]
    return named.ino === open.ino && named.dev === open.dev
  } catch {
    return false
  }
}
