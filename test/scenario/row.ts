/**
 * The row: one scenario as data. Written once, run on every subject.
 */
import type { Identity } from '../helpers/identity.js'
import type { Step } from '../helpers/steps.js'
import type { Tree } from '../helpers/tree.js'
import type { SubjectName } from './subjects/subject.js'

/** R is the writable branch, L1 and L2 lie below it in this order; other names are for rows with their own `mount`. */
export type Given = Readonly<Record<string, Tree>>

export interface Row {
  readonly name: string
  /** Branch trees. */
  readonly given: Given
  readonly steps: readonly Step[]
  /** What a user sees at the end, names exactly, and of files the content; also after a remount. */
  readonly merged?: Tree
  /** Names on the writable branch, relative, sorted; of tsaufs's own only `.wh..wh..opq` is shown. */
  readonly top?: { readonly aufs?: readonly string[]; readonly overlay?: readonly string[] }
  /** Subjects that are known to do otherwise, each with its reason. Their disagreement is shown, not counted. */
  readonly differs?: Readonly<Partial<Record<SubjectName, string>>>
  /** Subjects it is not even tried on, each with the reason. */
  readonly skip?: Readonly<Partial<Record<SubjectName, string>>>
  /** What the union cannot do for those who are not root, each with the reason; the row is then left out. */
  readonly limits?: Readonly<Partial<Record<Exclude<Identity, 'root'>, string>>>
  /** Run on these subjects only: the row speaks of something others do not have. */
  readonly only?: 'tsaufs' | 'unions'
  /** Branches and options of a mount of its own, by aufs's grammar: `R=rw:L1=ro,shwh`. Default: DEFAULT_MOUNT. */
  readonly mount?: string
  /** The top branch is a tmpfs of this size. */
  readonly tmpfs?: string
  /** Not together with other rows on one mount. */
  readonly alone?: boolean
  /** Names and contents are not compared with the plain directory's (the row says what it expects). */
  readonly unlikePlain?: string
  /** The steps themselves write to read-only branches, behind the union's back. */
  readonly branchesChange?: boolean
  readonly limitMs?: number
}

export const DEFAULT_MOUNT = 'R=rw:L1=ro+wh:L2=ro+wh'

export const TSAUFS: readonly SubjectName[] = ['tsaufs-cached', 'tsaufs-cached-reval', 'tsaufs-cached-notify', 'tsaufs-passthrough', 'tsaufs-fuse-native']

/** The same reason for all ways to run tsaufs. */
export function tsaufsDiffers(reason: string): Partial<Record<SubjectName, string>> {
  return Object.fromEntries(TSAUFS.map((name) => [name, reason]))
}
