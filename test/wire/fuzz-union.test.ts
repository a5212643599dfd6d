/**
 * The real rows over a real union, and hostile requests: every one gets one reply, nothing is thrown but Errno, no system
 * call gets a name that is not one component, nothing outside the writable branch changes, no descriptor leaks.
 */
import t from 'tap'
import {
  linkSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, symlinkSync, writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Session } from '../../lib/fuse/session.js'
import { Opcode } from '../../lib/fuse/abi.js'
import { rows } from '../../lib/ops/index.js'
import { initFlags, MAX_STACK_DEPTH, MAX_WRITE } from '../../lib/ops/init.js'
import { sys } from '../../lib/os/native.js'
import { parseMount } from '../../lib/config/parse.js'
import { Union } from '../../lib/union/union.js'
import { fuzzSession } from '../helpers/fuzz-session.js'

t.setTimeout(600_000)
const COUNT = Number(process.env['TSAUFS_FUZZ'] ?? 25_000)
const SEEDS = [1, 2, 3, 4]

const NAMES = [
  'a', 'b', 'c', 'dir', 'sub', 'a', 'b', 'c', 'dir', 'sub', 'new', 'new2', '', '.', '..', '/', 'a/b', '../L/a',
  '/etc/passwd', 'dir/../../rest', '.wh.a',
  '.wh..wh..opq', '.wh..wh.work', '.wh..wh.plnk', '.wh.', '\xff\xfe', 'x'.repeat(242), 'y'.repeat(255), 'z'.repeat(5000),
  'user.k', 'trusted.tsaufs.origin',
  'trusted.overlay.opaque', 'security.capability', 'system.posix_acl_access',
]
/** The root, and whatever gets these numbers. */
const NODEIDS = [0, 1, 1, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 2 ** 40]

/** Where the names are in a function's arguments; `''` there is the open file itself. */
const NAME_ARGUMENTS: Readonly<Record<string, readonly number[]>> = {
  openat: [1], mkdirat: [1], mknodat: [1], symlinkat: [2], linkat: [1, 3], unlinkat: [1], renameat2: [1, 3], readlinkat: [1],
  mkdirAs: [1],
  mknodAs: [1], symlinkAs: [2], createAs: [1], statx: [1], chmod: [1], chown: [1], utimens: [1], getxattr: [1],
  setxattr: [1], listxattr: [1], removexattr: [1],
}
/** Functions that make something under a name. */
const MAKES = new Set([
  'mkdirat', 'mknodat', 'symlinkat', 'mkdirAs', 'mknodAs', 'symlinkAs', 'createAs', 'unlinkat', 'renameat2',
])

/** Watch the addon: names that are no single component. Answers how to stop. */
function watchNames(found: Set<string>): () => void {
  const table = sys as unknown as Record<string, (...args: unknown[]) => unknown>
  const real = new Map<string, (...args: unknown[]) => unknown>()
  for (const [name, places] of Object.entries(NAME_ARGUMENTS)) {
    const call = table[name]!
    real.set(name, call)
    table[name] = (...args) => {
      for (const place of places) {
        const arg = args[place] as string
        const dot = arg === '..' || (arg === '.' && name !== 'openat')
        if (dot || arg.includes('/') || arg.includes('\0') || (arg === '' && MAKES.has(name))) {
          found.add(`${name} '${arg.slice(0, 40)}'`)
        }
      }
      return call(...args)
    }
  }
  return () => { for (const [name, call] of real) table[name] = call }
}

/** Everything below `dir` that could show a change. */
function digest(dir: string): string {
  const lines: string[] = []
  const visit = (path: string): void => {
    const s = lstatSync(path)
    const content = s.isFile() ? readFileSync(path, 'latin1') : s.isSymbolicLink() ? readlinkSync(path) : ''
    lines.push([path, s.mode, s.uid, s.gid, s.nlink, s.ino, s.mtimeMs, s.isDirectory() ? '' : s.ctimeMs, content].join(' '))
    if (s.isDirectory()) for (const name of readdirSync(path).sort()) visit(join(path, name))
  }
  visit(dir)
  return lines.join('\n')
}

/** A directory with an upper and two lower branches, and something beside them that nobody may touch. */
function sandbox(): string {
  const work = mkdtempSync(join(tmpdir(), 'tsaufs-fuzz-'))
  const dirs = ['U', 'L/dir/sub', 'L/b', 'rest/L2/dir', 'rest/beside', 'rest/mnt']
  for (const dir of dirs) mkdirSync(join(work, dir), { recursive: true })
  const files = ['L/a', 'L/dir/a', 'L/dir/sub/c', 'rest/L2/dir/b', 'rest/beside/a']
  for (const path of files) writeFileSync(join(work, path), `this is ${path}`)
  linkSync(join(work, 'L/a'), join(work, 'L/c'))
  symlinkSync('../rest/beside', join(work, 'L/dir/c'))
  return work
}

const openFds = (): number => readdirSync('/proc/self/fd').length

for (const io of ['cached', 'passthrough'] as const) {
  for (const seed of SEEDS) {
    t.test(`io=${io}, seed ${seed}`, { skip: process.getuid?.() === 0 ? false : 'needs root' }, async (t) => {
      const work = sandbox()
      const lower = [digest(join(work, 'L')), digest(join(work, 'rest'))]
      const fds = openFds()
      const strange = new Set<string>()
      const errors = new Map<string, number>()
      const { config } = parseMount({
        options: `dirs=${work}/U=rw:${work}/L=ro+wh:${work}/rest/L2=rr,io=${io},udba=${seed % 2 === 0 ? 'none' : 'reval'}`,
        source: 'none', mountpoint: join(work, 'rest/mnt'), cwd: '/',
      }, () => false)
      const union = Union.open(config, () => undefined)
      const stop = watchNames(strange)
      try {
        const result = await fuzzSession((transport) => new Session({
          transport, rows, union,
          init: {
            want: initFlags(union), maxStackDepth: MAX_STACK_DEPTH, maxWrite: MAX_WRITE, maxBackground: 16, timeGran: 1,
          },
          afterRequest: () => union.afterRequest(),
          onError: (error, row) => {
            const stack = error instanceof Error ? (error.stack ?? error.message) : String(error)
            const text = `${row?.name}: ${stack.split('\n').slice(0, 4).join(' | ')}`
            // A request too short to say whose it is has no row, and is dropped by intention.
            if (row !== undefined) errors.set(text, (errors.get(text) ?? 0) + 1)
          },
        }), { seed, count: COUNT, names: NAMES, nodeids: NODEIDS, without: [Opcode.SYNCFS] })
        const answers = [...result.answers].sort((a, b) => b[1] - a[1])
        t.comment(`answers: ${answers.map(([errno, n]) => `${errno}: ${n}`).join(', ')}`)
        t.ok((result.answers.get(0) ?? 0) > COUNT / 20, 'many requests succeed')
      } finally {
        stop()
        union.close()
      }
      t.same([...errors], [], 'nothing but Errno is thrown')
      t.same([...strange], [], 'no system call gets what is no name')
      t.same([digest(join(work, 'L')), digest(join(work, 'rest'))], lower, 'nothing but the writable branch changed')
      t.ok(openFds() <= fds + 2, `${openFds() - fds} descriptors more than before`)
      rmSync(work, { recursive: true, force: true })
    })
  }
}
