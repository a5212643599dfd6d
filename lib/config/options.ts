/**
 * Every mount option, in one table: how it is written, what it does, or why it does nothing, or why it is refused.
 * A new option is a new row. Source: aufs(5), mount(8), section 10 of the semantics reference.
 */
import type { Draft, Settings } from './draft.js'
import { parseBranch, parseBranchList } from './branches.js'
import { absolute, indexOfUnescaped, unescapePath } from './syntax.js'
import { usage } from './mount-error.js'
import { GENERIC_ROWS } from './generic-options.js'
import { OWNER_ROWS } from './owner-options.js'
import { PLACEMENT_ROWS } from './placement-options.js'

/** `none`: a bare word. `value`: `name=...` or `name:...`. `optional`: both. */
export type Argument = 'none' | 'value' | 'optional'

/** One option. */
export interface OptionRow {
  readonly name: string
  readonly aliases?: readonly string[]
  readonly argument: Argument
  /** As it is when the option is not given; for the help only. */
  readonly fallback?: string
  /** `ignored`: taken without effect, `note` says why. `refused`: the mount fails, `note` says why and what instead. */
  readonly status: 'implemented' | 'ignored' | 'refused'
  readonly note?: string
  /** Of `implemented`: true if it can change while mounted (remount), else why not. */
  readonly live?: true | string
  readonly help: string
  /**
   * Take the option into the draft; escapes in `value` are in place. Also called for `ignored` rows, to check the value.
   * @throws MountError
   */
  readonly apply?: (draft: Draft, value: string, name: string) => void
}

/** What a bare `spare` means. */
export const SPARE_DEFAULT_S = 60

/** How long a spare process waits: 0 (none) to a day. @throws MountError */
export function spareSeconds(value: string, tried: string): number {
  if (/^\d{1,5}$/.test(value) && Number(value) <= 86400) return Number(value)
  throw usage(tried, 'give a whole number of seconds from 0 to 86400')
}

/** Two rows, `name` and `noname`, for a setting that is on or off. */
function onOff(name: string, key: keyof { [K in keyof Settings as Settings[K] extends boolean ? K : never]: true },
  fallback: boolean, help: string, live: true | string = true): OptionRow[] {
  const row = (word: string, value: boolean): OptionRow => ({
    name: word, argument: 'none', status: 'implemented', live, help: value ? help : `the opposite of ${name}`,
    ...(fallback === value ? { fallback: 'on' } : {}),
    apply: (draft) => { draft.settings[key] = value },
  })
  return [row(name, true), row(`no${name}`, false)]
}

/** A setting with named values; `words` maps what may be written to the value. */
function choice<K extends 'io' | 'transport' | 'udba' | 'watch' | 'idle' | 'diropq' | 'metacopy'>(key: K, fallback: string, words: Readonly<Record<string, Settings[K]>>,
  help: string, live: true | string = true): OptionRow {
  return {
    name: key, argument: 'value', fallback, status: 'implemented', live, help,
    apply: (draft, value) => {
      if (!Object.hasOwn(words, value)) {
        throw usage(`option '${key}=${value}'`, `give one of: ${Object.keys(words).join(', ')}`)
      }
      draft.settings[key] = words[value] as Settings[K]
    },
  }
}

function ignored(name: string, argument: Argument, note: string, more: Partial<OptionRow> = {}): OptionRow {
  return { name, argument, status: 'ignored', note, help: `taken and ignored: ${note}`, ...more }
}

function refused(name: string, argument: Argument, note: string, more: Partial<OptionRow> = {}): OptionRow {
  return { name, argument, status: 'refused', note, help: `refused: ${note}`, ...more }
}

/** A check for values that are a whole number in a range; `def` passes where aufs has it. */
function wholeNumber(min: number, max: number, orDef = false): NonNullable<OptionRow['apply']> {
  return (_draft, value, name) => {
    if (orDef && value === 'def') return
    if (/^\d{1,10}$/.test(value) && Number(value) >= min && Number(value) <= max) return
    throw usage(`option '${name}=${value}'`, `give a whole number from ${min} to ${max}${orDef ? ", or 'def'" : ''}`)
  }
}

/** `add:N:BRANCH`: N and the branch. */
function applyInsert(draft: Draft, value: string, name: string): void {
  const colon = indexOfUnescaped(value, ':')
  const index = value.slice(0, Math.max(colon, 0))
  if (!/^\d{1,5}$/.test(index)) throw usage(`option '${name}:${value}'`, `write ${name}:N:PATH=PERM, N counted from 0`)
  draft.branches.insert(parseBranch(value.slice(colon + 1), draft.cwd, draft.warn), Number(index))
}

