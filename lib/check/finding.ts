/**
 * What `tsaufs check` can find: one row per code. Codes are part of the interface.
 */
import type { Bytes } from '../os/native.js'

/** `error`: users see something wrong. `warning`: nobody sees it, but it should not be there. `note`: to be known only. */
export type Severity = 'error' | 'warning' | 'note'

/** A code: what it means, and what repair does about it; '' where it does nothing. */
interface Kind {
  readonly severity: Severity
  readonly says: string
  readonly repair: string
}

const OPAQUE_INSTEAD = 'mark removed; opaque instead where something would show through'

export const KINDS = {
  'whiteout-illegal': { severity: 'error', says: 'is no empty regular file', repair: 'replaced by a proper whiteout' },
  'whiteout-mode': { severity: 'warning', says: 'has bits in its mode that no whiteout has', repair: 'replaced by a proper whiteout' },
  'whiteout-bare': { severity: 'error', says: 'is a whiteout of nothing', repair: 'removed' },
  'whiteout-needless': { severity: 'warning', says: 'hides nothing', repair: 'removed' },
  'whiteout-beside': { severity: 'warning', says: 'lies beside its own whiteout', repair: 'kept, its whiteout removed; a directory made opaque' },
  'opaque-illegal': { severity: 'error', says: 'is no empty regular file', repair: 'replaced by a proper mark' },
  'opaque-root': { severity: 'warning', says: 'is opaque, which means nothing at the root', repair: 'mark removed' },
  'opaque-needless': { severity: 'note', says: 'is opaque over nothing: it was made so (diropq=always) or moved here', repair: '' },
  'leftover-work': { severity: 'warning', says: 'is a temporary that a crash left', repair: 'removed; an interrupted rename finished' },
  'leftover-temporary': { severity: 'warning', says: 'is a temporary that a crash left', repair: 'removed' },
  'leftover-orphans': { severity: 'warning', says: 'holds deleted files of aufs', repair: 'removed' },
  'aufs-base': { severity: 'warning', says: 'is what aufs links whiteouts to', repair: 'removed' },
  'aufs-plink': { severity: 'warning', says: 'is a pseudo-link of aufs', repair: 'removed' },
  'aufs-renames': { severity: 'warning', says: 'is a record of renamed directories, which only aufs can follow', repair: '' },
  'reserved-unknown': { severity: 'warning', says: 'is a reserved name that means nothing', repair: 'removed' },
  'reserved-illegal': { severity: 'error', says: 'is not the directory it should be', repair: 'removed' },
  'lost': { severity: 'note', says: 'holds what repair has set aside; look and delete', repair: '' },
  'link-unknown': { severity: 'warning', says: 'is no entry of the link index', repair: 'removed' },
  'link-plan': { severity: 'warning', says: 'is a change of a link count that a crash interrupted', repair: 'carried out or dropped' },
  'link-stray': { severity: 'warning', says: 'counts names of a link group that is not there', repair: 'removed' },
  'link-count': { severity: 'warning', says: 'is not the number of names found', repair: 'corrected' },
  'link-dangling': { severity: 'warning', says: 'is a copied-up file without names', repair: 'removed' },
  'link-missing': { severity: 'error', says: 'belongs to a link group that the index does not have', repair: 'entered in the index' },
  'link-differs': { severity: 'error', says: 'is not the file that the index has for its link group', repair: 'made a file of its own' },
  'origin-malformed': { severity: 'warning', says: 'has an origin that is none', repair: 'mark removed' },
  'impure-missing': { severity: 'warning', says: 'holds copies, but is not marked so', repair: 'marked' },
  'redirect-malformed': { severity: 'error', says: 'is redirected to what is no path of the branches below', repair: OPAQUE_INSTEAD },
  'redirect-dangling': { severity: 'warning', says: 'is redirected to a directory that is not there', repair: OPAQUE_INSTEAD },
  'metacopy-dangling': { severity: 'error', says: 'is a copy of attributes alone, and its data is not below', repair: '' },
  'metacopy': { severity: 'note', says: 'is a copy of attributes alone: its data lies below, for overlayfs and metacopy=follow', repair: '' },
  'xattr-misplaced': { severity: 'warning', says: 'has a mark that means nothing there', repair: 'mark removed' },
  'dirty': { severity: 'warning', says: 'was not unmounted cleanly', repair: 'mark removed' },
  'mix-whiteout': { severity: 'note', says: 'is a whiteout of overlayfs, a device here', repair: '' },
  'mix-xattr': { severity: 'note', says: 'has a mark of overlayfs, which means nothing here', repair: '' },
  'name-long': { severity: 'note', says: 'has a name too long to be whited out: it cannot be removed', repair: '' },
  'mount-point': { severity: 'note', says: 'is a mount point: what is mounted there is not looked at', repair: '' },
  'in-use': { severity: 'note', says: 'is being written to by a mount: some of this may be work in hand', repair: '' },
  'unreadable': { severity: 'error', says: 'cannot be read', repair: '' },
} as const satisfies Readonly<Record<string, Kind>>

export type Code = keyof typeof KINDS

/** One thing found. */
export interface Finding {
  readonly code: Code
  readonly severity: Severity
  /** Root of the branch. */
  readonly branch: Bytes
  /** From there; '' for the root itself. */
  readonly path: Bytes
  /** What is meant in particular, or why the repair failed; may be ''. */
  readonly detail: string
  readonly repaired: boolean
}

/** What to tell people, after branch and path. */
export function describe(finding: Finding): string {
  const { says, repair } = KINDS[finding.code]
  const detail = finding.detail === '' ? '' : ` (${finding.detail})`
  return `${finding.code}: ${says}${detail}${finding.repaired ? `; ${repair}` : ''}`
}
