/** READDIR and READDIRPLUS: the merged directory from an offset on. Source: getdents64(2); union-semantics section 6. */
import type { Bytes } from '../os/native.js'
import { Errno, E } from '../os/errno.js'
import { S_IFDIR, S_IFREG, st } from '../os/stat.js'
import { defineOp, HEADER, numberOf, type Request } from '../fuse/define-op.js'
import { Opcode } from '../fuse/abi.js'
import { DirentPacker } from '../fuse/dirent.js'
import { entryNode, entryOut } from '../fuse/reply.js'
import { ReadIn } from '../fuse/structs.js'
import { attributes } from '../union/attr.js'
import type { Branch } from '../union/branch.js'
import { isCurrent, markOf } from '../union/current.js'
import { isGrafted, touchedIno, touches } from '../union/graft.js'
import type { Entry, Listing } from '../union/listing.js'
import { listing } from '../union/listings.js'
import { isImpure, lookup, lookupListed, peekIno } from '../union/lookup.js'
import { Node, type DirNode } from '../union/node.js'
import { dirfd } from '../union/place.js'
import type { Union } from '../union/union.js'

const DT_DIR = S_IFDIR >> 12
const DT_REG = S_IFREG >> 12
const DT_UNKNOWN = 0
const DOT = 1
const DOT_DOT = 2

/** d_ino must be st_ino: known, or that of the branch where no origin can be stored, or looked up. */
function inoOf(union: Union, dir: DirNode, entry: Entry): number {
  const known = dir.children.get(entry.name)
  if (known !== undefined && isCurrent(union, known, dir, entry.name)) return known.ino
  const branch = union.branches[entry.branch]!
  const stored = entry.type === DT_DIR ? branch.whiteable : branch.ours && isImpure(union, dir)
  const merges = entry.type === DT_DIR && dir.branches.length > 1
  if (stored || merges || (entry.low === 0 && entry.high === 0)) return peekIno(union, dir, entry.name)
  return union.inos.of(branch.fsid, entry.low, entry.high)
}

/** DT_*; unknown where a regular file may stand for a device and has not been looked at (stored-stat.ts). */
function typeOf(union: Union, dir: DirNode, entry: Entry): number {
  if (entry.type !== DT_REG || union.branches[entry.branch]!.statKey === '') return entry.type
  const known = dir.children.get(entry.name)
  return known === undefined ? DT_UNKNOWN : known.kind >> 12
}

function parentIno(union: Union, dir: DirNode): number {
  return (dir.parent ?? union.tree.root).ino
}

function find(union: Union, dir: DirNode, entry: Entry): Node | null {
  try {
    const node = union.trusted(dir) ? dir.children.get(entry.name) ?? lookupListed(union, dir, entry) : lookup(union, dir, entry.name)
    if (node !== null) attributes(union, node)
    return node
  } catch (error) {
    // An entry that cannot be read is listed without attributes; its own lookup will give the error.
    if (error instanceof Errno) return null
    throw error
  }
}

function plus(union: Union, req: Request, dir: DirNode, packer: DirentPacker, entry: Entry, renumber: Renumber): boolean {
  const changed = renumber(entry.name)
  const node = find(union, dir, entry)
  const ino = node?.ino ?? union.inos.of(union.branches[entry.branch]!.fsid, entry.low, entry.high)
  const at = packer.addPlus(changed ? touchedIno(ino) : ino, entry.offset, typeOf(union, dir, entry), entry.name)
  if (at < 0) {
    if (node !== null) union.tree.settle(node)
    return false
  }
  if (node !== null) {
    node.lookups++
    const timeout = union.timeout(node)
    entryOut(req.out, at, node.id, union.tree.generation(node.id), timeout, timeout, st.attr)
  }
  return true
}

/** Rows of one call: an answer has no more, at 160 bytes each. */
const found = new Uint32Array(3 * 1024 + 1)
const done = new Uint32Array(1)

/** The branch of the entry at a place if many on it can be listed at once from there on: no directory, on one that only holds files. */
function branchOfRun(union: Union, entries: Listing, place: number): Branch | null {
  const b = entries.leafBranch(place)
  if (b < 0) return null
  const branch = union.branches[b]!
  return branch.whiteable || branch.statKey !== '' ? null : branch
}

/**
 * READDIRPLUS of the entries from a place on that are files with one name on a branch that only holds files: as plus(), many at
 * once. @returns how many
 */
