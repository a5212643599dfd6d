/**
 * Why a path looks as it does: which branch gives it, what that hides, what hides it, where changes would go. Read from the
 * branches and the tree; nothing is changed. What the union shows comes from lookup.ts, the reasons from marks.ts.
 */
import { sys, type Bytes } from '../os/native.js'
import { Errno, E } from '../os/errno.js'
import { S_IFCHR, S_IFDIR, st } from '../os/stat.js'
import { attributes } from './attr.js'
import { changePlan, creationPlan, type Plan } from './explain-policy.js'
import { groupKey, groupName } from './link-group.js'
import { unionPath, type CopyUpEntry } from './ledger.js'
import { lookup } from './lookup.js'
import { sayings, type Cut, type Why } from './marks.js'
import { DirNode, type Node } from './node.js'
import { branchPath, dirfd, entryPath, place } from './place.js'
import type { Union } from './union.js'
import { aufs, LINK_DIR } from './whiteout/aufs.js'
import { readPrivate } from './xattr-keys.js'

const O_PATH_NOFOLLOW = sys.constants['O_PATH']! | sys.constants['O_NOFOLLOW']!
const STATX_BTIME = 0x800

/** A place on a branch. */
export interface OnBranch {
  /** Index of the branch, 0 is the top. */
  readonly branch: number
  /** Absolute path. */
  readonly at: Bytes
}

/** Something that is on a branch and not seen. */
export interface HiddenObject extends OnBranch {
  readonly kind: number
  readonly by: OnBranch & { readonly why: Why }
}

/** Where the inode number comes from. */
export interface OriginOf {
  /** File system (16 hex digits) and inode number there, of the object this one is, or was copied from. */
  readonly fsid: string
  readonly ino: number
  /** It is written down with a copy. */
  readonly stored: boolean
}

/** A file with several names. */
export interface LinksOf {
  readonly count: number
  /** Those that are known: in the union, from its root. There may be more. */
  readonly names: readonly Bytes[]
  /** Key of the group if it was copied up, or may be; '' for an ordinary file of a writable branch. */
  readonly group: string
  /** The copy that all names of the group share. */
  readonly copy: Bytes
}

/** All that can be said of a path. */
export interface Explanation {
  /** In the union, from its root. */
  readonly path: Bytes
  /** S_IFMT bits; 0 if the union has no such path. */
  readonly kind: number
  /** Inode number in the union. */
  readonly ino: number
  /** Where what is shown lies; a directory's parts, top first. */
  readonly parts: readonly OnBranch[]
  /** Renamed directories on the way: from the branch at `at` down, they go on at `to` (from the root of the union below). */
  readonly redirects: readonly (OnBranch & { readonly to: Bytes })[]
  readonly hides: readonly HiddenObject[]
  /** The first thing that keeps branches below out; for a missing path, that hides it. */
  readonly cut: (OnBranch & { readonly why: Why }) | null
  /** The part of a missing path that is there but is no directory; '' otherwise. */
  readonly notDirectory: Bytes
  /** Whiteouts without effect: their branches are read-only without `+wh`. */
  readonly unheeded: readonly OnBranch[]
  readonly origin: OriginOf | null
  /** When the object on its branch was made (for a copy: the copy-up), milliseconds since 1970; 0 if unknown. */
  readonly madeMs: number
  readonly links: LinksOf | null
  /** Where a change of it would go, and a new entry: in it, if it is a directory, or at this path, if nothing is there. */
  readonly change: Plan | null
  readonly create: Plan | null
  /** Of this inode, oldest first. */
  readonly copyUps: readonly CopyUpEntry[]
}

/** A part of the union's stack that the path has been cut off from, and where the path would go on there. */
interface Lost {
  readonly branch: number
  readonly path: Bytes
  readonly by: Cut
}

/** What a walk along the path has found. */
interface Walk {
  dir: DirNode | null
  node: Node | null
  readonly chain: Node[]
  lost: Lost[]
  cut: Cut | null
  unheeded: OnBranch[]
  notDirectory: Bytes
}

