/** What `list`, `branches` and the state directory say. */
import t from 'tap'
import { mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { NEEDS_ROOT, Sandbox } from './sandbox.js'

t.test('nothing is mounted', async (t) => {
  const box = new Sandbox(t)
  t.same(box.run('list'), { exit: 0, stdout: '', complaints: [] })
  t.same(box.run('list', '--json'), { exit: 0, stdout: '[]\n', complaints: [] })
})

t.test('two mounts', { skip: NEEDS_ROOT }, async (t) => {
  const box = new Sandbox(t)
  mkdirSync(box.at('mnt2'))
  box.mount(t, '-o', 'dirs=a=rw+nolwh:b=rr+wh', 'source', 'mnt')
  t.equal(box.run('mount', '-o', 'ro,nosuid,dirs=b', 'mnt2').exit, 0)
  const [first, second] = box.run('list').stdout.trimEnd().split('\n')
  t.match(first, new RegExp(`^si_[0-9a-f]{16} \\d+ ${box.at('mnt')} ${box.at('a')}=rw\\+nolwh:${box.at('b')}=rr\\+wh$`))
  t.match(second, new RegExp(`^si_[0-9a-f]{16} \\d+ ${box.at('mnt2')} ${box.at('b')}=ro$`))
  t.match(JSON.parse(box.run('list', '--json').stdout), [
    { id: /^si_/, mountpoint: box.at('mnt'), pid: Number, branches: [`${box.at('a')}=rw+nolwh`, `${box.at('b')}=rr+wh`] },
    { mountpoint: box.at('mnt2'), branches: [`${box.at('b')}=ro`] },
  ])
  t.equal(box.run('branches', 'mnt').stdout, `${box.at('a')}=rw+nolwh\n${box.at('b')}=rr+wh\n`)
  t.same(JSON.parse(box.run('branches', '--json', box.at('mnt2')).stdout), [`${box.at('b')}=ro`])
  t.match(box.mounts()[0], / rw,relatime .*- fuse\.tsaufs source rw,.*default_permissions,allow_other/)
  t.match(box.mounts()[1], / ro,nosuid,relatime .*- fuse\.tsaufs none ro,/)

  const dir = box.at('run', (first as string).split(' ')[0] as string)
  t.same(readdirSync(dir).sort(), ['br0', 'br1', 'brid0', 'brid1', 'control.sock', 'dev', 'log', 'mountpoint', 'pid', 'start'])
  t.equal(readFileSync(`${dir}/br1`, 'utf8'), `${box.at('b')}=rr+wh\n`)
  t.same([readFileSync(`${dir}/brid0`, 'utf8'), readFileSync(`${dir}/brid1`, 'utf8')], ['0\n', '1\n'])
  t.equal(readFileSync(`${dir}/mountpoint`, 'utf8'), `${box.at('mnt')}\n`)
  t.equal(statSync(`${dir}/control.sock`).mode & 0o777, 0o600)
  t.equal(statSync(`${dir}/log`).mode & 0o777, 0o600)
  t.equal(readFileSync(`${dir}/log`, 'utf8'), '', 'nothing went wrong')

  t.same(box.run('umount', 'mnt', 'mnt2'), { exit: 0, stdout: '', complaints: [] })
  t.same(box.remains(), [])
})

t.test('what a mount was asked for', { skip: NEEDS_ROOT }, async (t) => {
  const box = new Sandbox(t).files({ 'b/y': '' })
  box.mount(t)
  box.exec('mkdir', 'mnt/d')
  t.match(box.run('stats', 'mnt').stdout, /^ +1 MKDIR$/m)
  t.match(JSON.parse(box.run('stats', '--json', 'mnt').stdout), { MKDIR: 1, RENAME2: 0 })
  t.same(box.run('stats', 'a').complaints, ["stats a: EINVAL: no union is mounted there; 'tsaufs list' shows them"])
  t.equal(box.run('umount', 'mnt').exit, 0)
})

t.test('of several unmounts the good ones are done', { skip: NEEDS_ROOT }, async (t) => {
  const box = new Sandbox(t)
  box.mount(t)
  const { exit, complaints } = box.run('umount', 'a', 'mnt')
  t.equal(exit, 1)
  t.equal(complaints.length, 1)
  t.same(box.remains(), [])
})

t.test('the help names every command and option', async (t) => {
  const box = new Sandbox(t)
  t.match(box.run('--help').stdout, /mount.*umount.*list.*branches.*stats/s)
  const { stdout, exit } = box.run('help', 'mount')
  t.equal(exit, 0)
  for (const option of ['dirs, br=...', 'udba=...', 'nodirren', 'nosuid', 'xino', 'remount', '\\xHH']) t.match(stdout, option)
})
