/** From fuse-native's paths to the nodes of the protocol, by looking up each component. */
import { Opcode, ROOT_ID } from '../fuse/abi.js'
import { bytesOf, fields, names, type Wire } from './wire.js'

/** Bytes of fuse_attr_out before its fuse_attr. */
const ATTR_ATTR = 16
const ATTR_SIZE = 88

/** What fuse-native calls a stat: times in milliseconds, numbers of 32 bits but for sizes. */
export interface Stat {
  mode: number
  uid: number
  gid: number
  size: number
  dev: number
  nlink: number
  ino: number
  rdev: number
  blksize: number
  blocks: number
  atime: number
  mtime: number
  ctime: number
}

/** A number that differs where the 64-bit one does, mostly; 0 would say that there is no file. */
export function shortIno(bytes: Buffer, at: number): number {
  return (bytes.readUInt32LE(at) ^ bytes.readUInt32LE(at + 4)) >>> 0 || 1
}

/** Milliseconds since 1970, not before: fuse-native has no negative ones. */
function time(attr: Buffer, sec: number, nsec: number): number {
  return Math.max(0, Number(attr.readBigInt64LE(sec)) * 1000 + Math.floor(attr.readUInt32LE(nsec) / 1e6))
}

/** A struct fuse_attr. */
function statOf(attr: Buffer): Stat {
  return {
    ino: shortIno(attr, 0), size: Number(attr.readBigUInt64LE(8)), blocks: Number(attr.readBigUInt64LE(16)),
    atime: time(attr, 24, 48), mtime: time(attr, 32, 52), ctime: time(attr, 40, 56),
    mode: attr.readUInt32LE(60), nlink: attr.readUInt32LE(64), uid: attr.readUInt32LE(68), gid: attr.readUInt32LE(72),
    rdev: attr.readUInt32LE(76), blksize: attr.readUInt32LE(80), dev: 0,
  }
}

/** Nodes that a call has found; each counts as one lookup until `end` (or `keep`). */
export class Walk {
  readonly #wire: Wire
  readonly #nodes: number[] = []

  constructor(wire: Wire) {
    this.#wire = wire
  }

  /** The node of a path. @throws Refusal as LOOKUP, ENOENT among them */
  node(path: string): number {
    let id: number = ROOT_ID
    for (const part of path.split('/')) if (part !== '') id = this.#entry(this.#wire.call(Opcode.LOOKUP, id, names(bytesOf(part))))
    return id
  }

  /** The directory of a path's last name, and that name. */
  parent(path: string): { dir: number, name: string } {
    const slash = path.lastIndexOf('/')
    return { dir: this.node(path.slice(0, slash)), name: bytesOf(path.slice(slash + 1)) }
  }

  /** Attributes of a path. */
  stat(path: string): Stat {
    const reply = this.#wire.call(Opcode.GETATTR, this.node(path), fields(16))
    return statOf(reply.subarray(ATTR_ATTR, ATTR_ATTR + ATTR_SIZE))
  }

  /** Count the lookup of a reply that begins with fuse_entry_out. @returns its node */
  #entry(reply: Buffer): number {
    const id = Number(reply.readBigUInt64LE(0))
    this.#nodes.push(id)
    return id
  }

  /** Ask for a new entry: MKNOD, MKDIR, SYMLINK, LINK. */
  make(opcode: number, dir: number, ...body: readonly Buffer[]): void {
    this.#entry(this.#wire.call(opcode, dir, ...body))
  }

  /** The lookup of `node` is the caller's, who will forget it. */
  keep(node: number): void {
    const at = this.#nodes.lastIndexOf(node)
    if (at >= 0) this.#nodes.splice(at, 1)
  }

  /** Forget what was found. */
  end(): void {
    this.#wire.forget(this.#nodes.splice(0))
  }
}
