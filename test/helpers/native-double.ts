/**
 * Preload for a daemon under test (`NODE_OPTIONS=--import .../native-double.js`, with TSAUFS_DOUBLE_SOCKET set): counting
 * doubles in the addon's place, told over a unix socket what to do. One JSON object a line, one answer a line:
 *
 *     {"arm": {"n": 3, "errno": 5, "which": "all", "once": true}}   fail the third counted call; n 0 only counts
 *     {"crash": {"n": 3, "when": "after", "which": "mutating"}}     SIGKILL at the third counted call
 *     {"disarm": {}}                                                answers a Report and stops counting
 *
 * A command, which ends by itself, gets the same object in TSAUFS_DOUBLE_COMMAND, and writes its Report into the file that
 * TSAUFS_DOUBLE_REPORT names.
 *
 * `which` is a class of calls: `all`; `mutating` changes a branch; `space` takes inodes or blocks (new names for what is
 * there mostly fit where an old one was); `fds` makes descriptors.
 */
import { createServer } from 'node:net'
import { fstatSync, writeFileSync } from 'node:fs'
import { sys, type Native } from '../../lib/os/native.js'

export type CallClass = 'all' | 'mutating' | 'space' | 'fds'

export interface Arm {
  readonly n: number
  readonly errno: number
  readonly which: CallClass
  /** Only that call fails; else it and all that follow. */
  readonly once: boolean
}

export interface Crash {
  readonly n: number
  readonly when: 'before' | 'after'
  readonly which: CallClass
}

export interface Report {
  /** Counted calls since arming, `name argument`. */
  readonly calls: string[]
  /** The calls that were made to fail. */
  readonly hits: string[]
  /** Descriptors opened since arming, still open, and in no cache that would close them. */
  readonly stray: string[]
}

type Call = (...args: never[]) => unknown

/** Functions that are left alone: the device, the data table, and what cannot fail or fails for the process only. */
const UNTOUCHED = new Set([
  'fuseTurn', 'fuseWrite', 'fuseServe', 'fuseNotify', 'fuseAttach', 'dataFd', 'dataDrop', 'dataSweep', 'dataLimit', 'dataSet', 'dataWriters', 'dataHandBack',
  'backingClose', 'close', 'prepareProcess', 'closeFrom', 'setsid', 'dumpable', 'umask', 'mount', 'umount', 'fusermount',
  'copyDataAsync', 'watchOpen', 'watchAdd', 'watchRemove', 'watchRead', 'watchClose', 'exec', 'listenAt', 'acceptWithin', 'peerPid', 'receiveFd', 'messagePair',
])
const FDS = new Set([
  'openat', 'openBeneath', 'reopen', 'tmpfile', 'createAs', 'tmpfileAs', 'cloneMount', 'backingOpen', 'readdir',
])
const SPACE = new Set([
  'mkdirat', 'mknodat', 'symlinkat', 'tmpfile', 'mkdirAs', 'mknodAs', 'symlinkAs', 'createAs', 'tmpfileAs', 'setxattr',
  'copyData', 'copyDataAsync.done',
])
const MUTATING = new Set([
  ...SPACE, 'linkat', 'renameat2', 'unlinkat', 'chmod', 'chown', 'utimens', 'removexattr', 'ftruncate',
])

let counting = false
let fault: Arm | null = null
let crash: Crash | null = null
let counted = 0
let calls: string[] = []
let hits: string[] = []
/** Descriptors the JavaScript side has opened and not closed, and whether that was since arming. */
const open = new Map<number, { what: string; fresh: boolean; tabled: boolean }>()

function isIn(which: CallClass, name: string, args: readonly unknown[]): boolean {
  if (which === 'all') return true
  if (which === 'fds') return FDS.has(name)
  const creates = name === 'openat' && (Number(args[2]) & sys.constants['O_CREAT']!) !== 0
  return creates || (which === 'space' ? SPACE : MUTATING).has(name)
}

function print(name: string, args: readonly unknown[]): string {
  return [name, ...args.filter(arg => typeof arg === 'string' && arg !== '').map(arg => JSON.stringify(arg))].join(' ')
}

