/**
 * `tsaufs diff` against a full comparison: the merged trees without and with the writable branch, walked by find(1) through
 * two mounts.
 */
import t from 'tap'
import { mkdirSync } from 'node:fs'
import { openFuseToUsers } from '../helpers/fuse-device.js'
import { NEEDS_ROOT, Sandbox } from '../cli/sandbox.js'

interface Entry { readonly kind: string, readonly rest: string }

/** Every path of a tree with what is comparable of it; of files their content too. */
function walk(box: Sandbox, root: string): Map<string, Entry> {
  const { stdout } = box.sh(`cd ${root} && find . -mindepth 1 -printf '%P\\0%y\\0%m %U %G %T@ %l\\0' && find . -type f -exec md5sum -z {} +`)
  const [listed = '', sums = ''] = split(stdout)
  const fields = listed.split('\0')
  const found = new Map<string, Entry>()
  for (let i = 0; i + 2 < fields.length; i += 3) found.set(`/${fields[i]}`, { kind: fields[i + 1]!, rest: fields[i + 2]! })
  for (const line of sums.split('\0')) {
    const path = line.slice(35)
    const entry = found.get(path)
    if (entry !== undefined) found.set(path, { kind: entry.kind, rest: `${entry.rest} ${line.slice(0, 32)}` })
  }
  return found
}

/** What find printed, and what md5sum did. */
function split(text: string): string[] {
  const at = /[0-9a-f]{32} {2}\.\//.exec(text)?.index ?? text.length
  return [text.slice(0, at), text.slice(at)]
}

/** A, C and D by comparing all: of what went only its top, and a directory with something that came or went is changed. */
function compare(before: Map<string, Entry>, after: Map<string, Entry>): string[] {
  const lines = new Set<string>()
  const parent = (path: string): string => path.slice(0, path.lastIndexOf('/'))
  const touch = (path: string): void => {
    const dir = parent(path)
    if (dir !== '' && before.get(dir)?.kind === 'd' && after.get(dir)?.kind === 'd') lines.add(`C ${dir}`)
  }
  for (const path of before.keys()) {
    if (after.has(path)) continue
    const above = parent(path)
    if (above !== '' && after.get(above)?.kind !== 'd') continue
    lines.add(`D ${path}`)
    touch(path)
  }
  for (const [path, entry] of after) {
    const old = before.get(path)
    if (old === undefined) {
      lines.add(`A ${path}`)
      touch(path)
    } else if (old.kind !== entry.kind || old.rest !== entry.rest) {
      lines.add(`C ${path}`)
    }
  }
  return [...lines].sort((x, y) => (x.slice(2) < y.slice(2) ? -1 : 1))
}

/** Lines of `tsaufs diff` that a comparison cannot know: directories copied up for something below them. */
const told = (box: Sandbox, ...words: string[]): string[] => box.run('diff', ...words).stdout.split('\n').filter((line) => line !== '')

const TREE = {
  'b/etc/hosts': 'hosts', 'b/etc/gone': '', 'b/etc/deep/one': '1', 'b/etc/deep/two': '2', 'b/opq/x': 'x', 'b/opq/y': 'y', 'b/opq/sub/z': 'z',
  'b/ren/f': 'f', 'b/ren/g/h': 'h', 'b/kind': 'file', 'b/dirkind/in': '', 'b/swap1/a': 'a', 'b/swap1/same': '1', 'b/swap2/b': 'b', 'b/swap2/same': '2',
  'b/mode/x': '', 'b/own/x': '', 'b/left/alone': '', 'b/back': 'back', 'b/a b\n c': 'odd', 'b/A': '', 'b/A-': '', 'b/A.': '',
}

const CHANGES = `
echo x >>etc/hosts; rm etc/gone; rm -r etc/deep
rm -r opq; mkdir -p opq/sub; echo new >opq/x; echo w >opq/sub/w
mv ren renamed; echo more >>renamed/f
rm kind; mkdir kind; echo >kind/in
rm -r dirkind; echo >dirkind
chmod 700 mode; chown 5 own
python3 -c "
import ctypes,os
libc=ctypes.CDLL(None,use_errno=True)
assert libc.renameat2(-100,b'swap1',-100,b'swap2',2)==0, os.strerror(ctypes.get_errno())"
rm back; echo back >back
mkdir -p new/tree; ln -s target new/link; mkfifo new/pipe; ln 'a b
 c' linked; rm A
`

