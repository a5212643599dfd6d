/** Mount options of a configuration, as attributes of a mount and options of its file system. */
import { PlanError } from './wire.js'

/** MOUNT_ATTR_* of linux/mount.h. */
export const Attribute = {
  RDONLY: 0x1n,
  NOSUID: 0x2n,
  NODEV: 0x4n,
  NOEXEC: 0x8n,
  NOATIME: 0x10n,
  STRICTATIME: 0x20n,
  ATIME_MASK: 0x70n,
  NODIRATIME: 0x80n,
  NOSYMFOLLOW: 0x200000n,
} as const

/** MS_* of propagation. */
export const Propagation = {
  REC: 0x4000n,
  UNBINDABLE: 1n << 17n,
  PRIVATE: 1n << 18n,
  SLAVE: 1n << 19n,
  SHARED: 1n << 20n,
} as const

/** Options that set and clear bits of a mount. An `r` before one of them: also of all mounts below. */
const BITS: Readonly<Record<string, readonly [set: bigint, clear: bigint]>> = {
  ro: [Attribute.RDONLY, 0n],
  rw: [0n, Attribute.RDONLY],
  nosuid: [Attribute.NOSUID, 0n],
  suid: [0n, Attribute.NOSUID],
  nodev: [Attribute.NODEV, 0n],
  dev: [0n, Attribute.NODEV],
  noexec: [Attribute.NOEXEC, 0n],
  exec: [0n, Attribute.NOEXEC],
  noatime: [Attribute.NOATIME, Attribute.ATIME_MASK],
  atime: [0n, Attribute.ATIME_MASK],
  strictatime: [Attribute.STRICTATIME, Attribute.ATIME_MASK],
  nostrictatime: [0n, Attribute.ATIME_MASK],
  relatime: [0n, Attribute.ATIME_MASK],
  norelatime: [0n, Attribute.ATIME_MASK],
  nodiratime: [Attribute.NODIRATIME, 0n],
  diratime: [0n, Attribute.NODIRATIME],
  nosymfollow: [Attribute.NOSYMFOLLOW, 0n],
  symfollow: [0n, Attribute.NOSYMFOLLOW],
}

const KINDS: Readonly<Record<string, bigint>> = {
  shared: Propagation.SHARED,
  slave: Propagation.SLAVE,
  private: Propagation.PRIVATE,
  unbindable: Propagation.UNBINDABLE,
}

/** Accepted and without effect here: what they ask for is the case anyway, or is the business of mount(8). */
const IDLE = new Set(['defaults', 'newinstance', 'nofail', 'auto', 'noauto', 'user', 'nouser', 'users', 'owner', 'group', '_netdev', 'async', 'loud', 'nomand', 'noiversion'])
/** Understood by other launchers; a mount without them would be another one than was asked for. */
const REFUSED = new Set(['tmpcopyup', 'copy-symlink', 'idmap', 'ridmap', 'remount'])

/** What options come to. */
export interface MountOptions {
  bind: 'none' | 'bind' | 'rbind'
  set: bigint
  clear: bigint
  setAll: bigint
  clearAll: bigint
  /** One of `Propagation`, 0n when nothing was said. */
  propagation: bigint
  propagationAll: boolean
  /** For the file system: a key alone, or with its value. */
  data: { key: string, value: string | null }[]
}

/** `rprivate` -> private, recursively; undefined when `word` names no propagation. */
export function propagationOf(word: string): { kind: bigint, all: boolean } | undefined {
  if (Object.hasOwn(KINDS, word)) return { kind: KINDS[word]!, all: false }
  if (word.startsWith('r') && Object.hasOwn(KINDS, word.slice(1))) return { kind: KINDS[word.slice(1)]!, all: true }
  return undefined
}

/** Later options win over earlier ones, as in mount(8). */
function applyBits(to: MountOptions, word: string): boolean {
  if (Object.hasOwn(BITS, word)) {
    const [set, clear] = BITS[word]!
    to.set = (to.set & ~clear) | set
    to.clear = (to.clear & ~set) | clear
    return true
  }
  if (!word.startsWith('r') || !Object.hasOwn(BITS, word.slice(1))) return false
  const [set, clear] = BITS[word.slice(1)]!
  to.setAll = (to.setAll & ~clear) | set
  to.clearAll = (to.clearAll & ~set) | clear
  return true
}

/**
 * Read the options of one mount.
 * @throws PlanError for an option that is known and cannot be had.
 */
export function readMountOptions(options: readonly string[]): MountOptions {
  const to: MountOptions = { bind: 'none', set: 0n, clear: 0n, setAll: 0n, clearAll: 0n, propagation: 0n, propagationAll: false, data: [] }
  for (const option of options) {
    if (option === '' || IDLE.has(option)) continue
    if (option === 'bind' || option === 'rbind') to.bind = option
    else if (REFUSED.has(option)) throw new PlanError(`mount option ${option} is not supported`)
    else if (applyBits(to, option)) continue
    else {
      const propagation = propagationOf(option)
      if (propagation) {
        to.propagation = propagation.kind
        to.propagationAll = propagation.all
        continue
      }
      const [, key, value] = /^([^=]*)(?:=(.*))?$/s.exec(option) ?? []
      to.data.push({ key: key!, value: value ?? null })
    }
  }
  return to
}
