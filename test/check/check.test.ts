/**
 * `tsaufs check`: damage made by hand, what is found, and what the branch looks like after the repair.
 */
import t from 'tap'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { NEEDS_ROOT, REPO, Sandbox } from '../cli/sandbox.js'
import { KINDS } from '../../lib/check/finding.js'

interface Row {
  readonly name: string
  /** Shell commands in a directory with branches `a` (rw) and `b`. */
  readonly make: string
  /** `CODE PATH` of each finding, sorted. */
  readonly found: readonly string[]
  /** find(1) of `a` after --repair: type and path, sorted; what is not given is not compared. */
  readonly left?: readonly string[]
  /** A command that must print `prints` after the repair. */
  readonly probe?: string
  readonly prints?: string
  /** Look at `a` alone. */
  readonly alone?: true
  readonly format?: string
  /** Not all of it can be repaired. */
  readonly stays?: true
}

const ROWS: readonly Row[] = [
  { name: 'nothing', make: 'echo x >a/x; touch a/.wh.f; echo f >b/f', found: [], left: ['f a/.wh.f', 'f a/x'] },
  { name: 'a whiteout that hides nothing', make: 'touch a/.wh.f', found: ['whiteout-needless .wh.f'], left: [] },
  { name: 'the same, alone', make: 'touch a/.wh.f', alone: true, found: [] },
  { name: 'a whiteout in a whited out directory', make: 'mkdir -p a/d b/d; touch b/d/f a/.wh.d a/d/.wh.f', found: ['whiteout-beside d', 'whiteout-needless d/.wh.f'], left: ['d a/d', 'f a/d/.wh..wh..opq'] },
  { name: 'a fifo as whiteout', make: 'echo f >b/f; mkfifo a/.wh.f', found: ['whiteout-illegal .wh.f'], left: ['f a/.wh.f'] },
  { name: 'a symbolic link as whiteout', make: 'echo f >b/f; ln -s ../b/f a/.wh.f', found: ['whiteout-illegal .wh.f'], left: ['f a/.wh.f'], probe: 'cat b/f', prints: 'f\n' },
  { name: 'a directory as whiteout', make: 'echo f >b/f; mkdir a/.wh.f', found: ['whiteout-illegal .wh.f'], left: ['f a/.wh.f'] },
  { name: 'a whiteout with content', make: 'echo f >b/f; echo text >a/.wh.f', found: ['whiteout-illegal .wh.f'], probe: 'cat a/.wh..wh.lost/*; stat -c %s a/.wh.f', prints: 'text\n0\n' },
  { name: 'a full directory as whiteout', make: 'echo f >b/f; mkdir a/.wh.f; echo text >a/.wh.f/t', found: ['whiteout-illegal .wh.f'], probe: 'cat a/.wh..wh.lost/*/t; stat -c %s a/.wh.f', prints: 'text\n0\n' },
  { name: 'a whiteout with the set-uid bit', make: 'echo f >b/f; touch a/.wh.f; chmod 4755 a/.wh.f', found: ['whiteout-mode .wh.f'], probe: 'stat -c %a a/.wh.f', prints: '444\n' },
  { name: 'a whiteout of a layer', make: 'echo f >b/f; touch a/.wh.f; chmod 600 a/.wh.f', found: [], probe: 'stat -c %a a/.wh.f', prints: '600\n' },
  { name: 'a whiteout of nothing', make: 'touch a/.wh.', found: ['whiteout-bare .wh.'], left: [] },
  { name: 'a file beside its whiteout', make: 'echo f >b/f; echo g >a/f; touch a/.wh.f', found: ['whiteout-beside f'], left: ['f a/f'], probe: 'cat a/f', prints: 'g\n' },
  { name: 'a directory beside its whiteout', make: 'mkdir a/d b/d; touch b/d/x a/.wh.d', found: ['whiteout-beside d'], left: ['d a/d', 'f a/d/.wh..wh..opq'] },
  { name: 'opaque over nothing', make: 'mkdir a/d; touch a/d/.wh..wh..opq', found: ['opaque-needless d/'], left: ['d a/d', 'f a/d/.wh..wh..opq'] },
  { name: 'opaque over something', make: 'mkdir a/d b/d; touch a/d/.wh..wh..opq', found: [] },
  { name: 'opaque over a file', make: 'mkdir a/d; touch b/d a/d/.wh..wh..opq', found: [] },
  { name: 'an opaque root', make: 'touch a/.wh..wh..opq', alone: true, found: ['opaque-root .'], left: [] },
  { name: 'a directory as opaque mark', make: 'mkdir -p a/d/.wh..wh..opq b/d', found: ['opaque-illegal d/.wh..wh..opq'], left: ['d a/d', 'f a/d/.wh..wh..opq'] },
  { name: 'temporaries', make: 'mkdir -p a/.wh..wh.work/t1.1/sub a/d/.wh..wh.x.01af/sub', found: ['leftover-temporary d/.wh..wh.x.01af', 'leftover-work .wh..wh.work/t1.1'], left: ['d a/d'] },
  { name: 'an interrupted rename over a directory', make: 'mkdir -p a/.wh..wh.work a/from; touch a/from/.wh.x; ln -s $(stat -c %i a/from):from a/.wh..wh.work/swap.t1.1', alone: true, found: ['leftover-work .wh..wh.work/swap.t1.1'], left: [] },
  { name: 'what aufs leaves', make: 'touch a/.wh..wh.aufs; mkdir a/.wh..wh.orph a/.wh..wh.plnk; echo x >a/.wh..wh.orph/1; echo y >a/y; ln a/y a/.wh..wh.plnk/12.34', found: ['aufs-base .wh..wh.aufs', 'aufs-plink .wh..wh.plnk/12.34', 'leftover-orphans .wh..wh.orph'], left: ['f a/y'] },
  { name: 'the only name of a file among the pseudo-links of aufs', make: 'mkdir a/.wh..wh.plnk; echo y >a/.wh..wh.plnk/12.34', found: ['aufs-plink .wh..wh.plnk/12.34'], probe: 'cat a/.wh..wh.lost/*', prints: 'y\n' },
  { name: 'renamed directories of aufs', make: 'touch a/.wh..wh.hino', found: ['aufs-renames .wh..wh.hino'], left: ['f a/.wh..wh.hino'], stays: true },
  { name: 'unknown reserved names', make: 'touch a/.wh..wh.zzz; mkdir a/d; mkdir a/d/.wh..wh.work', found: ['reserved-unknown .wh..wh.zzz', 'reserved-unknown d/.wh..wh.work'], left: ['d a/d'] },
  { name: 'other things in place of our directories', make: 'ln -s ../b a/.wh..wh.plnk; mkfifo a/.wh..wh.work; touch a/.wh..wh.lost b/x', found: ['reserved-illegal .wh..wh.lost', 'reserved-illegal .wh..wh.plnk', 'reserved-illegal .wh..wh.work'], left: [], probe: 'ls b', prints: 'x\n' },
  { name: 'a file where things are set aside', make: 'echo text >a/.wh..wh.lost', found: ['reserved-illegal .wh..wh.lost'], probe: 'cat a/.wh..wh.lost/*', prints: 'text\n' },
  { name: 'no entries of the link index', make: 'mkdir -p a/.wh..wh.plnk/0123456789abcdef-7; touch a/.wh..wh.plnk/what a/.wh..wh.plnk/0123456789abcdef-8.n; ln -s 3 a/.wh..wh.plnk/t1.1', found: ['leftover-temporary .wh..wh.plnk/t1.1', 'link-unknown .wh..wh.plnk/0123456789abcdef-7', 'link-unknown .wh..wh.plnk/0123456789abcdef-8.n', 'link-unknown .wh..wh.plnk/what'], left: [] },
  { name: 'a count without names', make: 'mkdir a/.wh..wh.plnk; ln -s 3 a/.wh..wh.plnk/0123456789abcdef-7.n', found: ['link-stray .wh..wh.plnk/0123456789abcdef-7.n'], left: [] },
  { name: 'a copy without names', make: 'mkdir a/.wh..wh.plnk; echo x >a/.wh..wh.plnk/0123456789abcdef-7', found: ['link-dangling .wh..wh.plnk/0123456789abcdef-7'], probe: 'cat a/.wh..wh.lost/*', prints: 'x\n' },
  { name: 'a plan whose name is not there', make: 'echo x >a/x; setfattr -n trusted.tsaufs.origin -v 0123456789abcdef:7:g a/x; setfattr -n trusted.tsaufs.impure -v y a; mkdir a/.wh..wh.plnk; ln a/x a/.wh..wh.plnk/0123456789abcdef-7; ln -s 1 a/.wh..wh.plnk/0123456789abcdef-7.n; ln -s +2:y a/.wh..wh.plnk/0123456789abcdef-7.p', found: ['link-plan .wh..wh.plnk/0123456789abcdef-7.p'], probe: 'readlink a/.wh..wh.plnk/*.n', prints: '1\n' },
  { name: 'a wrong count', make: 'echo x >a/x; ln a/x a/y; setfattr -n trusted.tsaufs.origin -v 0123456789abcdef:7:g a/x; mkdir a/.wh..wh.plnk; ln a/x a/.wh..wh.plnk/0123456789abcdef-7; ln -s 5 a/.wh..wh.plnk/0123456789abcdef-7.n', found: ['link-count .wh..wh.plnk/0123456789abcdef-7.n'], probe: 'readlink a/.wh..wh.plnk/*.n', prints: '2\n' },
  { name: 'the same, alone: at least', make: 'echo x >a/x; ln a/x a/y; setfattr -n trusted.tsaufs.origin -v 0123456789abcdef:7:g a/x; mkdir a/.wh..wh.plnk; ln a/x a/.wh..wh.plnk/0123456789abcdef-7; ln -s 5 a/.wh..wh.plnk/0123456789abcdef-7.n', alone: true, found: [] },
  { name: 'a count that is no number', make: 'echo x >a/x; setfattr -n trusted.tsaufs.origin -v 0123456789abcdef:7:g a/x; mkdir a/.wh..wh.plnk; ln a/x a/.wh..wh.plnk/0123456789abcdef-7; ln -s /etc a/.wh..wh.plnk/0123456789abcdef-7.n', found: ['link-count .wh..wh.plnk/0123456789abcdef-7.n'], probe: 'readlink a/.wh..wh.plnk/*.n', prints: '1\n' },
  { name: 'a group the index has lost', make: 'echo x >a/x; setfattr -n trusted.tsaufs.origin -v 0123456789abcdef:7:g a/x', found: ['link-missing x'], probe: 'cat a/.wh..wh.plnk/0123456789abcdef-7', prints: 'x\n' },
  { name: 'a group for which the index has another file', make: 'echo x >a/x; echo y >a/y; for n in x y; do setfattr -n trusted.tsaufs.origin -v 0123456789abcdef:7:g a/$n; done; mkdir a/.wh..wh.plnk; ln a/x a/.wh..wh.plnk/0123456789abcdef-7', found: ['link-differs y'], probe: 'cat a/x a/y a/.wh..wh.plnk/*', prints: 'x\ny\nx\n' },
  { name: 'an origin that is none', make: 'touch a/x; setfattr -n trusted.tsaufs.origin -v nonsense a/x', found: ['origin-malformed x'], probe: 'getfattr -d -m trusted a/x', prints: '' },
  { name: 'copies in a directory without the mark', make: 'mkdir a/d; touch a/d/x; setfattr -n trusted.tsaufs.origin -v 0123456789abcdef:7 a/d/x', found: ['impure-missing d/'], probe: 'getfattr --only-values -n trusted.tsaufs.impure a/d', prints: 'y' },
  { name: 'redirects', make: 'mkdir -p a/d a/e a/f a/g b/d b/deep/er; touch b/d/x; r="setfattr -n trusted.tsaufs.redirect -v"; $r deep/er a/d; $r nowhere a/e; $r ../b a/f; $r deep a/g; touch a/g/.wh.er', found: ['redirect-dangling e/', 'redirect-malformed f/'], left: ['d a/d', 'd a/e', 'd a/f', 'd a/g', 'f a/g/.wh.er'] },
  { name: 'a bad redirect over something', make: 'mkdir -p a/d b/d; touch b/d/x; setfattr -n trusted.tsaufs.redirect -v a/../../etc a/d', found: ['redirect-malformed d/'], left: ['d a/d', 'f a/d/.wh..wh..opq'] },
  { name: 'marks where they mean nothing', make: 'mkdir a/d; touch a/f; setfattr -n trusted.tsaufs.origin -v x a/d; setfattr -n trusted.tsaufs.redirect -v x a/f; setfattr -n trusted.tsaufs.redirect -v x a; setfattr -n trusted.tsaufs.new -v x a/f', found: ['origin-malformed d/', 'xattr-misplaced .', 'xattr-misplaced f', 'xattr-misplaced f'] },
  { name: 'the mark of a crash', make: 'setfattr -n trusted.tsaufs.dirty -v y a', found: ['dirty .'] },
  { name: 'whiteouts of overlayfs', make: 'mknod a/f c 0 0; mknod a/g c 0 0; mkdir a/d b/d; mknod a/d/x c 0 0; touch b/f b/d/x; setfattr -n trusted.overlay.opaque -v y a/d', format: 'overlay', found: ['whiteout-needless d/x', 'whiteout-needless g'], left: ['c a/f', 'd a/d'] },
  { name: 'redirects of overlayfs', format: 'overlay', make: 'mkdir -p a/d a/e a/f a/p/q b/d b/deep/er b/p/was; touch b/f; mkdir a/g b/g; r="setfattr -n trusted.overlay.redirect -v"; $r /deep/er a/d; $r /nowhere a/e; $r gone a/f; $r was a/p/q; $r /../etc a/g', found: ['redirect-dangling e/', 'redirect-dangling f/', 'redirect-malformed g/'], probe: 'getfattr -R -h -d -m trusted a | grep trusted | sort', prints: 'trusted.overlay.opaque="y"\ntrusted.overlay.opaque="y"\ntrusted.overlay.redirect="/deep/er"\ntrusted.overlay.redirect="was"\n' },
  { name: 'copies of overlayfs without data', format: 'overlay', stays: true, make: 'mkdir a/d b/d; touch a/d/has a/d/not a/moved a/away b/d/has; mkdir b/d/not; echo >b/was; for f in d/has d/not moved away; do setfattr -n trusted.overlay.metacopy a/$f; done; setfattr -n trusted.overlay.redirect -v /was a/moved; setfattr -n trusted.overlay.redirect -v /d/nothing a/away', found: ['metacopy d/has', 'metacopy moved', 'metacopy-dangling away', 'metacopy-dangling d/not'] },
  { name: 'what overlayfs leaves in use', format: 'overlay', make: 'mkdir -p a/d a/n b/d; touch a/d/f a/d/w b/d/f b/d/w; o="setfattr -n trusted.overlay"; $o.origin -v 0x00fb a/d/f; $o.origin -v 0x00fb a; $o.impure -v y a; $o.nlink -v U+1 a/d/f; $o.opaque -v y a/n; $o.opaque -v x a/d; $o.whiteout -v y a/d/w; $o.uuid -v x a; $o.protattr -v a a/d/f', found: [] },
  { name: 'overlayfs on an aufs branch', format: 'aufs', make: 'mknod a/dev c 0 0; mkdir a/d; setfattr -n trusted.overlay.opaque -v y a/d', found: ['mix-whiteout dev', 'mix-xattr d/'], left: ['c a/dev', 'd a/d'] },
  { name: 'a name without room for a whiteout', format: 'aufs', make: 'touch a/$(printf %0252d 0)', found: [`name-long ${'0'.repeat(252)}`] },
]

