/**
 * `tsaufs convert`: a branch from one whiteout format into another, in place or as a copy. Every step leaves a branch that is
 * read as before, so that one that was interrupted is simply run again.
 */
import type { BranchSpec, FormatName, MountConfig } from '../config/config.js'
import { newDraft } from '../config/draft.js'
import { sys, type Bytes } from '../os/native.js'
import { Errno, E, must } from '../os/errno.js'
import { keepTimes } from '../union/copy-meta.js'
import { flushLinks } from '../union/flush-links.js'
import { Union } from '../union/union.js'
import { checkConvertible } from './check.js'
import { expandRedirects } from './expand.js'
import { translate, type Target, type Tally } from './translate.js'

const AT_FDCWD = -100
const O_PATH_DIR = sys.constants['O_PATH']! | sys.constants['O_DIRECTORY']!

export interface Conversion {
  /** The branch, absolute; nobody else may use it meanwhile. */
  readonly branch: Bytes
  readonly from: FormatName
  readonly to: Target
  /** Branches that lie below it, top first: needed where redirects, or link groups, are to be written out. */
  readonly lower: readonly Bytes[]
}

function spec(path: Bytes, perm: 'rw' | 'ro', fmt: FormatName): BranchSpec {
  return { path, perm, wh: true, nolwh: false, copyOnOpen: 'none', icex: new Set(), fhsm: false, fmt }
}

function configOf({ branch, from, lower }: Conversion, warn: (line: string) => void): MountConfig {
  const { settings } = newDraft('/', warn)
  return {
    ...settings, io: 'cached', udba: 'none', source: '', mountpoint: '', readOnly: false, flags: new Set(),
    branches: [spec(branch, 'rw', from), ...lower.map(path => spec(path, 'ro', 'auto'))],
  }
}

/**
 * Convert a branch in place.
 * @param report  gets one line for each thing that was repaired first
 * @returns what was done
 * @throws Errno EBUSY if it is mounted; EINVAL, ENAMETOOLONG, EOPNOTSUPP for what the other format cannot say: nothing has
 *   changed then; ENODATA where lower branches are needed; EIO, ENOSPC, ...
 */
export async function convert(conversion: Conversion, report: (line: string) => void): Promise<Tally> {
  const root = must(sys.openat(AT_FDCWD, conversion.branch, O_PATH_DIR, 0), 'open', conversion.branch)
  const restore = keepTimes(root)
  try {
    return await convertHeld(conversion, report)
  } finally {
    restore()
    sys.close(root)
  }
}

async function convertHeld(conversion: Conversion, report: (line: string) => void): Promise<Tally> {
  const union = Union.open(configOf(conversion, report), report)
  try {
    const branch = union.branches[0]!
    const { redirects, groups } = checkConvertible(branch, conversion.to)
    const needsLower = (conversion.to === 'oci' && redirects > 0) || (conversion.to !== 'aufs' && groups > 0)
    if (needsLower && conversion.lower.length === 0) throw new Errno(E.ENODATA, 'lower', conversion.branch)
    const expanded = conversion.to === 'oci' ? await expandRedirects(union, branch) : 0
    if (conversion.to !== 'aufs') {
      const failed = flushLinks(union, branch)
      if (failed !== null) throw failed
    }
    return { ...translate(branch, conversion.to), expanded }
  } finally {
    union.close()
  }
}
