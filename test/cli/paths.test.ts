/**
 * Paths are bytes: branches and mount points with every awkward name, typed with escapes, shown so that they can be typed
 * again.
 */
import t from 'tap'
import { mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { NEEDS_ROOT, Sandbox } from './sandbox.js'

interface Row {
  readonly name: string
  /** The directory's name, bytes as latin1. */
  readonly dir: string
  /** How it is typed in `dirs=`, in single quotes of a shell; by default as `shown`. */
  readonly typed?: string
  /** How `tsaufs branches` shows it. */
  readonly shown: string
}

const utf8 = (text: string): string => Buffer.from(text).toString('latin1')

const ROWS: readonly Row[] = [
  { name: 'a colon', dir: 'c:d', shown: 'c\\:d' },
  { name: 'a comma', dir: 'c,d', shown: 'c\\,d' },
  { name: 'an equals sign', dir: 'c=rw', shown: 'c\\=rw' },
  { name: 'a plus', dir: 'c+wh', shown: 'c+wh' },
  { name: 'a backslash', dir: 'c\\d', shown: 'c\\\\d' },
  { name: 'a blank', dir: 'c d', shown: 'c d' },
  { name: 'a blank as /proc/mounts has it', dir: 'c d', typed: 'c\\040d', shown: 'c d' },
  { name: 'a newline', dir: 'c\nd', typed: 'c\\x0ad', shown: 'c\\x0ad' },
  { name: 'quotes', dir: 'c"d', shown: 'c"d' },
  { name: 'UTF-8', dir: utf8('grün 🐘'), shown: utf8('grün 🐘') },
  { name: 'no UTF-8', dir: 'c\xff\xfe', shown: 'c\\xff\\xfe' },
  { name: 'no UTF-8, as it is', dir: 'c\xff\xfe', typed: 'c\xff\xfe', shown: 'c\\xff\\xfe' },
  { name: 'all together', dir: 'c:,=\\ \xe9', shown: 'c\\:\\,\\=\\\\ \\xe9' },
]

const bytes = (path: string): Buffer => Buffer.from(path, 'latin1')
/** A word for the shell whose bytes that are not ASCII are made by printf: spawn() could only pass UTF-8. */
const word = (text: string): string =>
  `"$(printf '${text.replace(/[\\%'\x80-\xff\n]/g, (c) => (c === '%' ? '%%' : `\\${c.charCodeAt(0).toString(8).padStart(3, '0')}`))}.')"`

for (const { name, dir, typed, shown } of ROWS) {
  t.test(`a branch and a mount point with ${name}`, { skip: NEEDS_ROOT }, async (t) => {
    const box = new Sandbox(t)
    mkdirSync(bytes(`${box.path}/${dir}`))
    const mountpoint = `mnt/${dir}`
    mkdirSync(bytes(`${box.path}/${mountpoint}`))
    // The dot keeps the shell from cutting a newline off the end; ${x%.} takes it off again.
    const script = `o=${word(`dirs=${typed ?? shown}=rw+nolwh:b`)}; m=${word(mountpoint)}; o=\${o%.}; m=\${m%.}`
    t.same(box.sh(`${script}; $tsaufs mount -o "$o" "$m"`), { exit: 0, stdout: '', complaints: [] })
    const branches = box.sh(`${script}; $tsaufs branches "$m"`)
    t.equal(branches.stdout, `${box.path}/${shown}=rw+nolwh\n${box.path}/b=ro\n`)
    const record = box.records()[0] as string
    t.equal(readFileSync(box.at('run', record, 'br0'), 'latin1'), `${box.path}/${shown}=rw+nolwh\n`)
    t.equal(readFileSync(box.at('run', record, 'mountpoint'), 'latin1'), `${box.path}/${mountpoint}\n`)
    box.sh(`${script}; touch "$m/new"`)
    t.same(readdirSync(bytes(`${box.path}/${dir}`)), ['new'])
    t.same(box.sh(`${script}; $tsaufs umount "$m"`), { exit: 0, stdout: '', complaints: [] })
    t.same(box.remains(), [])
    t.same(box.sh(`o=${word(`dirs=${branches.stdout.trimEnd().replaceAll('\n', ':')}`)}; $tsaufs mount -o "\${o%.}" mnt && $tsaufs umount mnt`),
      { exit: 0, stdout: '', complaints: [] }, 'what is shown can be typed')
  })
}

t.test('an error about such a path is one line with its bytes', async (t) => {
  const box = new Sandbox(t)
  const { complaints, exit } = box.sh(`o=${word('dirs=a:c\xff\nd')}; $tsaufs mount -o "\${o%.}" mnt`)
  t.same(complaints, ['branch @/c\xff\\x0ad: ENOENT: there is no such directory; create it or correct the path'])
  t.equal(exit, 32)
})

t.test('the source is bytes as well', { skip: NEEDS_ROOT }, async (t) => {
  const box = new Sandbox(t)
  t.equal(box.sh(`$tsaufs mount -o dirs=a:b "$(printf 'so\\377,rce')" mnt`).exit, 0)
  t.match(box.mounts()[0], / - fuse\.tsaufs so\xff,rce /)
  t.equal(box.run('umount', 'mnt').exit, 0)
})