/** Findings as `CODE PATH`, sorted. @throws Error when the output is no JSON */
function findings(box: Sandbox, branches: readonly string[], ...flags: readonly string[]): { exit: number | null, found: string[], errors: string[] } {
  const { exit, stdout, complaints } = box.run('check', '--json', ...flags, ...branches)
  const list = JSON.parse(stdout) as { code: string, path: string, severity: string }[]
  const names = list.map(({ code, path }) => `${code} ${path === '' ? '.' : path}`)
  return { exit, found: names.sort(), errors: [...complaints] }
}

/** What lies on `a`, and how: to see that nothing was written. */
const state = (box: Sandbox): string =>
  box.sh("find a -printf '%y %m %p %s %T@ %C@\\n' | sort; getfattr -R -h -d -m - a").stdout

for (const row of ROWS) {
  t.test(row.name, { skip: NEEDS_ROOT }, (t) => {
    const box = new Sandbox(t)
    t.equal(spawnSync('/bin/bash', ['-ec', row.make], { cwd: box.path, stdio: 'inherit' }).status, 0, 'made')
    const branches = [...(row.format === undefined ? [] : ['--format', row.format]), ...(row.alone === true ? ['a'] : ['a', 'b'])]
    const before = state(box)
    const looked = findings(box, branches)
    t.same(looked.errors, [])
    t.same(looked.found, [...row.found].sort())
    t.equal(state(box), before, 'looking changes nothing')

    const repaired = findings(box, branches, '--repair')
    t.same(repaired.found.filter((line) => !line.startsWith('lost ')), looked.found, 'the same is found when repairing')
    t.equal(repaired.exit, row.stays === true ? 1 : 0)
    const after = box.sh("find a -mindepth 1 -printf '%y %p\\n' | sort").stdout.split('\n').filter((line) => line !== '')
    if (row.left !== undefined) t.same(after, row.left, 'what lies there after it')
    if (row.probe !== undefined) t.equal(box.sh(row.probe).stdout, row.prints)
    const again = state(box)
    t.equal(findings(box, branches, '--repair').exit, row.stays === true ? 1 : 0, 'nothing is left to repair')
    t.equal(state(box), again, 'and nothing done')
    t.end()
  })
}

