/**
 * The branch grammar: `PATH[=perm{+attr}]`, lists of it, and the list as the options build it up.
 * Source: aufs(5) "Branch Syntax"; section 1.1 of the semantics reference.
 */
import type { Bytes } from '../os/native.js'
import type { BranchSpec, FormatName, Permission, XattrClass } from './config.js'
import { absolute, escapePath, indexOfUnescaped, splitEscaped, unescapePath } from './syntax.js'
import { MountError, usage } from './mount-error.js'

/** aufs's default for the number of branches. */
export const MAX_BRANCHES = 127

/** One branch as typed; `perm` is null where its place in the list decides. */
export interface TypedBranch extends Omit<BranchSpec, 'perm'> {
  readonly perm: Permission | null
}

type Attributes = Omit<TypedBranch, 'path' | 'perm'>

const XATTR_CLASSES: readonly XattrClass[] = ['security', 'system', 'trusted', 'user', 'other']

const icex = (...classes: readonly XattrClass[]) => (a: Attributes): Attributes =>
  ({ ...a, icex: new Set([...a.icex, ...classes]) })

const fmt = (name: FormatName) => (a: Attributes): Attributes => ({ ...a, fmt: name })

/** One attribute: on which permissions it means anything, what it does to a branch, and what people read of it. */
interface Attribute {
  readonly on: 'any' | 'readonly' | 'rw'
  readonly help: string
  readonly set: (a: Attributes) => Attributes
}

/** An attribute that has errors passed over when attributes of such classes are set on copies to the branch. */
function icexRow(what: string, ...classes: readonly XattrClass[]): Attribute {
  return { on: 'any', help: `copies to it: errors setting ${what} extended attributes are passed over`, set: icex(...classes) }
}

/** A form of whiteouts. */
function fmtRow(name: FormatName, help: string): Attribute {
  return { on: 'any', help, set: fmt(name) }
}

/** Every attribute. */
const ATTRIBUTES: Readonly<Record<string, Attribute>> = {
  wh: { on: 'readonly', help: 'whiteouts and opaque marks on it count (on rw they always do)', set: (a) => ({ ...a, wh: true }) },
  nolwh: { on: 'rw', help: 'each whiteout is a file of its own, not a link to one', set: (a) => ({ ...a, nolwh: true }) },
  unpin: { on: 'any', help: 'taken and ignored, as in aufs', set: (a) => a },
  coo_reg: { on: 'any', help: 'opening a regular file of it copies it up', set: (a) => ({ ...a, copyOnOpen: 'reg' }) },
  coo_all: { on: 'any', help: 'opening a regular file or directory of it copies it up', set: (a) => ({ ...a, copyOnOpen: 'all' }) },
  fhsm: { on: 'rw', help: 'takes part in tiering: cold files move down from it (`tsaufs fhsm`)', set: (a) => ({ ...a, fhsm: true }) },
  moo: { on: 'rw', help: 'opening a regular file of it moves it up', set: (a) => ({ ...a, copyOnOpen: 'moo' }) },
  icexsec: icexRow('security.', 'security'),
  icexsys: icexRow('system.', 'system'),
  icextr: icexRow('trusted.', 'trusted'),
  icexusr: icexRow('user.', 'user'),
  icexoth: icexRow('other', 'other'),
  icex: icexRow('any', ...XATTR_CLASSES),
  'fmt=auto': fmtRow('auto', 'its form of whiteouts is found out'),
  'fmt=aufs': fmtRow('aufs', 'it has whiteouts as aufs makes them'),
  'fmt=oci': fmtRow('aufs', 'the same: layers of images have them so'),
  'fmt=overlay': fmtRow('overlay', 'it has whiteouts as overlayfs makes them'),
  'fmt=fuse-overlayfs': fmtRow('fuse-overlayfs', 'it may have any of these'),
}

/** What each attribute does, for help and manual. */
export const ATTRIBUTE_HELP: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(ATTRIBUTES).map(([name, { on, help }]) => [name, on === 'any' ? help : `(${on === 'rw' ? 'rw' : 'ro, rr'}) ${help}`]),
)

/**
 * Parse one `PATH[=perm{+attr}]`.
 * @param text escapes still in place
 * @param cwd absolute; relative paths are taken from here
 * @param warn is given one sentence for each thing that was dropped
 * @throws MountError EINVAL for an empty path or a bad escape
 */
export function parseBranch(text: Bytes, cwd: Bytes, warn: (line: string) => void): TypedBranch {
  const equals = indexOfUnescaped(text, '=')
  const path = unescapePath(equals < 0 ? text : text.slice(0, equals))
  if (path === '') throw usage(`branch '${text}'`, 'a branch needs a path: PATH[=rw|ro|rr[+ATTRIBUTE]...]')
  const plain: TypedBranch = {
    path: absolute(path, cwd), perm: null, wh: false, nolwh: false, copyOnOpen: 'none', icex: new Set(), fhsm: false, fmt: 'auto',
  }
  if (equals < 0) return plain

  const [permText = '', ...attrs] = text.slice(equals + 1).split('+')
  const perm = isPermission(permText) ? permText : 'ro'
  if (perm !== permText) {
    warn(`branch ${path}: '${permText}' is no permission (rw, ro, rr); taken as ro`)
    return { ...plain, perm }
  }
  return { ...parseAttributes({ ...plain, perm }, attrs, warn), perm }
}

