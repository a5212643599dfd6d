/**
 * xattr_permissions=2 where it is needed: the daemon is an ordinary user's, who can neither give files away nor make devices,
 * and root works in the mount.
 */
import t from 'tap'
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { OrdinaryUser, unavailable } from '../rootless/ordinary-user.js'
import { owners, sh } from './bed.js'

const STEPS = `set -e; cd mnt
echo x >file; chmod 4640 file; chown 3:4 file; chmod 4640 file
mkdir dir; chown 5:6 dir; chmod 700 dir; echo deep >dir/deep; chown 7:7 dir/deep; chmod 400 dir/deep
mknod chr c 1 3; chown 2:5 chr; ln -s x link; chown -h 9:9 link
chown 10:11 low; echo more >>low; chmod 0 low; setfattr -n security.x -v y low; setfattr -n trusted.y -v z low
find . -mindepth 1 -printf '%P %y %U:%G %m\\n' | sort; stat -c %t:%T chr; cat dir/deep; getfattr -d -m - low`

await t.test('what an unprivileged daemon cannot store it keeps in attributes', { skip: unavailable(), timeout: 120_000 }, async (t) => {
  const user = new OrdinaryUser()
  t.teardown(() => user.end())
  const home = user.home
  t.same(user.spawnSync(['sh', '-c', 'mkdir R L mnt; echo low >L/low']), { code: 0, out: '', err: [] })
  const conf = join(user.base, 'fuse.conf')
  writeFileSync(conf, 'user_allow_other\n')
  const quoted = (...words: string[]): string => user.tsaufsCommand(...words).map((word) => `'${word}'`).join(' ')
  const options = `dirs=${home}/R=rw:${home}/L=ro,allow_other,xattr_permissions=2`
  // Others are let in by fuse.conf, which the rest of the machine is not to see.
  const script = `mount --bind ${conf} /etc/fuse.conf
${quoted('mount', '-o', options, 'none', `${home}/mnt`)} || exit 1
(${STEPS}); code=$?; cd /; ${quoted('umount', `${home}/mnt`)}; exit $code`
  const { status, stdout, stderr } = spawnSync('unshare', ['--mount', 'sh', '-c', script], {
    cwd: home, env: user.environment(), encoding: 'latin1', timeout: 60_000,
  })
  t.equal(status, 0, stderr)
  t.equal(stderr, '')
  const own = `${user.uid}:${user.gid}`
  t.same(stdout.split('\n').filter((line) => line !== ''), [
    'chr c 2:5 644', 'dir d 5:6 700', 'dir/deep f 7:7 400', 'file f 3:4 4640', `link l ${own} 777`, 'low f 10:11 0',
    '1:3', 'deep', '# file: low', 'security.x="y"', 'trusted.y="z"',
  ])
  t.same(owners(join(home, 'R')).filter((line) => !line.includes(` ${own} `)), [], 'all of it is the user\'s')
  t.same(sh('cat low; head -c 3 dir/deep', join(home, 'R')), ['low', 'more', 'dee'])
  t.same(await user.remains(), [], 'no process is left')
})