t.test('a stack: the first branch is repaired, others when given as rw', { skip: NEEDS_ROOT }, (t) => {
  const box = new Sandbox(t).files({ 'a/.wh.x': '', 'b/.wh.y': '' })
  t.same(findings(box, ['a', 'b'], '--repair'), { exit: 1, found: ['whiteout-needless .wh.x', 'whiteout-needless .wh.y'], errors: [] })
  t.equal(box.sh('ls -A a b').stdout, 'a:\n\nb:\n.wh.y\n')
  t.equal(findings(box, ['a', 'b=rw'], '--repair').exit, 0)
  t.equal(box.sh('ls -A b').stdout, '')
  t.end()
})

t.test('a mounted branch is looked at, but not repaired', { skip: NEEDS_ROOT }, (t) => {
  const box = new Sandbox(t).files({ 'b/f': 'x' })
  box.mount(t)
  t.same(findings(box, ['a', 'b']), { exit: 0, found: ['in-use .'], errors: [] })
  const { exit, complaints } = box.run('check', '--repair', 'a', 'b')
  t.same([exit, complaints], [2, ['branch @/a: EBUSY: a mount writes to it; unmount that one first']])
  box.run('umount', 'mnt')
  t.equal(findings(box, ['a', 'b'], '--repair').exit, 0)
  t.end()
})