/** Count a call; answers the -errno it shall fail with, or 0. Does not come back if it is the one to die before. */
function count(name: string, args: readonly unknown[]): number {
  const rule = fault ?? crash
  if (!counting || rule === null || !isIn(rule.which, name, args)) return 0
  counted++
  if (calls.length < 1000) calls.push(print(name, args))
  if (crash !== null && crash.when === 'before' && counted === crash.n) process.kill(process.pid, 'SIGKILL')
  if (fault === null || fault.n === 0 || counted < fault.n || (fault.once && counted > fault.n)) return 0
  hits.push(print(name, args))
  return -fault.errno
}

/** The call is done: maybe the last. */
function done(): void {
  if (crash !== null && crash.when === 'after' && counted === crash.n) process.kill(process.pid, 'SIGKILL')
}

function double(name: string, real: Call): Call {
  return (...args) => {
    const before = counted
    const rc = count(name, args)
    if (rc < 0) return rc
    const result = real.apply(sys, args)
    if (FDS.has(name) && name !== 'backingOpen' && typeof result === 'number' && result >= 0) {
      open.set(result, { what: print(name, args), fresh: counting, tabled: false })
    }
    if (counted > before) done()
    return result
  }
}

function install(): void {
  const table = sys as unknown as Record<string, Call>
  for (const [name, real] of Object.entries(table)) {
    if (typeof real === 'function' && !UNTOUCHED.has(name)) table[name] = double(name, real)
  }
  const writable = sys as { -readonly [K in keyof Native]: Native[K] }
  const { close, dataSet, copyDataAsync } = sys
  writable.close = (fd) => {
    open.delete(fd)
    return close(fd)
  }
  writable.dataSet = (nodeid, fd, writes, pinned) => {
    const entry = open.get(fd)
    if (entry !== undefined) entry.tabled = true
    return dataSet(nodeid, fd, writes, pinned)
  }
  const start = double('copyDataAsync', copyDataAsync as Call) as typeof copyDataAsync
  writable.copyDataAsync = (src, dst, size, tell) => start(src, dst, size, (rc) => {
    const failed = count('copyDataAsync.done', [])
    tell(failed < 0 ? failed : rc)
    done()
  })
}

/** What is open and should not be: files, deleted directories, and directories opened twice. */
function strayFds(): string[] {
  const seen = new Map<string, number>()
  const stray: string[] = []
  for (const [fd, entry] of [...open].sort((a, b) => Number(a[1].fresh) - Number(b[1].fresh))) {
    if (entry.tabled) {
      open.delete(fd) // the table closes it; the number may come back as another file
      continue
    }
    const s = fstatSync(fd)
    const key = `${s.dev}:${s.ino}`
    const twice = seen.has(key)
    seen.set(key, fd)
    const wrong = !s.isDirectory() || s.nlink === 0 || twice
    if (entry.fresh && wrong) stray.push(`${entry.what}${twice ? ' (open twice)' : ''}`)
    entry.fresh = false
  }
  return stray
}

function reset(): void {
  counted = 0
  calls = []
  hits = []
  for (const entry of open.values()) entry.fresh = false
}

function obey(command: { arm?: Arm; crash?: Crash }): Report {
  if (command.arm === undefined && command.crash === undefined) {
    counting = false
    const report = { calls, hits, stray: strayFds() }
    reset()
    return report
  }
  reset()
  fault = command.arm ?? null
  crash = command.crash ?? null
  counting = true
  return { calls, hits, stray: [] }
}

function listen(path: string): void {
  createServer((socket) => {
    let text = ''
    socket.on('error', () => undefined)
    socket.setEncoding('utf8').on('data', (part) => {
      const lines = (text + String(part)).split('\n')
      text = lines.pop() ?? ''
      for (const line of lines) socket.write(`${JSON.stringify(obey(JSON.parse(line) as { arm?: Arm; crash?: Crash }))}\n`)
    })
  }).listen(path).unref()
}

const path = process.env['TSAUFS_DOUBLE_SOCKET']
if (path !== undefined && /\/daemon\/main(\.js|\.bundle\.cjs)$/.test(process.argv[1] ?? '')) {
  install()
  listen(path)
}

const command = process.env['TSAUFS_DOUBLE_COMMAND']
const file = process.env['TSAUFS_DOUBLE_REPORT']
if (command !== undefined && file !== undefined && /\/bin\/tsaufs\.js$/.test(process.argv[1] ?? '')) {
  install()
  obey(JSON.parse(command) as { arm?: Arm; crash?: Crash })
  process.once('exit', () => writeFileSync(file, JSON.stringify(obey({}))))
}