function plusRun(union: Union, req: Request, dir: DirNode, packer: DirentPacker, entries: Listing, place: number): number {
  const branch = branchOfRun(union, entries, place)
  if (branch === null) return 0
  const b = branch.index
  const base = union.inos.base(branch.fsid)
  const rows = entries.packPlus(req.out, packer.at, packer.limit, place, b, base, dirfd(union, dir, b), found)
  const { children } = dir
  children.reserve(rows)
  for (let i = 0; i < rows; i++) {
    const at = found[3 * i]!
    const low = found[3 * i + 1]!
    const ino = base + found[3 * i + 2]! * 0x100000000 + low
    const name = entries.nameAt(place + i)
    let node = children.get(name)
    if (node === undefined) {
      node = new Node(entries.typeAt(place + i) << 12, ino, dir, name, b)
      node.seen = markOf(low)
      union.tree.add(node)
    } else if (node.ino !== ino || node.top !== b || node.group !== '') {
      // Something else by now: its record, and what follows, is for plus().
      packer.advance(at)
      return i
    }
    node.lookups++
    entryNode(req.outWords, at, node.id, union.tree.generation(node.id))
  }
  if (rows > 0) packer.advance(found[3 * rows]!)
  return rows
}

/** READDIR of such entries, with any number of names. @returns how many */
function plainRun(union: Union, req: Request, _dir: DirNode, packer: DirentPacker, entries: Listing, place: number): number {
  const branch = branchOfRun(union, entries, place)
  if (branch === null) return 0
  packer.advance(packer.at + entries.pack(req.out, packer.at, packer.limit, place, branch.index, union.inos.base(branch.fsid), done))
  return done[0]!
}

/** Is an entry to be listed with another number than its own? So in grafts, for what has been touched (graft.ts). */
type Renumber = (name: Bytes) => boolean

const never: Renumber = () => false

function list(union: Union, req: Request, offset: number, size: number, withNodes: boolean): number {
  const dir = union.tree.dir(req.nodeid)
  if (!isGrafted(union, dir)) {
    const length = pack(union, req, dir, offset, size, withNodes, never)
    if (length === 0) union.kept?.listed(dir, numberOf(req))
    return length
  }
  union.graftsListed.add(dir.id)
  const touched = touches(union, dir)
  try {
    return pack(union, req, dir, offset, size, withNodes, touched?.has ?? never)
  } finally {
    touched?.close()
  }
}

/** May entries be listed many at once: is all that is known of them what their branch has? */
function inRuns(union: Union, renumber: Renumber): boolean {
  return union.config.udba === 'none' && renumber === never && union.owners === null && !union.tree.hasGroups
}

function pack(
  union: Union, req: Request, dir: DirNode, offset: number, size: number, withNodes: boolean, renumber: Renumber,
): number {
  if (dir.parent === null && dir !== union.tree.root) return 0
  if (!Number.isSafeInteger(offset)) throw new Errno(E.EINVAL, 'readdir', dir.name)
  const entries = listing(union, dir, offset === 0)
  const packer = new DirentPacker(req.out, req.outWords, HEADER, HEADER + size)
  const dot = (ino: number, off: number, name: string): boolean =>
    withNodes ? packer.addPlus(ino, off, DT_DIR, name) >= 0 : packer.add(ino, off, DT_DIR, name)
  if (offset < DOT && !dot(dir.ino, DOT, '.')) return packer.size
  if (offset < DOT_DOT && !dot(parentIno(union, dir), DOT_DOT, '..')) return packer.size
  const run = !inRuns(union, renumber) ? null : withNodes ? plusRun : plainRun
  let entry
  for (let place = entries.placeAfter(offset); ; place++) {
    if (run !== null) place += run(union, req, dir, packer, entries, place)
    if ((entry = entries.entryAt(place)) === undefined) break
    if (entry === null) continue
    const fits = withNodes
      ? plus(union, req, dir, packer, entry, renumber)
      : packer.add(renumber(entry.name) ? touchedIno(inoOf(union, dir, entry)) : inoOf(union, dir, entry), entry.offset, typeOf(union, dir, entry), entry.name)
    if (!fits) break
  }
  return packer.size
}

export const readdir = defineOp({
  opcode: Opcode.READDIR, name: 'READDIR', in: ReadIn, names: 0,
  run: (union: Union, req, { offset, size }) => list(union, req, offset, size, false),
})

export const readdirplus = defineOp({
  opcode: Opcode.READDIRPLUS, name: 'READDIRPLUS', in: ReadIn, names: 0,
  run: (union: Union, req, { offset, size }) => list(union, req, offset, size, true),
})
