/** The ledger of copy-ups: who, why, how much; by several users, and when it is full. */
import t from 'tap'
import { chmodSync, chownSync, mkdirSync, openSync, closeSync, ftruncateSync } from 'node:fs'
import { NEEDS_ROOT, Sandbox } from '../cli/sandbox.js'

interface Entry { path: string, bytes: number, reason: string, uid: number, pid: number, command: string, from: string, to: string }
interface Report { total: { count: number, bytes: number }, byReason: Record<string, { count: number, bytes: number }>, entries: Entry[] }

const report = (box: Sandbox): Report => JSON.parse(box.run('ledger', '--json', 'mnt').stdout) as Report

for (const io of ['cached', 'passthrough']) {
  t.test(`every kind of change, io=${io}`, { skip: NEEDS_ROOT }, async (t) => {
    const box = new Sandbox(t)
    const names = ['write', 'trunc', 'chmod', 'chown', 'touch', 'mv', 'ln', 'attr', 'append']
    box.files(Object.fromEntries(names.map((name) => [`b/${name}`, `text of ${name}`])))
    mkdirSync(box.at('b/dir/sub'), { recursive: true })
    box.mount(t, '-o', `dirs=a:b,io=${io}`, 'mnt')
    const steps: readonly (readonly [string, string, string, string, number])[] = [
      ['printf x | dd of=mnt/write conv=notrunc status=none', 'write', io === 'cached' ? 'write' : 'open', 'dd', 13],
      ['printf more >>mnt/append', 'append', io === 'cached' ? 'write' : 'open', 'sh', 14],
      [': >mnt/trunc', 'trunc', io === 'cached' ? 'truncate' : 'open', 'sh', 0],
      ['chmod 600 mnt/chmod', 'chmod', 'chmod', 'chmod', 13],
      ['chown 1 mnt/chown', 'chown', 'chown', 'chown', 13],
      ['touch mnt/touch', 'touch', io === 'cached' ? 'utimes' : 'open', 'touch', 13],
      ['mv mnt/mv mnt/moved', 'mv', 'rename', 'mv', 10],
      ['ln mnt/ln mnt/linked', 'ln', 'link', 'ln', 10],
      ['setfattr -n user.k -v v mnt/attr', 'attr', 'setxattr', 'setfattr', 12],
      ['mkdir mnt/dir/sub/new', 'dir/sub', 'mkdir', 'mkdir', 0],
      ['touch mnt/dir/file', '', '', '', 0],
    ]
    for (const [script, path, reason, command, bytes] of steps) {
      const before = report(box).total
      t.equal(box.sh(script).exit, 0, script)
      const after = report(box)
      if (path === '') {
        t.same(after.total, before, 'a directory that was copied up is not copied again')
        continue
      }
      const last = after.entries.at(-1)
      t.match(last, { path: `/${path}`, reason, command, bytes, uid: 0, from: box.at('b'), to: box.at('a') }, script)
      t.ok(last !== undefined && last.pid > 0)
      t.equal(after.total.bytes, before.bytes + bytes)
    }
    t.same(report(box).entries.filter((entry) => entry.reason === 'mkdir').map((entry) => entry.path), ['/dir', '/dir/sub'])
    const { count } = report(box).total
    box.sh('cat mnt/*; ls -lR mnt; touch mnt/new; rm mnt/new')
    t.equal(report(box).total.count, count, 'reading and creating copy nothing')
    t.match(box.run('ledger', 'mnt').stdout, new RegExp(`Z +13 chmod +chmod\\[\\d+\\] uid=0 /chmod ${box.at('b')} -> ${box.at('a')}\n`))
    t.match(box.run('ledger', '--by', 'process', 'mnt').stdout, /^ +1 +13 chmod$/m)
    t.match(box.run('ledger', '--by', 'reason', 'mnt').stdout, /^ +2 +0 mkdir$/m)
    t.match(JSON.parse(box.run('ledger', '--by', 'path', '--json', 'mnt').stdout)[0], { key: '/append', bytes: 14, count: 1 })
  })
}

t.test('several users and threads', { skip: NEEDS_ROOT }, async (t) => {
  const box = new Sandbox(t).files({ 'b/one': 'x'.repeat(1000), 'b/two': 'y', 'b/three': '3' })
  for (const name of ['b/one', 'b/two', 'b/three']) chmodSync(box.at(name), 0o666)
  chmodSync(box.path, 0o755)
  chownSync(box.at('a'), 65534, 65534)
  box.mount(t)
  box.asUser('sh', '-c', `echo more >>${box.at('mnt/one')}`)
  box.exec('setpriv', '--reuid', '1', '--clear-groups', 'sh', '-c', `echo more >>${box.at('mnt/two')}`)
  // libuv writes from a thread of its pool; who is named is the process.
  box.exec(process.execPath, '-e', 'process.title = "threads"; require("fs").appendFile("mnt/three", "x", () => {})')
  t.match(report(box).entries, [
    { path: '/one', uid: 65534, bytes: 1000, command: 'sh' }, { path: '/two', uid: 1, bytes: 1 }, { path: '/three', command: 'threads' },
  ])
  t.match(box.run('ledger', '--by', 'user', 'mnt').stdout, /^ +1 +1000 65534\n/)
})

t.test('a big file is one copy-up, holes counted', { skip: NEEDS_ROOT }, async (t) => {
  const box = new Sandbox(t).files({ 'b/big': '' })
  const fd = openSync(box.at('b/big'), 'r+')
  ftruncateSync(fd, 8 * 2 ** 20)
  closeSync(fd)
  box.mount(t)
  box.sh('printf x | dd of=mnt/big conv=notrunc status=none')
  t.match(report(box), { total: { count: 1, bytes: 8 * 2 ** 20 }, entries: [{ command: 'dd', reason: 'write' }] })
})

t.test('what is wrong', async (t) => {
  const box = new Sandbox(t)
  t.same(box.run('ledger', 'a'), { exit: 1, stdout: '', complaints: ["ledger a: EINVAL: no union is mounted there; 'tsaufs list' shows them"] })
  const { exit, complaints } = box.run('ledger', '--by', 'colour', 'a')
  t.equal(exit, 2)
  t.equal(complaints.length, 1)
})
