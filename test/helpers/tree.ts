/**
 * Trees as data: what lies on a branch before a row begins, in a form that can be written down as aufs branch, as
 * overlayfs layer, or flattened into the plain directory a user would see.
 */

/** Attributes of an object; what is not given is plain: root's, 0644 or 0755, times of 2001. */
export interface Attributes {
  readonly mode?: number
  readonly uid?: number
  readonly gid?: number
  /** Seconds. */
  readonly mtime?: number
  readonly atime?: number
  readonly xattrs?: Readonly<Record<string, string | { hex: string } | { size: number }>>
}

/** Anything but a plain file or a plain directory. Made by the functions below. */
export interface Special extends Attributes {
  readonly type: string
  readonly content?: string
  /** How often the content is repeated. */
  readonly times?: number
  /** Size set after writing; beyond the content is a hole. */
  readonly size?: number
  /** Pieces written into it: offset, text. */
  readonly data?: readonly (readonly [number, string])[]
  readonly target?: string
  /** Path in the same branch this is another name of. */
  readonly link?: string
  readonly opaque?: boolean
  readonly children?: Tree
  /** So many empty files n000000, n000001, ... in it. */
  readonly fill?: number
}

/** Text is a file with that content, a Tree a directory. */
export type Entry = string | Special | Tree
export interface Tree {
  readonly [name: string]: Entry
}

/** Time of everything that was there before a row began, in seconds; rows can see what was touched. */
export const OLD = 1_000_000_000

export const file = (content: string, a: Partial<Special> = {}): Special => ({ type: 'file', content, ...a })
export const dir = (children: Tree, a: Partial<Special> = {}): Special => ({ type: 'dir', children, ...a })
export const opaque = (children: Tree): Special => ({ type: 'dir', children, opaque: true })
export const symlink = (target: string, a: Attributes = {}): Special => ({ type: 'symlink', target, ...a })
export const fifo = (a: Attributes = {}): Special => ({ type: 'fifo', ...a })
export const special = (type: string, a: Attributes = {}): Special => ({ type, ...a })
export const hardlink = (link: string): Special => ({ type: 'file', link })
export const whiteout: Special = { type: 'whiteout' }

const isSpecial = (e: Entry): e is Special => typeof e === 'object' && typeof e['type'] === 'string' && e['type'] !== ''

/** An entry in its long form. */
export function toSpecial(e: Entry): Special {
  if (typeof e === 'string') return { type: 'file', content: e }
  return isSpecial(e) ? e : { type: 'dir', children: e as Tree }
}

/** `[path, attributes]` as steps.py's build takes them; parents before children, other names of an inode last. */
export type BuildEntry = [path: string, attributes: Record<string, unknown>]

/** A branch as build entries. `format` says how whiteouts and opaque marks are written. */
export function toEntries(tree: Tree, format: 'aufs' | 'overlay', prefix = ''): BuildEntry[] {
  const out: BuildEntry[] = []
  const links: BuildEntry[] = []
  visit(tree, format, prefix, out, links)
  return [...out, ...links]
}

function visit(tree: Tree, format: 'aufs' | 'overlay', prefix: string, out: BuildEntry[], links: BuildEntry[]): void {
  for (const [name, entry] of Object.entries(tree)) {
    const { children, opaque: isOpaque, ...e } = toSpecial(entry)
    const path = prefix === '' ? name : `${prefix}/${name}`
    const plain = { mtime: OLD, mode: e.type === 'dir' ? 0o755 : 0o644 }
    if (e.type === 'whiteout') {
      if (format === 'aufs') out.push([path.replace(/[^/]*$/, `.wh.$&`), { type: 'file', mtime: OLD, mode: 0o444 }])
      else out.push([path, { type: 'char:0:0', mtime: OLD, mode: 0 }])
    } else if (e.link !== undefined) links.push([path, { ...plain, ...e }])
    else {
      const xattrs = isOpaque && format === 'overlay' ? { 'trusted.overlay.opaque': 'y', ...e.xattrs } : (e.xattrs ?? {})
      out.push([path, { ...plain, ...e, xattrs }])
      if (isOpaque && format === 'aufs') out.push([`${path}/.wh..wh..opq`, { type: 'file', mtime: OLD, mode: 0o444 }])
      if (children) visit(children, format, path, out, links)
    }
  }
}

/** The tree a user sees: branches from the top down, with whiteouts and opaque directories applied and gone. */
export function flatten(branches: readonly Tree[]): Tree {
  return [...branches].reverse().reduce<Tree>((below, branch) => over(below, branch), {})
}

function over(below: Tree, branch: Tree): Tree {
  const out: Record<string, Entry> = { ...below }
  for (const [name, entry] of Object.entries(branch)) {
    const e = toSpecial(entry)
    if (e.type === 'whiteout') delete out[name]
    else if (e.type !== 'dir') out[name] = entry
    else {
      const old = out[name] === undefined ? null : toSpecial(out[name])
      const base = old?.type === 'dir' && !e.opaque ? (old.children ?? {}) : {}
      const { opaque: _, ...rest } = e
      out[name] = { ...rest, children: over(base, e.children ?? {}) }
    }
  }
  return out
}