for (const options of ['udba=none', 'udba=reval,io=passthrough']) {
  t.test(`every kind of change, ${options}`, { skip: NEEDS_ROOT }, async (t) => {
    const box = new Sandbox(t).files(TREE)
    mkdirSync(box.at('old'))
    box.run('mount', '-o', 'ro,dirs=b=ro', 'old')
    box.mount(t, '-o', `dirs=a=rw:b=ro,${options}`, 'mnt')
    t.same(told(box, 'mnt'), [], 'nothing yet')
    t.match(box.sh(`set -e; cd mnt; ${CHANGES}`), { exit: 0, complaints: [] })
    const expected = compare(walk(box, 'old'), walk(box, 'mnt'))
    // A copied up file counts, changed or not; so does one that was linked.
    const lines = told(box, 'mnt').map((line) => line.replaceAll('\\x0a', '\n').split('\n').join('\\n'))
    const wanted = expected.map((line) => line.split('\n').join('\\n'))
    t.same(lines, [...new Set([...wanted, 'C /back', 'C /a b\\n c'])].sort((x, y) => (x.slice(2) < y.slice(2) ? -1 : 1)))
    t.equal(expected.filter((line) => line.startsWith('D')).length, 8, 'the comparison saw what went')
    t.same((JSON.parse(box.run('diff', '--json', 'mnt').stdout) as { change: string, path: string }[]).map(({ change, path }) => `${change} ${path}`.split('\n').join('\\n')), lines)
    t.equal(box.run('umount', 'mnt').exit, 0)
    t.same(told(box, '-o', 'dirs=a=rw:b=ro').map((line) => line.replaceAll('\\x0a', '\\n')), lines, 'offline')
  })
}

t.test('a copied-up directory that is as it was is not told of; one with a new time is', { skip: NEEDS_ROOT }, async (t) => {
  const box = new Sandbox(t).files({ 'b/d/e/f': 'text' })
  box.mount(t)
  box.sh('echo x >>mnt/d/e/f')
  t.same(told(box, 'mnt'), ['C /d/e/f'])
  box.sh('touch -d @1 mnt/d/e')
  t.same(told(box, 'mnt'), ['C /d/e', 'C /d/e/f'])
  box.sh('echo new >mnt/d/e/new')
  t.same(told(box, 'mnt'), ['C /d/e', 'C /d/e/f', 'A /d/e/new'])
})

t.test('several writable branches, and whiteouts of layers', { skip: NEEDS_ROOT }, async (t) => {
  const box = new Sandbox(t).files({ 'b/two': '2', 'b/.wh.low': '', 'c/low': '', 'c/three': '3', 'd/.wh.old': '', 'e/old': '', 'e/kept': '' })
  t.same(told(box, '-o', 'dirs=a=rw:b=rw:c=ro'), ['D /low', 'A /two'])
  t.same(told(box, '-o', 'dirs=a=rw:d=ro+wh:e=ro'), [])
  t.same(told(box, '-o', 'dirs=a=rw:b=rw'), ['A /two'])
  t.same(told(box, '-o', 'ro,dirs=c=ro'), [])
})

t.test('a user without rights', { skip: NEEDS_ROOT }, async (t) => {
  t.teardown(openFuseToUsers())
  const box = new Sandbox(t).files({ 'b/d/x': 'x' })
  for (const name of ['.', 'a', 'b', 'mnt', 'run']) {
    mkdirSync(box.at(name), { recursive: true })
    box.exec('chown', '-R', '65534:65534', name)
  }
  const { exit, complaints } = box.user(t, 'mount', '-o', 'dirs=a=rw:b=ro', 'mnt')
  t.equal(exit, 0, complaints.join())
  box.asUser('sh', '-c', 'mv mnt/d mnt/renamed; echo y >mnt/y')
  t.equal(box.user(t, 'diff', 'mnt').stdout, 'D /d\nA /renamed\nA /renamed/x\nA /y\n')
  t.match(box.user(t, 'explain', 'mnt/renamed').stdout, /redirect .*a\/renamed goes on below at \/d/)
  t.match(box.asUser('getfattr', '--only-values', '-n', 'user.tsaufs.branch', 'mnt/y'), { stdout: box.at('a'), complaints: [] })
})

t.test('what is wrong', { skip: NEEDS_ROOT }, async (t) => {
  const box = new Sandbox(t)
  t.match(box.run('diff'), { exit: 2, complaints: [/^diff: EINVAL: give a mount point or a container, or -o with the branches$/] })
  t.match(box.run('diff', '-o', 'dirs=a:b', 'mnt'), { exit: 2 })
  t.match(box.run('diff', 'mnt'), { exit: 1, complaints: ["diff mnt: EINVAL: no union is mounted there; 'tsaufs list' shows them"] })
  t.match(box.run('diff', '-o', 'dirs=a=rw:none=ro'), { exit: 1, complaints: [/^diff of @\/none: ENOENT: /] })
  t.match(box.run('diff', '-o', 'dirs=a=rx'), { stdout: '' })
})
