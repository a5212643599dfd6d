/**
 * udba=none: branches changed directly although nobody should. What is seen is then old or new, as it happens; but nothing
 * crashes, no directory is damaged, nothing is written to a read-only branch, and what is not touched directly goes on. What
 * is written by a path or a descriptor reaches the file that had the name or the one that has it, and no third one.
 */
import t from 'tap'
import { existsSync } from 'node:fs'
import { OneOf, type Step } from '../helpers/steps.js'
import { symlink } from '../helpers/tree.js'
import { modes, nameOf, runCases, type Case } from './bed.js'

t.setTimeout(600_000)
const reason = process.getuid?.() !== 0 ? 'needs root' : existsSync('/dev/fuse') ? false : 'no /dev/fuse'
const trouble = ['ESTALE', 'ENOENT', 'EIO', 'ENOTDIR', 'EISDIR', 'EINVAL', 'EEXIST', 'ELOOP', 'ENOTEMPTY'] as const
/** Any of these outcomes, or an error that says that something is not as it was. */
const maybe = (...values: readonly unknown[]): OneOf => new OneOf(...values, ...trouble)
const any = (step: Step): Step => [...step, maybe(undefined)]

/** The union is in order where nobody interfered, and after a look at everything. */
const sound: readonly Step[] = [
  ['exec', 'sh', '-c', 'ls -lR "$0" >/dev/null 2>&1; cat "$0"/*/* >/dev/null 2>&1; true', 'm/'], ['read', 'm/quiet/l', 'L'], ['append', 'm/quiet/l', '!'], ['read', 'm/quiet/l', 'L!'], ['write', 'm/quiet/n', 'N'], ['readdir', 'm/quiet', ['l', 'n', 'r']], ['unlink', 'm/quiet/r'], ['rename', 'm/quiet/n', 'm/quiet/r'], ['read', 'm/quiet/r', 'N'],
]
const quiet = { R: { r: 'R' }, L: { l: 'L' } } as const

