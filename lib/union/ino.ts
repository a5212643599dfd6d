/**
 * Inode numbers: a function of the origin (file system, inode) of an object, so they survive copy-up, rename and remount.
 *
 *     bits 0..39   inode number on its file system
 *     bits 40..51  number of the file system: 0 for that of the lowest branch, else a hash of its identity
 *     bit  52      set when the inode number does not fit 40 bits: then bits 0..51 are a hash of both, collision-checked
 *
 * 53 bits, because a JavaScript number holds no more; no two objects get the same number. aufs does this with a table
 * (xino) that is lost at unmount; overlayfs with the high bits (xino=on).
 */
import { sys } from '../os/native.js'
import { must } from '../os/errno.js'

const INO_BITS = 2 ** 40
const FS_COUNT = 4096
const HASHED = 2 ** 52

/** An object's origin: which file system and which inode there. */
export interface Origin {
  /** 16 hex digits of f_fsid. */
  readonly fsid: string
  readonly low: number
  readonly high: number
}

const fsView = new DataView(sys.fsstat.buffer, sys.fsstat.byteOffset, sys.fsstat.length)

/**
 * Identity of the file system of an open file: f_fsid of statfs(2), which ext4, xfs and btrfs derive from the UUID.
 * @param dev st_dev as a number, taken where a file system has no f_fsid
 */
export function fsidOf(fd: number, dev: number): string {
  must(sys.statfs(fd), 'statfs')
  const a = fsView.getUint32(84, true)
  const b = fsView.getUint32(88, true)
  if (a === 0 && b === 0) return dev.toString(16).padStart(16, '0')
  return a.toString(16).padStart(8, '0') + b.toString(16).padStart(8, '0')
}

/** A 32-bit mix (murmur3's finisher) of two words. */
function mix(a: number, b: number): number {
  let h = (a ^ Math.imul(b, 0x9e3779b1)) >>> 0
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

export class Inos {
  readonly #fs = new Map<string, number>()
  readonly #taken = new Set<number>([0])
  /** Hashed numbers and whose they are. */
  readonly #hashed = new Map<number, string>()

  /** @param primary fsid of the lowest branch: its inode numbers are shown as they are */
  constructor(primary: string) {
    this.#fs.set(primary, 0)
  }

  /** What inode numbers of a file system are added to, where they fit 40 bits. */
  base(fsid: string): number {
    return (this.#fs.get(fsid) ?? this.#number(fsid)) * INO_BITS
  }

  /** The number shown for an origin. */
  of(fsid: string, low: number, high: number): number {
    const fs = this.#fs.get(fsid) ?? this.#number(fsid)
    if (high < 0x100) return fs * INO_BITS + high * 0x100000000 + low
    const key = `${fsid}:${high}:${low}`
    for (let salt = 0; ; salt++) {
      const ino = HASHED + (mix(mix(low, high), fs + salt) & 0xfffff) * 0x100000000 + mix(low + salt, high ^ fs)
      const owner = this.#hashed.get(ino)
      if (owner === key) return ino
      if (owner === undefined) {
        this.#hashed.set(ino, key)
        return ino
      }
    }
  }

  #number(fsid: string): number {
    let n = mix(Number.parseInt(fsid.slice(0, 8), 16), Number.parseInt(fsid.slice(8), 16)) % FS_COUNT
    while (this.#taken.has(n)) n = (n + 1) % FS_COUNT
    this.#taken.add(n)
    this.#fs.set(fsid, n)
    return n
  }
}