function applyModify(draft: Draft, value: string): void {
  const branch = parseBranch(value, draft.cwd, draft.warn)
  if (branch.perm === null) throw usage(`option 'mod:${value}'`, 'a permission is needed: mod:PATH=rw|ro|rr[+ATTRIBUTE]...')
  draft.branches.modify(branch)
}

/** droplvl=N as mount.aufs has it: each level includes the lower ones, negative levels put the defaults back. */
function applyDropLevel(draft: Draft, value: string): void {
  if (!/^-?[123]$/.test(value)) throw usage(`option 'droplvl=${value}'`, 'give 1, 2, 3, -1, -2 or -3')
  const level = Number(value)
  const drop = level > 0
  draft.flags.delete(drop ? 'relatime' : 'noatime')
  draft.flags.add(drop ? 'noatime' : 'relatime')
  Object.assign(draft.settings, { dirperm1: drop, udba: drop ? 'none' : 'reval', dirren: !drop })
  if (Math.abs(level) >= 3) draft.settings.plink = !drop
}

const BRANCH_ROWS: readonly OptionRow[] = [
  {
    name: 'dirs', aliases: ['br'], argument: 'value', status: 'implemented', live: true,
    help: 'branches, top first: PATH[=rw|ro|rr[+ATTRIBUTE]...][:PATH...]; unless given, the first is rw, the others ro',
    apply: (draft, value) => {
      for (const branch of parseBranchList(value, draft.cwd, draft.warn)) draft.branches.insert(branch, -1)
    },
  },
  {
    name: 'add', aliases: ['ins'], argument: 'value', status: 'implemented', live: true,
    help: 'N:BRANCH, insert a branch at place N', apply: applyInsert,
  },
  {
    name: 'append', argument: 'value', status: 'implemented', live: true, help: 'a branch below all others',
    apply: (draft, value) => draft.branches.insert(parseBranch(value, draft.cwd, draft.warn), -1),
  },
  {
    name: 'prepend', argument: 'value', status: 'implemented', live: true, help: 'a branch above all others',
    apply: (draft, value) => draft.branches.insert(parseBranch(value, draft.cwd, draft.warn), 0),
  },
  {
    name: 'del', argument: 'value', status: 'implemented', live: true, help: 'take a branch out again',
    apply: (draft, value) => draft.branches.remove(absolute(unescapePath(value), draft.cwd)),
  },
  {
    name: 'mod', argument: 'value', status: 'implemented', live: true, help: 'PATH=PERM[+ATTRIBUTE], change a branch in place',
    apply: applyModify,
  },
  {
    name: 'remount', argument: 'none', status: 'implemented', live: true,
    help: 'change a live mount: the options that follow are taken from left to right (tsaufs remount)',
    apply: () => { throw usage("option 'remount'", "it changes a mount that is there; use 'tsaufs remount'") },
  },
]

const INIT = 'the kernel agrees on it when the mount begins'

const NO_TABLE = 'inode numbers are stored with the copies, there is no table file'