const cases: readonly Case[] = [
  {
    name: 'files removed, replaced and made on the writable branch',
    given: { R: { quiet: quiet.R, a: 'A', b: 'B', c: 'C', other: 'OTHER' }, L: { quiet: quiet.L } },
    steps: [
      ...['a', 'b', 'c'].flatMap((f): Step[] => [['read', `m/${f}`, f.toUpperCase()], ['open', f, `m/${f}`, 'RDWR'], ['fread', f, 0, 1, f.toUpperCase()]]), ['stat', 'm/n', 'ENOENT'], ['readdir', 'm/', ['a', 'b', 'c', 'other', 'quiet']], ['forget', 0],
      ['unlink', 'R/a'], ['write', 'R/x', 'new'], ['rename', 'R/x', 'R/b'], ['rename', 'R/c', 'R/c2'], ['write', 'R/n', 'direct'],
      any(['fpwrite', 'a', 0, 'by fd']), any(['fpwrite', 'b', 0, 'by fd']), any(['fpwrite', 'c', 0, 'by fd']), any(['append', 'm/a', '+']), any(['append', 'm/b', '+']), any(['append', 'm/c', '+']), any(['write', 'm/n', 'union']), ['forget', 1], any(['fpwrite', 'a', 0, 'BY FD']), any(['fpwrite', 'b', 0, 'BY FD']),
      ['read', 'R/other', 'OTHER'], any(['unlink', 'm/a']), any(['unlink', 'm/b']), any(['rename', 'm/c', 'm/d']), any(['rmdir', 'm/n']), any(['mkdir', 'm/n']), any(['link', 'm/b', 'm/e']), ['read', 'R/other', 'OTHER'], ...sound,
    ],
  },
  {
    name: 'inode numbers that come again under other names',
    given: { R: { quiet: quiet.R, d: {} }, L: { quiet: quiet.L } },
    steps: [
      ['write', 'm/d/a', 'A'], ['link', 'm/d/a', 'm/d/b'], ['read', 'm/d/b', 'A'], ['open', 'a', 'm/d/a', 'RDWR'], ['fread', 'a', 0, 1, 'A'], ['forget', 0], ['unlink', 'R/d/a'], ['unlink', 'R/d/b'], ...Array.from({ length: 6 }, (_, i): Step => ['write', `R/d/n${i}`, `${i}`]), ['forget', 1],
      any(['fpwrite', 'a', 0, 'old']), any(['append', 'm/d/b', 'old']), ...Array.from({ length: 6 }, (_, i): Step => ['read', `R/d/n${i}`, `${i}`]), ...Array.from({ length: 6 }, (_, i): Step => ['append', `m/d/n${i}`, '+', maybe(null)]),
      ...Array.from({ length: 6 }, (_, i): Step => ['read', `R/d/n${i}`, new OneOf(`${i}`, `${i}+`)]), ...sound,
    ],
  },
  {
    name: 'directories removed, moved, and replaced by other things',
    given: { R: { quiet: quiet.R, a: { x: 'X' }, b: { x: 'X' }, c: { x: 'X' }, e: { x: 'X' } }, L: { quiet: quiet.L, c: { l: 'L' }, b: { l: 'L' }, f: { s: { y: 'Y' } } } },
    steps: [
      ...['a', 'b', 'c', 'e', 'f/s'].flatMap((d): Step[] => [['readdir', `m/${d}`], ['stat', `m/${d}/n`, 'ENOENT'], ['open', d, `m/${d}`, 'RDONLY|DIRECTORY']]), ['forget', 0], ['exec', 'rm', '-r', 'R/a'], ['rename', 'R/b', 'R/b2'], ['rename', 'R/c', 'R/c2'], ['write', 'R/c', 'a file'], ['rename', 'R/e', 'R/e2'], ['symlink', 'nowhere/at all', 'R/e'],
      ...['a', 'b', 'c', 'e', 'f/s'].flatMap((d): Step[] => [any(['write', `m/${d}/n`, 'N']), any(['mkdir', `m/${d}/d`]), any(['append', `m/${d}/x`, '+']), any(['unlink', `m/${d}/x`]), any(['rename', `m/${d}/n`, `m/${d}/n2`]), any(['readdir', `m/${d}`]), any(['openat', 'q', d, 'fd', 'WRONLY|CREAT']), any(['flistdir', d])]), ['forget', 1],
      ...['a', 'b', 'c', 'e'].flatMap((d): Step[] => [any(['write', `m/${d}/n3`, 'N']), any(['rename', `m/${d}`, `m/${d}3`]), any(['rmdir', `m/${d}`]), any(['mkdir', `m/${d}`])]), ['readdir', 'R/quiet', ['r']], ...sound,
    ],
  },
  {
    name: 'the read-only branch changed: what is copied up is one of its files',
    given: { R: { quiet: quiet.R }, L: { quiet: quiet.L, a: 'old A', b: 'old B', c: 'old C', l: symlink('a'), d: { x: 'X' } } },
    steps: [
      ...['a', 'b', 'c'].flatMap((f): Step[] => [['read', `m/${f}`, `old ${f.toUpperCase()}`], ['open', f, `m/${f}`, 'RDONLY']]), ['readlink', 'm/l', 'a'], ['read', 'm/d/x', 'X'], ['forget', 0], ['write', 'L/x', 'new A'], ['rename', 'L/x', 'L/a'], ['unlink', 'L/b'], ['write', 'L/c', 'new C'], ['unlink', 'L/l'], ['symlink', 'b', 'L/l'], ['rename', 'L/d', 'L/d2'],
      ['fread', 'a', 0, 9, maybe('old A', 'new A')], ['append', 'm/a', '+', maybe(null)], ['append', 'm/b', '+', maybe(null)], ['append', 'm/c', '+', maybe(null)], any(['append', 'm/d/x', '+']), any(['chmod', 'm/l', 0o600]), any(['rename', 'm/d', 'm/e']), ['forget', 1],
      ['read', 'L/a', 'new A'], ['read', 'L/c', 'new C'], ['read', 'L/d2/x', 'X'], ['stat', 'L/b', 'ENOENT'], ['read', 'R/a', maybe('old A+', 'new A+')], ['read', 'R/b', maybe('old B+', '+')], ['read', 'R/c', maybe('old C+', 'new C+')], ...sound,
    ],
  },
]

for (const mode of modes('none')) {
  await t.test(nameOf(mode), { skip: reason }, (t) => runCases(t, mode, { m: 'R=rw:L=ro' }, cases))
}
