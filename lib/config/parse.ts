/**
 * Option string in, mount configuration out. Nothing is touched on disk but what `nativelyReadOnly` looks at.
 */
import type { Bytes } from '../os/native.js'
import type { MountConfig } from './config.js'
import { newDraft, type Draft } from './draft.js'
import { OPTIONS_BY_NAME, type OptionRow } from './options.js'
import { isForeignWord } from './generic-options.js'
import { absolute, indexOfUnescaped, splitEscaped } from './syntax.js'
import { nearest } from './suggest.js'
import { usage } from './mount-error.js'

/** A mount as it was typed: all bytes as latin1. */
export interface MountRequest {
  /** Every `-o`, joined by ','. */
  readonly options: Bytes
  readonly source: Bytes
  readonly mountpoint: Bytes
  /** Absolute; relative paths begin here. */
  readonly cwd: Bytes
  /** Unknown options are a warning instead of an error: `mount -s`. */
  readonly sloppy?: boolean
  /** Options as fuse-overlayfs has them (overlay.ts). */
  readonly dropIn?: boolean
}

/** The configuration and one sentence for every thing that was dropped or is doubtful. */
export interface ParsedMount {
  readonly config: MountConfig
  readonly warnings: readonly string[]
  /** One for every option that was taken and does nothing: why. */
  readonly notes: readonly string[]
}

/** An option as typed: name, the separator that followed it, value with its escapes. */
export interface Word {
  readonly text: string
  readonly name: string
  readonly value: string | null
}

function splitWord(text: string): Word {
  const at = indexOfUnescaped(text, '=:')
  return at < 0 ? { text, name: text, value: null } : { text, name: text.slice(0, at), value: text.slice(at + 1) }
}

/** The options of an option string, in order. */
export function splitWords(options: Bytes): Word[] {
  return splitEscaped(options, ',').filter((text) => text !== '').map(splitWord)
}

/**
 * Parse everything a mount is asked for.
 * @param nativelyReadOnly whether a path lies on a file system that is read-only by nature; false where nothing is
 * @throws MountError EINVAL (exit 2) for what is unknown, malformed or missing; ENOSPC for more than 127 branches
 */
export function parseMount(request: MountRequest, nativelyReadOnly: (path: Bytes) => boolean): ParsedMount {
  const warnings: string[] = []
  const notes: string[] = []
  const draft = newDraft(request.cwd, (line) => warnings.push(line))
  for (const word of splitWords(request.options)) applyWord(draft, word, request.sloppy === true, notes)
  if (draft.branches.length === 0) {
    throw usage(`mount ${request.mountpoint}`, "no branches; give them with -o dirs=PATH=rw:PATH=ro")
  }
  const readOnly = draft.flags.delete('ro')
  const branches = draft.branches.finish({ readOnly, nativelyReadOnly })
  if (!readOnly && branches[0]?.perm !== 'rw') {
    draft.warn(`the first branch, ${branches[0]?.path}, is not rw; new files need a writable branch`)
  }
  if (!readOnly && draft.settings.shwh) draft.warn('shwh is meant for a read-only union; add ro')
  settleTransport(draft)
  const config: MountConfig = {
    ...draft.settings,
    // Also when `acl` comes after xattr_permissions=.
    acl: draft.settings.acl && draft.settings.xattrPermissions === undefined,
    source: request.source,
    mountpoint: absolute(request.mountpoint, request.cwd),
    branches,
    readOnly,
    flags: draft.flags,
  }
  return { config, warnings, notes }
}

/** Passthrough is between the kernel and who holds /dev/fuse. */
function settleTransport({ settings }: Draft): void {
  if (settings.transport === 'dev') return
  if (settings.io === 'passthrough') {
    throw usage("option 'io=passthrough'", `not with transport=${settings.transport}; use io=cached`, 'EOPNOTSUPP')
  }
  settings.io = 'cached'
}

/** Take one option into the draft. @param sloppy an unknown one is a warning @param notes gets why it does nothing, if so @throws MountError */
export function applyWord(draft: Draft, word: Word, sloppy: boolean, notes: string[] = []): void {
  const row = OPTIONS_BY_NAME.get(word.name)
  if (row === undefined) {
    if (isForeignWord(word.name)) {
      notes.push(note(word, 'it speaks to other programs'))
      return
    }
    if (!sloppy) throw unknownOption(word)
    draft.warn(`unknown option '${word.text}' ignored`)
    return
  }
  checkArgument(row, word)
  if (row.status === 'refused') throw usage(`option '${word.text}'`, row.note ?? 'refused', 'EOPNOTSUPP')
  row.apply?.(draft, word.value ?? '', word.name)
  if (row.status === 'ignored') notes.push(note(word, row.note ?? 'no effect'))
}

function note(word: Word, why: string): string {
  return `option '${word.text}' accepted with a note: ${why}`
}

function unknownOption(word: Word): Error {
  const guess = nearest(word.name, OPTIONS_BY_NAME.keys())
  const advice = guess === undefined ? "'tsaufs help mount' lists the options" : `did you mean '${guess}'?`
  return usage(`option '${word.text}'`, `unknown option; ${advice}`)
}

function checkArgument(row: OptionRow, word: Word): void {
  if (row.argument === 'none' && word.value !== null) {
    throw usage(`option '${word.text}'`, `it takes no value; write '${word.name}'`)
  }
  if (row.argument === 'value' && (word.value === null || word.value === '')) {
    throw usage(`option '${word.text}'`, `it needs a value; write '${word.name}=VALUE'`)
  }
}
