/** `tsaufs explain`: every way of being shown and of being hidden, told rightly; and that it changes nothing. */
import t, { type Test } from 'tap'
import { linkSync, mkdirSync, readFileSync, statSync, symlinkSync } from 'node:fs'
import { NEEDS_ROOT, Sandbox } from '../cli/sandbox.js'

interface Place { branch: number, at: string }
interface Told {
  exists: boolean, kind: string | null, ino: number, path: string, parts: Place[], redirects: (Place & { to: string })[]
  hides: (Place & { kind: string, by: Place & { why: string } })[]
  cut: (Place & { why: string }) | null
  notDirectory: string, unheeded: Place[], origin: { stored: boolean, ino: number } | null
  links: { count: number, names: string[], copy: string } | null
  change: { branch: number, policy: string } | null, create: { branch: number } | null
  copyUps: { reason: string, command: string, bytes: number }[]
}

const tell = (box: Sandbox, path: string): Told => (JSON.parse(box.run('explain', '--json', path).stdout) as Told[])[0]!

/** Branch `a` is writable, `b` and `c` are read-only layers with whiteouts, `d` is read-only without. */
function stack(t: Test): Sandbox {
  const box = new Sandbox(t).files({
    'b/etc/hosts': 'b', 'c/etc/hosts': 'c', 'd/etc/hosts': 'd', 'd/etc/only-d': 'd', 'c/gone': 'c', 'd/gone': 'd', 'd/below': 'd',
    'b/.wh.below': '', 'b/opaque/.wh..wh..opq': '', 'b/opaque/mine': '', 'c/opaque/theirs/deep': '', 'd/opaque/mine': '',
    'b/thing/in-b': '', 'c/thing': 'a file', 'd/thing/in-d': '', 'c/file': '', 'd/file/inside': '', 'd/.wh.plain': '', 'd/plain': 'seen',
    'c/ren/x': '', 'd/ren/y': '', 'd/both/kept': '',
  })
  linkSync(box.at('d/below'), box.at('d/below2'))
  mkdirSync(box.at('c/both'))
  symlinkSync('etc', box.at('b/link'))
  box.mount(t, '-o', 'dirs=a=rw:b=ro+wh:c=ro+wh:d=ro', 'mnt')
  return box
}

t.test('every kind of hiding', { skip: NEEDS_ROOT }, async (t) => {
  const box = stack(t)
  const at = (branch: number, path: string): Place => ({ branch, at: box.at('abcd'[branch]!, path) })
  const names = (told: Told): string[] => told.hides.map((each) => each.at)

  const hosts = tell(box, 'mnt/etc/hosts')
  t.match(hosts, { exists: true, kind: 'file', path: '/etc/hosts', ino: statSync(box.at('mnt/etc/hosts')).ino, parts: [at(1, 'etc/hosts')] })
  t.same(hosts.hides, [2, 3].map((b) => ({ ...at(b, 'etc/hosts'), kind: 'file', by: { ...at(1, 'etc/hosts'), why: 'file' } })))
  t.match(hosts.change, { branch: 0, policy: /^cpup=/ })
  t.match(tell(box, 'mnt/etc'), { kind: 'directory', parts: [at(1, 'etc'), at(2, 'etc'), at(3, 'etc')], hides: [], cut: null, create: { branch: 0 } })

  t.match(tell(box, 'mnt/below'), { exists: false, kind: null, parts: [], cut: { ...at(1, '.wh.below'), why: 'whiteout' }, create: { branch: 0 } })
  t.match(tell(box, 'mnt/below').hides, [{ ...at(3, 'below'), by: { why: 'whiteout' } }])
  t.match(tell(box, 'mnt/opaque'), { parts: [at(1, 'opaque')], cut: { ...at(1, 'opaque'), why: 'opaque' } })
  t.same(names(tell(box, 'mnt/opaque')), [box.at('c/opaque'), box.at('d/opaque')])
  t.match(tell(box, 'mnt/opaque/theirs/deep'), {
    exists: false, hides: [{ ...at(2, 'opaque/theirs/deep'), kind: 'file', by: { ...at(1, 'opaque'), why: 'opaque' } }],
  })
  t.match(tell(box, 'mnt/opaque/mine').hides, [{ ...at(3, 'opaque/mine'), by: { why: 'opaque' } }])

  t.match(tell(box, 'mnt/thing'), { parts: [at(1, 'thing')], kind: 'directory' })
  t.match(tell(box, 'mnt/thing').hides, [
    { ...at(2, 'thing'), kind: 'file', by: { ...at(1, 'thing'), why: 'directory' } },
    { ...at(3, 'thing'), kind: 'directory', by: { ...at(2, 'thing'), why: 'file' } },
  ])
  t.match(tell(box, 'mnt/file/inside'), { exists: false, notDirectory: '/file', hides: [{ ...at(3, 'file/inside'), by: { ...at(2, 'file'), why: 'file' } }] })
  t.match(tell(box, 'mnt/plain'), { exists: true, parts: [at(3, 'plain')], unheeded: [at(3, '.wh.plain')] })
  t.match(tell(box, 'mnt/nothing/at/all'), { exists: false, hides: [], cut: null, create: null })
  t.match(tell(box, 'mnt/link'), { kind: 'symbolic link', path: '/link' }, 'a link is explained itself')
  t.match(tell(box, 'mnt/link/hosts'), { kind: 'file', path: '/etc/hosts' }, 'links before it are followed')
  t.match(tell(box, 'mnt/link/../plain'), { path: '/plain' })
  t.match(tell(box, 'mnt'), { path: '/', kind: 'directory', parts: [0, 1, 2, 3].map((b) => ({ branch: b, at: box.at('abcd'[b]!) })) })
  t.equal(box.exec('find', 'a').stdout, 'a\n', 'nothing was changed')
})

