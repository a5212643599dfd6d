/**
 * The options that mount(8) has for every file system: flags of mount(2), and words for fstab that mean nothing here.
 */
import type { OptionRow } from './options.js'

/** Flags of mount(2) by option name: what it sets, or what it takes back. */
const FLAG_WORDS: readonly (readonly [name: string, sets: string | null, clears: readonly string[]])[] = [
  ['ro', 'ro', []], ['rw', null, ['ro']],
  ['nosuid', 'nosuid', []], ['suid', null, ['nosuid']],
  ['nodev', 'nodev', []], ['dev', null, ['nodev']],
  ['noexec', 'noexec', []], ['exec', null, ['noexec']],
  ['noatime', 'noatime', ['relatime', 'strictatime']], ['atime', null, ['noatime']],
  ['nodiratime', 'nodiratime', []], ['diratime', null, ['nodiratime']],
  ['relatime', 'relatime', ['noatime', 'strictatime']], ['norelatime', null, ['relatime']],
  ['strictatime', 'strictatime', ['noatime', 'relatime']], ['nostrictatime', null, ['strictatime']],
  ['lazytime', 'lazytime', []], ['nolazytime', null, ['lazytime']],
  ['sync', 'sync', []], ['async', null, ['sync']],
  ['dirsync', 'dirsync', []],
]

/** How flags change that the kernel alone heeds. */
const BIND = 'mount -o remount,bind,... does it'

const FSTAB_WORDS = [
  'defaults', 'auto', 'noauto', 'nofail', '_netdev', 'group', 'owner', 'nogroup', 'noowner', 'nouser', 'nousers',
  'mand', 'nomand', 'loud', 'iversion', 'noiversion',
] as const

const FSTAB_NOTE = 'it speaks to mount(8)'

/** `user` and `users` imply the three flags, as in mount(8). */
const USER_WORDS = ['user', 'users'] as const

/** Rows of the option table. */
export const GENERIC_ROWS: readonly OptionRow[] = [
  ...FLAG_WORDS.map(([name, sets, clears]): OptionRow => ({
    name, argument: 'none', status: 'implemented', live: name === 'ro' || name === 'rw' ? true : BIND,
    help: sets === null ? `takes back ${clears.join(', ')}` : `mount flag ${sets}`,
    apply: ({ flags }) => {
      for (const flag of clears) flags.delete(flag)
      if (sets !== null) flags.add(sets)
    },
  })),
  ...FSTAB_WORDS.map((name): OptionRow => (
    { name, argument: 'none', status: 'ignored', note: FSTAB_NOTE, help: `taken and ignored: ${FSTAB_NOTE}` }
  )),
  ...USER_WORDS.map((name): OptionRow => ({
    name, argument: 'optional', status: 'implemented', live: BIND, help: 'fstab: an ordinary user may mount; sets nosuid, nodev, noexec',
    apply: ({ flags }) => { for (const flag of ['nosuid', 'nodev', 'noexec']) flags.add(flag) },
  })),
  { name: 'comment', argument: 'optional', status: 'ignored', note: 'a comment', help: 'taken and ignored: a comment' },
]

/** `x-anything` and `X-anything` are comments for other programs (mount(8)). */
export function isForeignWord(name: string): boolean {
  return /^[xX]-/.test(name)
}
