/**
 * Root of a user namespace with subordinate ids, as Podman without root is: several users of the namespace work in a mount
 * made inside; what lies on the branch belongs to the subordinate ids. With a map as Podman gives it, beside fuse-overlayfs.
 */
import t from 'tap'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { OrdinaryUser, unavailable } from '../rootless/ordinary-user.js'
import { owners, sh, UNAVAILABLE } from './bed.js'

const NAMESPACE = ['unshare', '--user', '--map-root-user', '--map-users=auto', '--map-groups=auto', '--mount']
const as = (id: number, script: string): string => `setpriv --reuid ${id} --regid ${id} --clear-groups sh -c '${script}'`
/** `me` and `other` are those who are 1000 and 2000 on the branch: a map may show them as 1001 and 2001. */
const steps = (me: number, other: number): string => `chmod 777 .; cat low; chown ${me}:${other} low
${as(me, 'echo x >mine; mkdir dir; chmod 700 dir; echo deep >dir/deep; ln -s x link')}; ${as(other, 'cat dir/deep; echo y >theirs; rm mine')}
chown ${other} dir; ${as(other, 'cat dir/deep; mv dir/deep dir/moved')}; find . -mindepth 1 -printf '%P %y %U:%G %m\\n' | sort`
const EXPECTED = (me: number, other: number): string[] => [
  'low', 'cat: dir/deep: Permission denied', 'deep',
  `dir d ${other}:${me} 700`, `dir/moved f ${me}:${me} 644`, `link l ${me}:${me} 777`, `low f ${me}:${other} 644`, `theirs f ${other}:${other} 644`,
]

await t.test('several users in a namespace', { skip: unavailable() || UNAVAILABLE, timeout: 120_000 }, async (t) => {
  const user = new OrdinaryUser()
  t.teardown(() => user.end())
  const program = user.tsaufsCommand()
  const tsaufs = program.slice(program.indexOf('--clear-groups') + 1).join(' ')
  const inside = (mount: string, script: string): string[] => {
    const set = `rm -rf R L work mnt; mkdir R L work mnt; echo low >L/low; ${mount} && (cd mnt; ${script}) 2>&1; umount mnt`
    const { out, err } = user.spawnSync([...NAMESPACE, 'sh', '-c', set])
    return [...out.split('\n'), ...err].filter((line) => line !== '' && !line.includes('lazytime'))
  }
  const own = (map: string): string => `${tsaufs} mount -o dirs=R=rw:L=ro,nowarn_perm${map} none mnt`
  const theirs = (map: string): string => `fuse-overlayfs -o lowerdir=L,upperdir=R,workdir=work${map} mnt`
  const first = Number(sh(`grep "^tsaufs-test:" /etc/subuid | cut -d: -f2`, '/')[0])
  const onDisk = (): string[] => {
    const lines = owners(join(user.home, 'R'))
    rmSync(join(user.home, 'R'), { recursive: true })
    return lines
  }
  const stored = EXPECTED(first + 999, first + 1999).slice(3)

  t.same(inside(own(''), steps(1000, 2000)), EXPECTED(1000, 2000))
  t.same(onDisk(), stored, 'subordinate ids')
  const map = ',uidmapping=:0:1:65000,gidmapping=:0:1:65000'
  t.same(inside(own(map), steps(1001, 2001)), EXPECTED(1001, 2001))
  t.same(onDisk(), stored, 'the same ids by a map')
  t.same(inside(theirs(map), steps(1001, 2001)), EXPECTED(1001, 2001), 'fuse-overlayfs')
  t.same(onDisk().filter((line) => !line.includes('.wh.')), stored)
  t.same(await user.remains(), [], 'no process is left')
})