t.test('after changes', { skip: NEEDS_ROOT }, async (t) => {
  const box = stack(t)
  box.sh('printf x | dd of=mnt/etc/hosts conv=notrunc status=none; rm mnt/gone; mv mnt/ren mnt/moved; echo x >>mnt/below2; rm -r mnt/both; mkdir mnt/both')
  t.match(tell(box, 'mnt/etc/hosts'), {
    parts: [{ at: box.at('a/etc/hosts') }], origin: { stored: true, ino: statSync(box.at('b/etc/hosts')).ino },
    copyUps: [{ reason: 'write', command: 'dd', bytes: 1 }], change: { branch: 0, policy: '' },
  })
  t.match(tell(box, 'mnt/gone'), { exists: false, cut: { why: 'whiteout', at: box.at('a/.wh.gone') } })
  t.same(tell(box, 'mnt/gone').hides.map((each) => each.at), [box.at('c/gone'), box.at('d/gone')])
  t.match(tell(box, 'mnt/moved'), { parts: ['a/moved', 'c/ren', 'd/ren'].map((at) => ({ at: box.at(at) })), redirects: [{ branch: 0, at: box.at('a/moved'), to: '/ren' }] })
  t.match(tell(box, 'mnt/moved/y'), { parts: [{ at: box.at('d/ren/y') }], redirects: [{ to: '/ren' }] })
  t.match(tell(box, 'mnt/ren/y'), { exists: false, hides: [{ at: box.at('d/ren/y'), by: { why: 'whiteout', at: box.at('a/.wh.ren') } }] })
  t.match(tell(box, 'mnt/both/kept'), { exists: false, hides: [{ at: box.at('d/both/kept'), by: { why: 'opaque', at: box.at('a/both') } }] })
  const links = tell(box, 'mnt/below2')
  t.match(links, { links: { count: 2 }, origin: { stored: true } })
  t.equal(readFileSync(links.links!.copy, 'utf8'), 'dx\n')

  t.match(box.run('explain', 'mnt/etc/hosts', 'mnt/gone').stdout, new RegExp([
    '^mnt/etc/hosts: file, inode \\d+', '  from        .*/a/etc/hosts  \\(branch 0, rw\\)', '  hides       .*/b/etc/hosts  \\(file\\), covered by .*/a/etc/hosts',
    '(.*\n){3}  copied up   \\S+Z by dd\\[\\d+\\] of uid 0, to write: 1 bytes, .*/b -> .*/a', '  a change    on .*/a=rw \\(it lies there\\)',
    'mnt/gone: not there', '  hidden by   .*/a/.wh.gone  \\(whiteout\\)', '  hidden      .*/c/gone  \\(file\\), behind the whiteout .*/a/.wh.gone',
  ].join('\n')))

  t.equal(box.run('umount', 'mnt').exit, 0)
  box.mount(t, '-o', 'dirs=a=rw:b=ro+wh:c=ro+wh:d=ro', 'mnt')
  t.match(tell(box, 'mnt/etc/hosts'), { origin: { stored: true }, copyUps: [] })
  t.match(box.run('explain', 'mnt/etc/hosts').stdout, /^  copied up   \S+Z, in an earlier mount/m)
})

t.test('bytes that are not UTF-8, bind mounts, a read-only union', { skip: NEEDS_ROOT }, async (t) => {
  const box = new Sandbox(t).files({ 'b/d/x': '' })
  mkdirSync(box.at('bound'))
  box.mount(t, '-o', 'ro,dirs=b=ro', 'mnt')
  t.match(box.sh(`$tsaufs explain "mnt/d/$(printf 'n\\377\\n.')"`).stdout, /^mnt\/d\/n\xff\\x0a\.: not there\n  because     no branch has it\n/)
  box.exec('mount', '--bind', 'mnt/d', 'bound')
  t.match(tell(box, 'bound/x'), { exists: true, path: '/d/x', change: { branch: -1 } })
  box.exec('umount', 'bound')
  t.match(box.run('explain', 'mnt/d/x').stdout, /a change    EROFS/)
})

t.test('what is wrong', { skip: NEEDS_ROOT }, async (t) => {
  const box = new Sandbox(t).files({ 'b/x': '' })
  box.mount(t)
  const wrong: readonly (readonly [string, RegExp])[] = [
    ['a/x', /^explain a\/x: EINVAL: it lies in no union; 'tsaufs list' shows them$/],
    ['', /^explain : ENOENT: an empty path/],
    ['mnt/none/../x', /^explain mnt\/none\/..\/x: ENOENT: '..' leads nowhere/],
    ['mnt/.wh.x', /^explain mnt\/.wh.x: EPERM: the name is reserved '.wh.x'$/],
  ]
  for (const [path, line] of wrong) {
    const { exit, stdout, complaints } = box.run('explain', path)
    t.same([exit, stdout, complaints.length], [1, '', 1], path)
    t.match(complaints[0], line)
  }
  const both = box.run('explain', 'a/x', 'mnt/x')
  t.equal(both.exit, 1)
  t.match(both.stdout, /^mnt\/x: file/, 'the others are explained')
  t.equal(box.run('explain').exit, 2)
})
