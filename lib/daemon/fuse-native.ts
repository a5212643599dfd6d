/**
 * `transport=fuse-native`: a mount that the npm package fuse-native makes, in a process beside ours (lib/fuse-native), which
 * speaks the kernel's protocol over a socket. What serves takes the socket for /dev/fuse and differs in nothing.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { readSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { must, E } from '../os/errno.js'
import { sys } from '../os/native.js'
import type { MountConfig } from '../config/config.js'
import { MountError } from '../config/mount-error.js'
import { MAX_WRITE } from '../ops/init.js'
import { DeviceTransport } from '../fuse/transport.js'
import { escapeValue, type Mounted } from './mount.js'
import { FUSE_TYPE, mountAt } from './mountinfo.js'
import type { Device } from './serve.js'

/** The package has this much room for options, and for the mount point; the end of what is longer it leaves out. */
const TEXT_MAX = 1000

/** Said at each such mount; docs/transport.md has all of it. */
export const LIMITS = 'transport=fuse-native: slow; files belong to who mounted, whoever makes them; times in milliseconds, ' +
  'mtime cannot be set; 32-bit inode numbers; names in UTF-8 only; no ACLs, no rename flags, no user.tsaufs.*'

/** Flags of mount(2) that libfuse 2 takes as options. */
const FLAGS: readonly string[] = ['noexec', 'noatime', 'sync', 'dirsync']

let helper: ChildProcess | undefined

export const FUSE_NATIVE: Device = {
  mount: mountByPackage,
  transport: (fd) => new SocketTransport(fd, MAX_WRITE),
}

/** The device, but for what libfuse 2 cannot hand on to the kernel, and for its end. */
class SocketTransport extends DeviceTransport {
  override turn(replyLength: number): number {
    const length = super.turn(replyLength)
    const ended = length === 0 && (helper?.exitCode !== null || helper.signalCode !== null)
    return ended || length === -E['ECONNRESET']! || length === -E['EPIPE']! ? -E.ENODEV! : length
  }

  /** Notifications, which have no `unique`, end here: the kernel keeps no names or attributes that they would be about. */
  override write(message: Buffer, length: number): number {
    return message.readUInt32LE(8) === 0 ? 0 : super.write(message, length)
  }

  override notify(_messages: Buffer, done: (rc: number) => void): number {
    setImmediate(done, 0)
    return 0
  }
}

function pair(): [ours: number, theirs: number] {
  const fds = Buffer.alloc(8)
  must(sys.messagePair(fds), 'socketpair')
  return [fds.readUInt32LE(0), fds.readUInt32LE(4)]
}

/** What one message says, '' at the end. */
function hear(fd: number): string {
  const message = Buffer.alloc(4096)
  try {
    return message.toString('latin1', 0, readSync(fd, message, 0, message.length, null))
  } catch {
    // It ended in the middle of something.
    return ''
  }
}

/** The options for libfuse, the first of which is the value of `subtype`. */
function optionWords(config: MountConfig): string {
  const root = process.geteuid?.() === 0
  return [
    'tsaufs', `fsname=${escapeValue(config.source)}`, 'default_permissions', 'use_ino', 'big_writes',
    'entry_timeout=0', 'attr_timeout=0', 'negative_timeout=0',
    ...(root || config.allowOther ? ['allow_other'] : []),
    ...(config.readOnly ? ['ro'] : []),
    // libfuse adds nosuid and nodev unless told otherwise; only root may tell.
    ...(root ? ['suid', 'dev'].map((word) => (config.flags.has(`no${word}`) ? `no${word}` : word)) : []),
    ...FLAGS.filter((name) => config.flags.has(name)),
  ].join(',')
}

function mountByPackage(config: MountConfig, report: (line: string) => void): Mounted {
  const { mountpoint } = config
  const bytes = Buffer.from(mountpoint, 'latin1')
  const options = optionWords(config)
  const refuse = (code: string, advice: string): MountError => new MountError(`mount ${mountpoint} by fuse-native`, code, advice)
  if (!Buffer.from(bytes.toString()).equals(bytes)) throw refuse('EILSEQ', 'the package needs a mount point in UTF-8')
  if (bytes.length > TEXT_MAX || options.length > TEXT_MAX) throw refuse('ENAMETOOLONG', 'the package takes mount point and SOURCE up to some 900 bytes')
  report(LIMITS)
  const [fd, theirs] = pair()
  const [chatter, theirChatter] = pair()
  const script = fileURLToPath(new URL('../fuse-native/main.js', import.meta.url))
  helper = spawn(process.execPath, [script, bytes.toString('base64'), options], { stdio: ['ignore', 'ignore', theirChatter, theirs], cwd: '/' })
  helper.unref()
  sys.close(theirs)
  sys.close(theirChatter)
  const answer = hear(fd)
  const entry = answer === 'M' ? mountAt(mountpoint) : undefined
  const words = entry?.type === FUSE_TYPE ? '' : hear(chatter).trim().split('\n')[0]!
  sys.close(chatter)
  if (entry?.type === FUSE_TYPE) return { fd, entry }
  sys.close(fd)
  const [, code, advice] = /^E(\w+) (.*)$/.exec(answer) ?? ['', 'EIO', 'its process ended']
  throw refuse(code!, words === '' ? advice! : `${advice} (${words})`)
}
