/** Files that outgrow their branch, on two real disks: a small one on top, a big one below. */
import t, { type Test } from 'tap'
import { createHash } from 'node:crypto'
import {
  closeSync, copyFileSync, existsSync, fstatSync, fsyncSync, linkSync, mkdirSync, openSync, readFileSync, readSync, statSync, unlinkSync,
  writeFileSync, writeSync,
} from 'node:fs'
import { NEEDS_ROOT, Sandbox } from '../cli/sandbox.js'
import { disk } from './disks.js'

const M = 2 ** 20
/** More than the small disk has, in pieces that tell where they belong. */
const PIECES = 20

const piece = (i: number): Buffer => Buffer.alloc(M, `piece ${i} `)
const digest = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')
const WHOLE = digest(Buffer.concat(Array.from({ length: PIECES }, (_, i) => piece(i))))

function stack(t: Test, options = 'moveonenospc', bigM = 64): Sandbox {
  const box = new Sandbox(t)
  disk(t, box, 'small', 10)
  disk(t, box, 'big', bigM)
  box.mount(t, '-o', `dirs=small=rw:big=rw,nowarn_perm,${options}`, 'mnt')
  return box
}

function errorOf(action: () => void): string {
  try {
    action()
    return 'none'
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error)
  }
}

t.test('a growing file goes to the other disk, and its users notice nothing', { skip: NEEDS_ROOT }, async (t) => {
  for (const udba of ['none', 'reval']) {
    const box = stack(t, `moveonenospc,udba=${udba}`)
    mkdirSync(box.at('mnt/d'), { mode: 0o711 })
    const path = box.at('mnt/d/f')
    const writer = openSync(path, 'w', 0o640)
    const reader = openSync(path, 'r')
    const before = fstatSync(writer)
    for (let i = 0; i < PIECES; i++) writeSync(writer, piece(i))
    fsyncSync(writer)
    t.notOk(existsSync(box.at('small/d/f')), 'it is gone from the small disk')
    t.equal(digest(readFileSync(box.at('big/d/f'))), WHOLE, 'it lies on the big one')
    t.equal(statSync(box.at('big/d')).mode & 0o777, 0o711, 'in a directory like the upper one')
    const part = Buffer.alloc(M)
    readSync(reader, part, 0, M, 15 * M)
    t.same(part, piece(15), 'a descriptor from before reads it')
    t.match(fstatSync(reader), { ino: before.ino, mode: before.mode, size: PIECES * M })
    for (const fd of [writer, reader]) closeSync(fd)
    t.equal(digest(readFileSync(path)), WHOLE)
    t.equal(box.run('umount', 'mnt').exit, 0)
    box.mount(t, '-o', 'dirs=small=rw:big=rw,nowarn_perm', 'mnt')
    t.match(statSync(path), { ino: before.ino, size: PIECES * M }, 'the same file after a remount')
    t.equal(box.run('umount', 'mnt').exit, 0)
  }
})

t.test('several files at once', { skip: NEEDS_ROOT }, async (t) => {
  const box = stack(t)
  const script = `for n in 1 2 3 4; do (i=0; while [ $i -lt 5 ]; do head -c 1048576 /dev/zero | tr '\\0' $n; i=$((i+1)); done >mnt/$n || echo failed $n) & done; wait`
  t.same(box.sh(script), { exit: 0, stdout: '', complaints: [] })
  for (const n of ['1', '2', '3', '4']) t.ok(readFileSync(box.at('mnt', n)).equals(Buffer.alloc(5 * M, n)), `file ${n} is whole`)
  t.equal(box.run('umount', 'mnt').exit, 0)
})

t.test('fallocate and copy_file_range', { skip: NEEDS_ROOT }, async (t) => {
  const box = stack(t)
  t.equal(box.exec('fallocate', '-l', '16M', 'mnt/a').exit, 0)
  t.ok(existsSync(box.at('big/a')))
  for (let i = 0; i < 12; i++) writeFileSync(box.at('src'), piece(i), { flag: 'a' })
  copyFileSync(box.at('src'), box.at('mnt/b'))
  t.equal(box.exec('cp', 'mnt/b', 'mnt/c').exit, 0)
  for (const name of ['b', 'c']) t.equal(digest(readFileSync(box.at('mnt', name))), digest(readFileSync(box.at('src'))), name)
  t.equal(box.run('umount', 'mnt').exit, 0)
})

t.test('what stays, and fails: without the option, several names, no name, no room anywhere', { skip: NEEDS_ROOT }, async (t) => {
  const fill = (path: string): string => errorOf(() => {
    for (let i = 0; i < PIECES; i++) writeFileSync(path, piece(i), { flag: 'a' })
  })
  const without = stack(t, 'create=tdp')
  t.equal(fill(without.at('mnt/f')), 'ENOSPC')
  t.equal(without.run('umount', 'mnt').exit, 0)

  const box = stack(t, 'moveonenospc=mfs:0')
  writeFileSync(box.at('mnt/linked'), '')
  linkSync(box.at('mnt/linked'), box.at('mnt/other'))
  t.equal(fill(box.at('mnt/linked')), 'ENOSPC', 'several names')
  t.ok(existsSync(box.at('small/linked')) && !existsSync(box.at('big/linked')))
  unlinkSync(box.at('mnt/other'))
  unlinkSync(box.at('mnt/linked'))
  const nameless = openSync(box.at('mnt/gone'), 'w')
  unlinkSync(box.at('mnt/gone'))
  t.equal(errorOf(() => { for (let i = 0; i < PIECES; i++) writeSync(nameless, piece(i)) }), 'ENOSPC', 'no name')
  closeSync(nameless)
  t.equal(box.run('umount', 'mnt').exit, 0)

  const tight = stack(t, 'moveonenospc', 12)
  t.equal(fill(tight.at('mnt/f')), 'ENOSPC', 'no room')
  t.ok(statSync(tight.at('mnt/f')).size > 8 * M, 'what was written is there')
  t.equal(tight.run('umount', 'mnt').exit, 0)
})

t.test('what would replace a hidden file, or would not be seen, stays', { skip: NEEDS_ROOT }, async (t) => {
  const box = new Sandbox(t)
  disk(t, box, 'small', 10)
  disk(t, box, 'big', 64)
  box.files({ 'small/d/.wh..wh..opq': '', 'big/d/f': 'hidden', 'small/.wh.w': '', 'big/w': 'hidden' })
  box.mount(t, '-o', 'dirs=small=rw:big=rw,nowarn_perm,moveonenospc', 'mnt')
  for (const name of ['d/f', 'w']) {
    const path = box.at('mnt', name)
    t.equal(errorOf(() => { for (let i = 0; i < PIECES; i++) writeFileSync(path, piece(i), { flag: 'a' }) }), 'ENOSPC', name)
    t.equal(readFileSync(path).subarray(0, 7).toString(), 'piece 0')
    unlinkSync(path)
    t.notOk(existsSync(path), `${name} is gone, and nothing shows through`)
  }
  t.equal(box.run('umount', 'mnt').exit, 0)
})
