/** Parts of a container as tar streams, both ways; hostile streams; `export`. */
import t from 'tap'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pack } from 'tar-stream'
import { PROGRAM } from '../cli/sandbox.js'
import { CANNOT_RUN, LifeBed } from './life-bed.js'

const skip = CANNOT_RUN
const MAKE = `mkdir -p /w/d; echo text > /w/d/f; ln /w/d/f /w/hard; ln -s d/f /w/sym; mkfifo /w/p; mknod /w/null c 1 3; head -c 200000 /dev/zero > /w/big
  touch /w/empty /w/$(printf '\\303\\274'); chown 7:300000 /w/d/f; chmod 4711 /w/d/f; sleep 1000`

/** A command with bytes to read and to write. */
function stream(bed: LifeBed, words: readonly string[], input: Uint8Array = new Uint8Array()): { exit: number | null, out: Buffer, err: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [PROGRAM, ...words], { cwd: bed.path, env: bed.env, input, timeout: 60_000, maxBuffer: 64 << 20 })
  return { exit: status, out: stdout, err: stderr.toString('latin1') }
}

const list = (tar: Buffer, ...words: readonly string[]): string[] => (
  spawnSync('tar', [...words, '-t'], { input: tar, encoding: 'utf8', env: { ...process.env, LC_ALL: 'C.UTF-8' } }).stdout.trim().split('\n').sort())

async function tarOf(...entries: readonly (readonly [header: Parameters<ReturnType<typeof pack>['entry']>[0], text?: string])[]): Promise<Buffer> {
  const tar = pack()
  for (const [header, text = ''] of entries) tar.entry(header, text)
  tar.finalize()
  const parts: Buffer[] = []
  for await (const part of tar) parts.push(part as Buffer)
  return Buffer.concat(parts)
}

t.test('out of a container and into another, running or not', { skip }, t => {
  const bed = new LifeBed(t)
  bed.detached(t, MAKE, '--name', 'from')
  bed.detached(t, 'sleep 1000', '--name', 'into', '--uidmap', '0:100000:400000', '--tmpfs', '/t')
  while (bed.run(['exec', 'from', 'test', '-u', '/w/d/f']).exit !== 0) continue
  const { out: tar, err } = stream(bed, ['cp', 'from:/w', '-'])
  t.equal(err, '')
  t.same(list(tar), ['w/', 'w/big', 'w/d/', 'w/d/f', 'w/empty', 'w/hard', 'w/null', 'w/p', 'w/sym', 'w/ü'])
  t.equal(list(tar, '-v').filter((line) => /^h/.test(line)).length, 1, 'the second name of a file is a link')
  t.equal(list(stream(bed, ['cp', 'from:/w/.', '-']).out)[0], './')
  t.match(list(stream(bed, ['cp', 'from:/w/sym', '-']).out, '-v')[0], /^l.* sym -> d\/f$/)
  t.match(list(stream(bed, ['cp', '-L', 'from:/w/sym', '-']).out, '-v')[0], /^-rws--x--x 7\/300000 .* sym$/)
  for (const [options, owner] of [[['-a'], '7:300000 4711'], [[], '0:0 711']] as const) {
    for (const dir of ['/data', '/t']) t.equal(stream(bed, ['cp', ...options, '-', `into:${dir}`], tar).err, '', dir)
    t.equal(bed.run(['exec', 'into', 'sh', '-c', 'for d in /data /t; do stat -c "%u:%g %a" $d/w/d/f; cmp -s $d/w/hard $d/w/d/f && echo same; done']).out,
      `${owner}\nsame\n${owner}\nsame\n`)
    t.equal(bed.run(['exec', 'into', 'stat', '-c', '%F %t,%T %h', '/data/w/null', '/data/w/hard', '/t/w/hard']).out,
      'character special file 1,3 1\nregular file 0,0 2\nregular file 0,0 1\n')
  }
  const before = list(stream(bed, ['export', 'from']).out)
  bed.run(['stop', '-t', '0', 'from', 'into'])
  t.same(list(stream(bed, ['export', 'from']).out), before, 'export, running or not')
  t.ok(before.includes('w/d/f') && before.includes('bin/busybox') && !before.some((name) => name.startsWith('proc/1')))
  t.equal(bed.run(['export', '-o', 'all.tar', 'into']).exit, 0)
  t.match(spawnSync('tar', ['-tvf', join(bed.path, 'all.tar'), 'data/w/hard'], { encoding: 'utf8' }).stdout, /^-rwx--x--x 0\/0 /)
  t.equal(stream(bed, ['cp', '-', 'into:/tmp'], tar).exit, 0)
  t.same(list(stream(bed, ['cp', 'into:/tmp/w/d', '-']).out), ['d/', 'd/f'])
  bed.run(['rm', 'from', 'into'])
  t.same(bed.remains(), [])
  t.end()
})