/** Absolute path of a place on a branch. */
function absolute(union: Union, branch: number, path: Bytes): Bytes {
  const root = union.branches[branch]!.spec.path
  return path === '' ? root : `${root === '/' ? '' : root}/${path}`
}

function on(union: Union, branch: number, path: Bytes): OnBranch {
  return { branch, at: absolute(union, branch, path) }
}

/** The components of a path from the root. @throws Errno EINVAL, EPERM for a reserved name */
function namesOf(path: Bytes): Bytes[] {
  const names = path.split('/').filter(name => name !== '' && name !== '.')
  for (const name of names) {
    if (name === '..' || name.includes('\0')) throw new Errno(E.EINVAL, 'no path from the root of the union', path)
    if (aufs.classify(name) !== 'entry') throw new Errno(E.EPERM, 'the name is reserved', name)
  }
  return names
}

/** One component further, in a directory that is there. */
function step(union: Union, walk: Walk, dir: DirNode, name: Bytes): void {
  const node = lookup(union, dir, name)
  if (node !== null) walk.chain.push(node)
  const child = node instanceof DirNode ? node : null
  const { said, cut } = sayings(union, dir, name, child)
  const further: Lost[] = walk.lost.map(lost => ({ ...lost, path: `${lost.path}/${name}` }))
  walk.unheeded = []
  for (const { branch, at, hidden, unheeded } of said) {
    if (hidden !== null) further.push({ branch, path: at, by: hidden })
    if (unheeded !== '') walk.unheeded.push(on(union, branch, unheeded))
  }
  walk.lost = further
  walk.cut = cut
  walk.dir = dir
  walk.node = node
}

function walkTo(union: Union, names: readonly Bytes[]): Walk {
  const { root } = union.tree
  const walk: Walk = { dir: null, node: root, chain: [root], lost: [], cut: null, unheeded: [], notDirectory: '' }
  for (const name of names) {
    if (walk.node instanceof DirNode) {
      step(union, walk, walk.node, name)
      continue
    }
    if (walk.node !== null) walk.notDirectory = unionPath(walk.node)
    walk.node = null
    walk.dir = null
    walk.lost = walk.lost.map(lost => ({ ...lost, path: `${lost.path}/${name}` }))
  }
  return walk
}

/** Of what the path was cut off from, what is really there. */
function hiddenObjects(union: Union, lost: readonly Lost[]): HiddenObject[] {
  const hidden: HiddenObject[] = []
  for (const { branch, path, by } of lost) {
    const fd = sys.openBeneath(union.branches[branch]!.fd, path, O_PATH_NOFOLLOW)
    if (fd < 0) continue
    const rc = sys.statx(fd, '')
    // A whiteout that overlayfs puts in the place of what it hides is nothing that could be seen.
    const isDevice = union.branches[branch]!.inPlace && st.kind === S_IFCHR && st.rdev === 0
    if (rc === 0 && !isDevice) {
      hidden.push({ ...on(union, branch, path), kind: st.kind, by: { ...on(union, by.branch, by.at), why: by.why } })
    }
    sys.close(fd)
  }
  return hidden.sort((a, b) => a.branch - b.branch)
}

/** Where what the union shows lies. */
function partsOf(union: Union, node: Node): OnBranch[] {
  if (node instanceof DirNode) return node.branches.map(b => on(union, b, branchPath(union, node, b)))
  if (node.indexed) return [on(union, node.top, `${LINK_DIR}/${groupName(node.group)}`)]
  return [on(union, node.top, entryPath(union, node.parent!, node.name, node.top))]
}

function redirectsOf(union: Union, chain: readonly Node[]): (OnBranch & { readonly to: Bytes })[] {
  return chain.flatMap(node => (node instanceof DirNode
    ? node.redirects.map(({ at, path }) => ({ ...on(union, at, branchPath(union, node, at)), to: `/${path}` }))
    : []))
}

