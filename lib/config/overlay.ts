/**
 * A mount as fuse-overlayfs is asked for it: `-o lowerdir=A:B,upperdir=U,workdir=W,... TARGET`.
 *
 * Engines keep layers in aufs's form below such a program, and stores are handed from one program to another. So nothing is
 * written to the upper directory that only we would understand: no redirects, no link groups; and the lower directories are
 * taken for what they are while mounted, unchanging.
 */
import type { Bytes } from '../os/native.js'
import type { BranchSpec, MountConfig } from './config.js'
import { newDraft } from './draft.js'
import { MountError, usage } from './mount-error.js'
import { OVERLAY_BY_NAME, type OverlayDraft } from './overlay-options.js'
import type { MountRequest, ParsedMount } from './parse.js'
import { absolute, splitEscaped } from './syntax.js'

/** As many lower directories as containers/storage stacks, and some. */
const MAX_LOWER = 512

/** `\X` is X, `\OOO` the byte of three octal digits, as libfuse and overlayfs read paths. */
const unescape = (text: Bytes): Bytes =>
  text.replace(/\\(?:([0-3][0-7]{2})|([^]))/g, (_, octal?: string, plain?: string) =>
    (octal === undefined ? plain ?? '' : String.fromCharCode(parseInt(octal, 8))))

/** Options between commas; a comma in the quotes of a label is none: `context="s0:c1,c2"`. */
function splitOptions(text: Bytes): Bytes[] {
  const words: Bytes[] = []
  let label: Bytes | undefined
  for (const part of splitEscaped(text, ',')) {
    if (label !== undefined) label += `,${part}`
    else if (/^[a-z]*context="[^"]*$/.test(part)) label = part
    else words.push(part)
    if (label?.endsWith('"') === true && part !== label) {
      words.push(label)
      label = undefined
    }
  }
  if (label !== undefined) words.push(label)
  return words.filter((word) => word !== '')
}

function branch(path: Bytes, perm: 'rw' | 'rr', cwd: Bytes): BranchSpec {
  return { path: absolute(path, cwd), perm, wh: true, nolwh: false, copyOnOpen: 'none', icex: new Set(), fhsm: false, fmt: 'auto' }
}

/** Each lower directory once: below itself it shows nothing. */
function lowerBranches(lower: Bytes, cwd: Bytes): BranchSpec[] {
  const paths = splitEscaped(lower, ':').filter((path) => path !== '').map((path) => absolute(unescape(path), cwd))
  return [...new Set(paths)].map((path) => branch(path, 'rr', cwd))
}

function readOptions(options: Bytes, draft: OverlayDraft): void {
  for (const word of splitOptions(options)) {
    const at = word.indexOf('=')
    const name = at < 0 ? word : word.slice(0, at)
    OVERLAY_BY_NAME.get(name)?.apply?.(draft, at < 0 ? '' : word.slice(at + 1))
  }
}

/** @throws MountError (exit 2) for options that are missing or contradict each other, ENOSPC for too many directories */
export function parseOverlay(request: MountRequest): ParsedMount {
  const { mountpoint, cwd } = request
  const { settings } = newDraft(cwd, () => undefined)
  Object.assign(settings, { udba: 'none', dirren: false, plink: false, warnPerm: false, dropIn: true })
  const draft: OverlayDraft = { settings, flags: new Set(['nodev', 'noatime']), lower: '', upper: '', work: '' }
  readOptions(request.options, draft)
  const tried = `mount ${mountpoint}`
  if (mountpoint === '') throw usage('mount', 'no mount point; give PROGRAM -o lowerdir=A[:B]...[,upperdir=U,workdir=W] TARGET')
  const below = lowerBranches(draft.lower, cwd)
  if (below.length === 0) throw usage(tried, 'no lowerdir; give -o lowerdir=PATH[:PATH]...')
  if (below.length > MAX_LOWER) {
    throw new MountError(tried, 'ENOSPC', `a mount has at most ${MAX_LOWER} lower directories; merge some`)
  }
  if (draft.upper !== '' && draft.work === '') throw usage(tried, 'upperdir without workdir; give both')
  const readOnly = draft.flags.delete('ro') || draft.upper === ''
  const branches = draft.upper === '' ? below : [branch(unescape(draft.upper), 'rw', cwd), ...below]
  const config: MountConfig = {
    ...settings, source: request.source, mountpoint: absolute(mountpoint, cwd), branches, readOnly, flags: draft.flags,
  }
  return { config, warnings: [], notes: [] }
}