t.test('streams that lie', { skip }, async t => {
  const bed = new LifeBed(t)
  mkdirSync(join(bed.path, 'outside'))
  symlinkSync(join(bed.path, 'outside'), join(bed.layer, 'out'))
  bed.detached(t, 'sleep 1000', '--name', 'cc')
  const bad: readonly (readonly [what: string, tar: Buffer, said: RegExp])[] = [
    ['upwards', await tarOf([{ name: '../../evil' }, 'x']), /EPERM/],
    ['through a link of the stream', await tarOf([{ name: 'l', type: 'symlink', linkname: join(bed.path, 'outside') }], [{ name: 'l/evil' }, 'x']), /ENOENT/],
    ['through a link of the root', await tarOf([{ name: '../out/evil' }, 'x']), /EPERM/],
    ['a link to a file outside', await tarOf([{ name: 'h', type: 'link', linkname: '../../../../etc/shadow-of-nobody' }]), /ENOENT/],
    ['a file over a directory', await tarOf([{ name: 'd/f' }, 'x'], [{ name: 'd' }, 'x']), /EISDIR/],
    ['a directory over a file', await tarOf([{ name: 'f' }, 'x'], [{ name: 'f', type: 'directory' }]), /ENOTDIR/],
    ['an owner that is none', await tarOf([{ name: 'u', pax: { uid: '-7' } } as never, 'x']), /EINVAL/],
    ['no tar', Buffer.alloc(1024, 'x'), /EINVAL: this is no tar stream/],
    ['half a tar', (await tarOf([{ name: 'half' }, 'x'.repeat(5000)])).subarray(0, 2000), /EINVAL: this is no tar stream/],
  ]
  for (const [what, tar, said] of bad) {
    const { exit, err } = stream(bed, ['cp', '-', 'cc:/tmp'], tar)
    t.same([exit, err.split('\n').length], [1, 2], what)
    t.match(err, said, what)
  }
  t.equal(stream(bed, ['cp', '-', 'cc:/out'], await tarOf([{ name: 'f' }, 'x'])).exit, 1, 'a link out is no directory inside')
  t.notOk(existsSync(join(bed.path, 'outside/evil')) || existsSync(join(bed.path, 'outside/f')))
  for (const [words, code] of [[['cp', '-', 'cc:/nowhere'], 'ENOENT'], [['cp', '-', 'cc:/etc/passwd'], 'ENOTDIR'], [['cp', 'cc:/nowhere', '-'], 'ENOENT'], [['cp', '-', '-'], 'EINVAL']] as const) {
    t.match(stream(bed, words).err, code, words.join(' '))
  }
  writeFileSync(join(bed.path, 'x'), 'x')
  t.match(bed.run(['export', '-o', 'x/y', 'cc']), { exit: 1, err: /ENOTDIR/ })
  bed.run(['rm', '-f', 'cc'])
  t.same(bed.remains(), [])
  t.end()
})