/** The whiteouts in a directory: absolute paths, those of the top branch first. @throws Errno of a branch */
export function whiteoutsIn(union: Union, dir: DirNode): Bytes[] {
  const found: Bytes[] = []
  for (const b of dir.branches) {
    const branch = union.branches[b]!
    if (!branch.whiteable) continue
    const fd = dirfd(union, dir, b)
    const raw = sys.readdir(fd)
    if (typeof raw === 'number') throw new Errno(-raw, 'getdents64', dir.name)
    const names = raw.names.filter((name, i) => branch.format.classify(name) === 'whiteout'
      || (branch.inPlace && branch.mayBeWhiteout(raw.types[i]!) && branch.hidesInPlace(fd, name))).sort()
    found.push(...names.map(name => absolute(union, b, entryPath(union, dir, name, b))))
  }
  return found
}

/** Where a node comes from; of a directory, its lowest part. */
function originOf(union: Union, node: Node): OriginOf | null {
  const lowest = node instanceof DirNode ? node.branches[node.branches.length - 1]! : node.top
  const branch = union.branches[lowest]!
  const at = node instanceof DirNode ? { dirfd: dirfd(union, node, lowest), name: '' } : place(union, node)
  const kept = Buffer.alloc(64)
  const length = !node.isDir() && branch.ours ? readPrivate(at.dirfd, at.name, branch.keys.origin, kept) : 0
  const [, fsid, ino] = /^([0-9a-f]{16}):(\d+)/.exec(kept.toString('latin1', 0, length)) ?? []
  if (fsid !== undefined) return { fsid, ino: Number(ino), stored: true }
  if (sys.statx(at.dirfd, at.name) < 0) return null
  const [own, number = ''] = groupKey(branch.fsid, st.inoLow, st.inoHigh).split('-')
  return { fsid: own!, ino: Number(number), stored: false }
}

/** When the object whose attributes are shown came to be. */
function madeMs(union: Union, node: Node): number {
  const at = place(union, node)
  if (sys.statx(at.dirfd, at.name) < 0 || (st.mask & STATX_BTIME) === 0) return 0
  return Number(st.btime) * 1000 + Math.floor(st.btimeNsec / 1e6)
}

function linksOf(union: Union, node: Node): LinksOf | null {
  if (node.isDir()) return null
  attributes(union, node)
  const count = st.nlink
  if (count < 2 && node.group === '') return null
  const names = (node.aliases ?? []).map(({ dir, name }) => `${unionPath(dir).replace(/^\/$/, '')}/${name}`)
  const copy = node.indexed ? absolute(union, node.top, `${LINK_DIR}/${groupName(node.group)}`) : ''
  return { count, names: [unionPath(node), ...names], group: node.group, copy }
}

/**
 * Explain a path from the union's root. Must not be called in the middle of a request.
 * @throws Errno EINVAL for a path with `..`, EPERM for a reserved name; what the branches give
 */
export function explain(union: Union, path: Bytes): Explanation {
  const names = namesOf(path)
  const walk = walkTo(union, names)
  try {
    const { node, dir, cut } = walk
    const common = {
      path: `/${names.join('/')}`,
      redirects: redirectsOf(union, walk.chain),
      hides: hiddenObjects(union, walk.lost),
      cut: cut === null ? null : { ...on(union, cut.branch, cut.at), why: cut.why },
      unheeded: walk.unheeded, notDirectory: walk.notDirectory,
    }
    if (node === null) {
      return {
        ...common, kind: 0, ino: 0, parts: [], origin: null, madeMs: 0, links: null, change: null,
        create: dir === null ? null : creationPlan(union, dir, names[names.length - 1]!), copyUps: [],
      }
    }
    return {
      ...common, kind: node.kind, ino: node.ino, parts: partsOf(union, node), origin: originOf(union, node),
      madeMs: madeMs(union, node), links: linksOf(union, node), change: changePlan(union, node),
      create: node.kind === S_IFDIR ? creationPlan(union, node as DirNode, '') : null, copyUps: union.ledger.of(node.ino),
    }
  } finally {
    for (const node of walk.chain.reverse()) union.tree.settle(node)
    union.afterRequest()
  }
}
