/** What the addon's tests share: a directory of their own on a disk file system, and its fd. */
import fs from 'node:fs'
import { join } from 'node:path'
import { sys } from '../../lib/os/native.js'
import { E, must } from '../../lib/os/errno.js'

/** Constants by name, checked to exist: a missing one must not become `undefined` in a flag word. */
export function constant(name: string): number {
  const value = sys.constants[name]
  if (value === undefined) throw new Error(`no constant ${name}`)
  return value
}

export const AT_FDCWD = constant('AT_FDCWD')

/** O_* flags by name: `flags('RDWR', 'CREAT')`. */
export function flags(...names: string[]): number {
  return names.reduce((all, name) => all | constant(`O_${name}`), 0)
}

export interface Sandbox {
  readonly dir: string
  /** O_PATH. */
  readonly fd: number
  path(name: string): string
}

/** A fresh directory, removed when the test ends. */
export function sandbox(t: { teardown(fn: () => void): void }): Sandbox {
  const dir = fs.mkdtempSync(join(process.env['TSAUFS_TEST_DIR'] ?? '/var/tmp', 'tsaufs-native-'))
  fs.chmodSync(dir, 0o777)
  const fd = must(sys.openat(AT_FDCWD, dir, flags('PATH', 'DIRECTORY'), 0), 'openat', dir)
  t.teardown(() => {
    sys.close(fd)
    fs.rmSync(dir, { recursive: true, force: true })
  })
  return { dir, fd, path: name => join(dir, name) }
}

/** How many descriptors this process has open. */
export function openFds(): number {
  return fs.readdirSync('/proc/self/fd').length
}

/** statx() by `(dirfd, name)`, the fields the tests look at; `-errno` when it failed. */
export function stat(dirfd: number, name = '') {
  const rc = sys.statx(dirfd, name)
  const b = sys.stat
  return {
    rc,
    ino: b.readBigUInt64LE(0),
    size: Number(b.readBigUInt64LE(8)),
    blocks: Number(b.readBigUInt64LE(16)),
    atime: Number(b.readBigInt64LE(24)),
    mtime: Number(b.readBigInt64LE(32)),
    atimeNsec: b.readUInt32LE(48),
    mtimeNsec: b.readUInt32LE(52),
    mode: b.readUInt32LE(60),
    nlink: b.readUInt32LE(64),
    uid: b.readUInt32LE(68),
    gid: b.readUInt32LE(72),
    rdev: b.readUInt32LE(76),
    blksize: b.readUInt32LE(80),
    devMajor: b.readUInt32LE(88),
    devMinor: b.readUInt32LE(92),
    btime: Number(b.readBigInt64LE(96)),
    mask: b.readUInt32LE(108),
    mntId: b.readBigUInt64LE(128),
  }
}

export const isRoot = process.geteuid?.() === 0
export { E, must, sys }
