/**
 * Nodes: what the kernel knows by number. A node is an inode, not a name: hard links of one file are one node.
 * Nodes are about names and branches; places on disk come from `place.ts`.
 */
import type { Bytes } from '../os/native.js'
import { S_IFDIR } from '../os/stat.js'
import { NameMap } from '../util/name-map.js'
import type { Listing } from './listing.js'

/** A name in a directory, another one than a node's first. */
export interface Alias {
  readonly dir: DirNode
  readonly name: Bytes
}

/** A file on a branch that holds copied data and has not got its place yet. */
export interface CopiedData {
  readonly fd: number
  /** Its name in the work directory, '' for an unnamed file. */
  readonly name: Bytes
}

/** Data of a copy-up that a worker thread makes or has made. */
export interface CopyJob {
  readonly data: CopiedData
  /** Target branch. */
  readonly branch: number
  /** How many bytes of the source it holds. */
  readonly size: number
  done: boolean
  readonly promise: Promise<void>
}

/** Open handles of a node in passthrough mode (passthrough.ts); they are all of one kind. */
export interface PassState {
  /** Backing id they share; 0 if they are served by us. */
  id: number
  handles: number
  /** Those of them that may write. */
  writers: number
  /** The kernel has written the file behind its own page cache of this node. */
  passedOnce: boolean
}

/** What few nodes have. */
interface Rare {
  group: string
  aliases: Alias[] | null
  fd: number
  copy: CopyJob | null
  pass: PassState | null
}

const KIND_SHIFT = 12
const KIND_MASK = 0xf
const INDEXED = 0x10
const SHARED = 0x20
const TOP_SHIFT = 6
const BELOW_TOP = (1 << TOP_SHIFT) - 1

/** There are as many of these as the kernel has inodes, millions: eight words, and `rare` for the few that need more. */
export class Node {
  /** Slot number in the table: the nodeid of the protocol. Root is 1. */
  id = 0
  /** st_ino shown: a function of the origin, the same across copy-up, rename and remount. */
  readonly ino: number
  /** How often the kernel has been told of this node and has not forgotten. */
  lookups = 0
  /** First name. parent is null for the root and for what has no name (deleted, O_TMPFILE, vanished). */
  parent: DirNode | null
  name: Bytes
  /** Mark of the branch inode we saw under the first name (current.ts seenMark), 0 if none: tells a replaced file. */
  seen = 0
  /** kind >> 12, INDEXED, SHARED, top << TOP_SHIFT. */
  private bits: number
  private rare: Rare | null = null

  constructor(kind: number, ino: number, parent: DirNode | null, name: Bytes, top: number) {
    this.ino = ino
    this.parent = parent
    this.name = name
    this.bits = (kind >> KIND_SHIFT) | (top << TOP_SHIFT)
  }

  /** S_IFMT bits; never changes. */
  get kind(): number {
    return (this.bits & KIND_MASK) << KIND_SHIFT
  }

  /** Index of the topmost branch that has it: its attributes count. */
  get top(): number {
    return this.bits >> TOP_SHIFT
  }

  set top(branch: number) {
    this.bits = (this.bits & BELOW_TOP) | (branch << TOP_SHIFT)
  }

  /** The link group has been copied up: its file is found in the link directory of branch `top`. */
  get indexed(): boolean {
    return (this.bits & INDEXED) !== 0
  }

  set indexed(yes: boolean) {
    this.bits = yes ? this.bits | INDEXED : this.bits & ~INDEXED
  }

  /** udba=notify: may have names on the branch that we do not know, and be changed by them unseen. */
  get shared(): boolean {
    return (this.bits & SHARED) !== 0
  }

  set shared(yes: boolean) {
    this.bits = yes ? this.bits | SHARED : this.bits & ~SHARED
  }

  /** Key of the hard-link group (origin), '' while the file had one name whenever we looked. */
  get group(): string {
    return this.rare === null ? '' : this.rare.group
  }

  set group(key: string) {
    if (this.rare !== null || key !== '') this.more().group = key
  }

  /** Further names known, null for most. */
  get aliases(): Alias[] | null {
    return this.rare === null ? null : this.rare.aliases
  }

  set aliases(names: Alias[] | null) {
    if (this.rare !== null || names !== null) this.more().aliases = names
  }

  /** O_PATH or data fd of what has no usable name; -1 otherwise. Owned by the node. */
  get fd(): number {
    return this.rare === null ? -1 : this.rare.fd
  }

  set fd(fd: number) {
    if (this.rare !== null || fd >= 0) this.more().fd = fd
  }

  get copy(): CopyJob | null {
    return this.rare === null ? null : this.rare.copy
  }

  set copy(job: CopyJob | null) {
    if (this.rare !== null || job !== null) this.more().copy = job
  }

  get pass(): PassState | null {
    return this.rare === null ? null : this.rare.pass
  }

  set pass(state: PassState | null) {
    if (this.rare !== null || state !== null) this.more().pass = state
  }

  private more(): Rare {
    return this.rare ??= { group: '', aliases: null, fd: -1, copy: null, pass: null }
  }

  isDir(): this is DirNode {
    return (this.bits & KIND_MASK) === S_IFDIR >> KIND_SHIFT
  }
}

/** From branch `at` down, the directory goes on at `path` (from the root of the branches below). */
export interface Redirect {
  readonly at: number
  readonly path: Bytes
}

export class DirNode extends Node {
  /** Branches where it is a directory, top first, clipped by whiteouts and opaque marks. */
  branches: number[]
  /** Where it lies on a branch (from the branch root) when that is not `name` in `parent`: after a rename. */
  paths: Map<number, Bytes> | null = null
  redirects: readonly Redirect[] = []
  readonly children = new NameMap<Node>()
  listing: Listing | null = null
  /** Holds files with a stored origin: 1 yes, 0 no, -1 not looked. */
  impure = -1
  /** Names looked for on the branches, one by one, since there was no list. */
  asked = 0
  /** udba=notify: the count at which it came to be trusted (watches.ts), 0 if it is not. */
  watched = 0

  constructor(ino: number, parent: DirNode | null, name: Bytes, branches: number[]) {
    super(S_IFDIR, ino, parent, name, branches[0]!)
    this.branches = branches
  }
}
