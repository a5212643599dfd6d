/**
 * Nodes: what the kernel knows by number. A node is an inode, not a name: hard links of one file are one node.
 * Nodes are about names and branches; places on disk come from `place.ts`.
 */
import type { Bytes } from '../os/native.js'
import { S_IFDIR } from '../os/stat.js'
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
  /** The kernel has written the file behind its own page cache of this node. */
  passedOnce: boolean
}

export class Node {
  /** Slot number in the table: the nodeid of the protocol. Root is 1. */
  id = 0
  generation = 0
  /** S_IFMT bits; never changes. */
  readonly kind: number
  /** st_ino shown: a function of the origin, the same across copy-up, rename and remount. */
  readonly ino: number
  /** Key of the hard-link group (origin), '' while the file had one name whenever we looked. */
  group = ''
  /** How often the kernel has been told of this node and has not forgotten. */
  lookups = 0
  /** First name. parent is null for the root and for what has no name (deleted, O_TMPFILE, vanished). */
  parent: DirNode | null
  name: Bytes
  /** Further names known, null for most. */
  aliases: Alias[] | null = null
  /** Index of the topmost branch that has it: its attributes count. */
  top: number
  /** O_PATH or data fd of what has no usable name; -1 otherwise. Owned by the node. */
  fd = -1
  /** The link group has been copied up: its file is found in the link directory of branch `top`. */
  indexed = false
  /** Mark of the branch inode we saw under the first name (lookup.ts seenMark), 0 if none: tells a replaced file. */
  seen = 0
  copy: CopyJob | null = null
  pass: PassState | null = null

  constructor(kind: number, ino: number, parent: DirNode | null, name: Bytes, top: number) {
    this.kind = kind
    this.ino = ino
    this.parent = parent
    this.name = name
    this.top = top
  }

  isDir(): this is DirNode {
    return this.kind === S_IFDIR
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
  readonly children = new Map<Bytes, Node>()
  listing: Listing | null = null
  /** Holds files with a stored origin: 1 yes, 0 no, -1 not looked. */
  impure = -1

  constructor(ino: number, parent: DirNode | null, name: Bytes, branches: number[]) {
    super(S_IFDIR, ino, parent, name, branches[0]!)
    this.branches = branches
  }
}