function parseAttributes(branch: TypedBranch, attrs: readonly string[], warn: (line: string) => void): TypedBranch {
  for (const [i, name] of attrs.entries()) {
    const attribute = Object.hasOwn(ATTRIBUTES, name) ? ATTRIBUTES[name] : undefined
    if (attribute === undefined) {
      warn(`branch ${branch.path}: unknown attribute '${attrs.slice(i).join('+')}' dropped`)
      return branch
    }
    const fits = attribute.on === 'any' || (attribute.on === 'rw') === (branch.perm === 'rw')
    if (fits) branch = { ...branch, ...attribute.set(branch) }
    else warn(`branch ${branch.path}: +${name} means nothing on ${branch.perm}; dropped`)
  }
  return branch
}

function isPermission(text: string): text is Permission {
  return text === 'rw' || text === 'ro' || text === 'rr'
}

/** The branch that formatBranch() has written. @throws MountError for what it has not */
export function specOf(text: string): BranchSpec {
  const branch = parseBranch(text, '/', () => undefined)
  const perm = branch.perm ?? 'ro'
  return { ...branch, perm, wh: branch.wh || perm === 'rw' }
}

/** A branch as aufs shows it, `PATH=perm+attr`, escaped so that it can be given back as an option. */
export function formatBranch(branch: BranchSpec): string {
  const attrs: string[] = []
  if (branch.wh && branch.perm !== 'rw') attrs.push('wh')
  if (branch.nolwh) attrs.push('nolwh')
  if (branch.copyOnOpen !== 'none') attrs.push(branch.copyOnOpen === 'moo' ? 'moo' : `coo_${branch.copyOnOpen}`)
  if (branch.fhsm) attrs.push('fhsm')
  if (XATTR_CLASSES.every((c) => branch.icex.has(c))) attrs.push('icex')
  else for (const [name, cls] of ICEX_NAMES) if (branch.icex.has(cls)) attrs.push(name)
  if (branch.fmt !== 'auto') attrs.push(`fmt=${branch.fmt}`)
  return `${escapePath(branch.path)}=${[branch.perm, ...attrs].join('+')}`
}

const ICEX_NAMES: readonly (readonly [string, XattrClass])[] = [
  ['icexsec', 'security'], ['icexsys', 'system'], ['icextr', 'trusted'], ['icexusr', 'user'], ['icexoth', 'other'],
]

/** What the list needs to know about a path and the mount to choose a permission that was not given. */
export interface Defaults {
  readonly readOnly: boolean
  /** The branch lies on a file system that cannot be written at all: squashfs, iso9660, cramfs, romfs, erofs. */
  nativelyReadOnly(path: Bytes): boolean
}

/** The list of branches while options build it, top first. Every change keeps the requested place for the default. */
export class BranchList {
  readonly #entries: { readonly branch: TypedBranch, readonly requested: number }[] = []

  /** How many branches there are. */
  get length(): number {
    return this.#entries.length
  }

  /**
   * Put a branch in at `index`, 0..length; -1 means the end.
   * @throws MountError EDOM for another index, EINVAL for a path that is there already, ENOSPC beyond 127
   */
  insert(branch: TypedBranch, index: number): void {
    const at = index === -1 ? this.length : index
    if (at < 0 || at > this.length) {
      throw usage(`branch ${branch.path}`, `there is no place ${index}; give 0 to ${this.length}`, 'EDOM')
    }
    if (this.find(branch.path) >= 0) throw usage(`branch ${branch.path}`, 'it is there twice; name each branch once')
    if (this.length >= MAX_BRANCHES) {
      throw new MountError(
        `branch ${branch.path}`, 'ENOSPC', `a union has at most ${MAX_BRANCHES} branches; merge some or leave them out`,
      )
    }
    this.#entries.splice(at, 0, { branch, requested: at })
  }

  /** Take a branch out. @throws MountError ENOENT when the path is no branch. */
  remove(path: Bytes): void {
    this.#entries.splice(this.mustFind(path), 1)
  }

  /** Change permission and attributes in place. @throws MountError ENOENT when the path is no branch. */
  modify(branch: TypedBranch): void {
    const at = this.mustFind(branch.path)
    this.#entries[at] = { branch, requested: at }
  }

  /** The finished list, with the permissions that were not given. */
  finish(defaults: Defaults): BranchSpec[] {
    return this.#entries.map(({ branch, requested }) => {
      const perm = branch.perm ?? defaultPermission(branch.path, requested, defaults)
      return { ...branch, perm, wh: branch.wh || perm === 'rw' }
    })
  }

  /** Place of a path, -1 if it is no branch. */
  find(path: Bytes): number {
    return this.#entries.findIndex((e) => e.branch.path === path)
  }

  /** The branch at a place, 0..length - 1. */
  at(place: number): TypedBranch {
    return this.#entries[place]!.branch
  }

  private mustFind(path: Bytes): number {
    const at = this.find(path)
    if (at < 0) throw usage(`branch ${path}`, 'it is no branch of this mount; name one that is listed before', 'ENOENT')
    return at
  }
}

function defaultPermission(path: Bytes, requested: number, defaults: Defaults): Permission {
  if (defaults.nativelyReadOnly(path)) return 'rr'
  return requested === 0 && !defaults.readOnly ? 'rw' : 'ro'
}

/** The branches of a `:`-separated list. @throws MountError EINVAL for an empty list or element */
export function parseBranchList(text: Bytes, cwd: Bytes, warn: (line: string) => void): TypedBranch[] {
  if (text === '') throw usage("option 'dirs'", 'it is empty; give dirs=PATH[=PERM][:PATH[=PERM]]...')
  return splitEscaped(text, ':').map((part) => {
    if (part === '') {
      throw usage(`option 'dirs=${text}'`, "an element between ':' is empty; a ':' in a path is written '\\:'")
    }
    return parseBranch(part, cwd, warn)
  })
}