t.test('people see a line for each finding', { skip: NEEDS_ROOT }, (t) => {
  const box = new Sandbox(t).files({ 'a/.wh.x': '' })
  const { exit, stdout } = box.run('check', 'a', 'b')
  t.equal(exit, 1)
  t.equal(stdout.replaceAll(box.path, '@'), 'warning @/a: .wh.x: whiteout-needless: hides nothing\n1 found, 0 repaired\n')
  t.end()
})

t.test('usage', (t) => {
  const box = new Sandbox(t)
  for (const [words, line] of [
    [[], "check: EINVAL: missing required argument 'branch'; see 'tsaufs help check'"],
    [['nowhere'], 'branch @/nowhere: ENOENT: it cannot be reached; correct the path'],
    [['a', './a'], 'branch @/a: EINVAL: it is there twice; name each branch once'],
    [['--format', 'zip', 'a'], "check: EINVAL: option '--format <format>' argument 'zip' is invalid. Allowed choices are auto, aufs, overlay, fuse-overlayfs.; see 'tsaufs help check'"],
  ] as const) {
    const { exit, complaints } = box.run('check', ...words)
    t.same([exit, complaints], [2, [line]])
  }
  t.end()
})

t.test('the document has every code as it is', (t) => {
  const text = readFileSync(join(REPO, 'docs/check.md'), 'utf8')
  for (const [code, { severity, says, repair }] of Object.entries(KINDS)) {
    t.ok(text.includes(`| \`${code}\` | ${severity} | ${says} | ${repair === '' ? '-' : repair} |`), code)
  }
  t.end()
})

t.test('names of any bytes', { skip: NEEDS_ROOT }, (t) => {
  const box = new Sandbox(t)
  box.sh("touch a/.wh.$(printf '\\377\\001x')")
  t.equal(box.run('check', 'a', 'b').exit, 1)
  t.equal(box.sh('$tsaufs check --repair a b').exit, 0)
  t.equal(box.sh('ls -A a').stdout, '')
  t.end()
})