const UNION_ROWS: readonly OptionRow[] = [
  choice('udba', 'reval', { none: 'none', reval: 'reval', notify: 'notify', fsnotify: 'notify' },
    'changes made directly on a branch: none (there are none, trust the caches), reval (look again each time) or notify '
    + '(trust the caches until the branch tells of a change)'),
  choice('watch', 'auto', { auto: 'auto', fanotify: 'fanotify', inotify: 'inotify' }, 'what udba=notify watches branches with'),
  {
    name: 'watch_max', argument: 'value', fallback: '50000', status: 'implemented', live: true,
    help: 'how many branch directories udba=notify watches at once; those beyond are treated as with reval',
    apply: (draft, value, name) => {
      wholeNumber(0, 10_000_000)(draft, value, name)
      draft.settings.watchMax = Number(value)
    },
  },
  choice('diropq', 'whiteouted', { w: 'whiteouted', whiteouted: 'whiteouted', a: 'always', always: 'always' },
    'when a new directory is made opaque: only over a whiteout, or always'),
  choice('metacopy', 'refuse', { refuse: 'refuse', off: 'refuse', follow: 'follow', on: 'follow' },
    "overlayfs's copies of attributes alone: refuse to read them (EIO), or follow them to their data on branches below"),
  ...onOff('shwh', 'shwh', false, 'show whiteouts as files (for a read-only union)'),
  ...onOff('dirren', 'dirren', true, 'rename directories that lower branches have part in; without it EXDEV'),
  ...onOff('plink', 'plink', true, 'keep hard links whole across copy-up'),
  ...onOff('sum', 'sum', false, 'statfs adds the sizes of all branches up'),
  ...onOff('acl', 'acl', true, 'POSIX access control lists', INIT),
  ...onOff('dirperm1', 'dirperm1', true, "only the topmost directory's mode decides who may enter"),
  ...onOff('warn_perm', 'warnPerm', true, "warn when a branch's root differs in owner or mode from the first one's"),
  ...PLACEMENT_ROWS,
  {
    name: 'droplvl', argument: 'value', status: 'implemented', live: true,
    help: 'aufs profiles: 1 to 3 for speed, -1 to -3 for the defaults', apply: applyDropLevel,
  },
  ignored('xino', 'value', NO_TABLE),
  ignored('noxino', 'none', NO_TABLE),
  ...['trunc_xino', 'notrunc_xino', 'trunc_xib', 'notrunc_xib'].map((name) => ignored(name, 'none', NO_TABLE)),
  ...['trunc_xino_path', 'itrunc_xino'].map((name) => ignored(name, 'value', NO_TABLE)),
  ignored('dio', 'none', 'O_DIRECT always works'),
  ignored('nodio', 'none', 'O_DIRECT always works'),
  ignored('verbose', 'none', 'DEBUG=tsaufs:* shows what happens', { aliases: ['v'] }),
  ignored('noverbose', 'none', 'it is quiet unless DEBUG is set', { aliases: ['quiet', 'q', 'silent'] }),
  refused('wsum', 'none', "no aufs implements it either; use 'sum'"),
  ignored('dirwh', 'value', 'directories are removed at once', { apply: wholeNumber(0, 2 ** 31 - 1) }),
  ignored('rdblk', 'value', 'listings are not built in blocks', { apply: wholeNumber(0, 2 ** 31 - 1, true) }),
  ignored('rdhash', 'value', 'listings are not hashed by this', { apply: wholeNumber(1, 2 ** 31 - 1, true) }),
  ignored('rdcache', 'value', 'how long a listing is kept follows from udba', { apply: wholeNumber(0, 3600, true) }),
  ignored('si', 'value', 'the id is chosen here'),
  ...['nodlgt', 'clean_plink', 'list_plink', 'debug', 'delete', 'imap'].map((name) =>
    ignored(name, name === 'debug' ? 'optional' : 'none', 'obsolete in aufs too')),
]

const TRANSPORT_ROWS: readonly OptionRow[] = [
  choice('io', 'auto', { auto: 'auto', cached: 'cached', passthrough: 'passthrough' },
    "file data: through the union's own page cache, or straight to the branch's file (needs privilege and Linux 6.9)"),
  choice('idle', 'auto', { auto: 'auto', poll: 'poll', halt: 'halt' },
    'idle processors while the mount is busy: look for work (poll), or halt; auto polls in a virtual machine of few'),
  choice('transport', 'dev', { dev: 'dev', 'fuse-native': 'fuse-native' },
    'how requests arrive: /dev/fuse, or the npm package fuse-native with libfuse 2, slow and with limits', 'the mount is made by it'),
  {
    name: 'uring', argument: 'value', fallback: 'off', status: 'implemented', live: INIT, help: 'FUSE over io_uring: off',
    apply: (_draft, value) => {
      if (value === 'on' || value === 'auto') {
        throw usage(`option 'uring=${value}'`, "not yet: FUSE over io_uring; leave it out", 'EOPNOTSUPP')
      }
      if (value !== 'off') throw usage(`option 'uring=${value}'`, 'give one of: off')
    },
  },
  {
    name: 'spare', argument: 'optional', fallback: 'TSAUFS_SPARE, or 0', status: 'implemented', live: 'it is about the mount command',
    help: `keep a process ready for the next mount for so many seconds (${SPARE_DEFAULT_S} if none are given); 0 for none`,
    apply: (draft, value) => { draft.settings.spareS = value === '' ? SPARE_DEFAULT_S : spareSeconds(value, `option 'spare=${value}'`) },
  },
  {
    name: 'allow_other', argument: 'none', status: 'implemented', live: 'the kernel is told at mount(2)',
    help: 'let other users in (always so when root mounts)', apply: (draft) => { draft.settings.allowOther = true },
  },
  refused('allow_root', 'none', "use 'allow_other'"),
  ignored('default_permissions', 'none', 'the kernel always checks permissions'),
  ignored('nonempty', 'none', 'a mount point need not be empty'),
]

/** The table, in the order of the help. */
export const OPTION_ROWS: readonly OptionRow[] = [...BRANCH_ROWS, ...UNION_ROWS, ...OWNER_ROWS, ...TRANSPORT_ROWS, ...GENERIC_ROWS]

/** Rows by name and alias. */
export const OPTIONS_BY_NAME: ReadonlyMap<string, OptionRow> = new Map(
  OPTION_ROWS.flatMap((row) => [row.name, ...(row.aliases ?? [])].map((name) => [name, row] as const)),
)
