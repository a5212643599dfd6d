/** uidmapping=, gidmapping= and squash_to_*: the same as fuse-overlayfs wherever that says something sensible. */
import t from 'tap'
import { chownSync, writeFileSync } from 'node:fs'
import { bedFor, compare, owners, sh, UNAVAILABLE, type Comparison } from './bed.js'

const IDS = [0, 1, 5, 999, 1000, 1004, 2000, 65534, 100_000]
const LOWER = `mkdir d; ${IDS.map((id) => `echo ${id} >f${id}; chown ${id}:${id} f${id}; ln -s f${id} s${id}; chown -h ${id}:${id} s${id}; mkdir d/${id}; chown ${id}:${id} d/${id}; `).join('')}`
/** Owners that every map of these tests has, given; then objects made by them, and copies. */
const STEPS = `
for id in 1 3 7; do echo x >new$id && chown $id:$id new$id; chown $id f$id 2>&1; done
mkdir made; chown 3:7 made; ln -s x link; chown -h 3:7 link; mkfifo pipe; chown :7 pipe
mkdir open; chmod 777 open
setpriv --reuid 3 --regid 7 --clear-groups sh -c 'echo x >open/file; mkdir open/dir; ln -s x open/link; mkfifo open/pipe; ln open/file open/again'
echo more >>f5; chmod 600 f1000; touch d/5/x
setpriv --reuid 4000 --regid 4000 --clear-groups sh -c 'echo x >open/nobody'
`
const MAPS = [
  'uidmapping=0:1:1000,gidmapping=0:1:1000',
  'uidmapping=:0:1:1000,gidmapping=:0:1:1000',
  'uidmapping=0:1:1004:1004:0:1:1005:1005:64532,gidmapping=0:1:1004:1004:0:1:1005:1005:64532',
  'uidmapping=1000:0:10:0:10:5:100000:1000:100000,gidmapping=1000:0:10',
  'uidmapping=5:1:1:100000:3:1:2000:7:1',
  'gidmapping=0:1:1000',
  'squash_to_root', 'squash_to_uid=5', 'squash_to_gid=7,squash_to_uid=6', 'squash_to_root,squash_to_gid=12',
  'squash_to_uid=5,squash_to_root', 'squash_to_uid=9,uidmapping=0:1:1000',
]

await t.test('as fuse-overlayfs', { skip: UNAVAILABLE, timeout: 240_000 }, async (t) => {
  const comparisons = MAPS.map((options): Comparison => ({ name: options, options, lower: LOWER, steps: STEPS }))
  const results = await compare(t, comparisons)
  const first = results.get(MAPS[0]!)
  t.match(first?.shown.join('\n'), /^f1000 f 65534:/m, '1000 is not on the map')
  t.match(first?.stored.join('\n'), /^new7 f 6:6/m, 'the 7 that was set is stored as 6')
})

await t.test('a set-group-id directory, which fuse-overlayfs does not heed', { skip: UNAVAILABLE }, async (t) => {
  const bed = bedFor(t)
  await bed.tsaufs('uidmapping=0:1:1000,gidmapping=0:1:1000')
  t.same(sh(`mkdir group; chown 1:7 group; chmod 2777 group
setpriv --reuid 3 --regid 3 --clear-groups sh -c 'echo x >group/file; mkdir group/dir; chmod 2755 group/file'`, bed.at('mnt')), [])
  t.same(owners(bed.at('mnt')), ['group d 1:7 2777', 'group/dir d 3:7 2755', 'group/file f 3:7 755'])
  t.same(await bed.unmount(), [])
  t.same(owners(bed.at('R')), ['group d 0:6 2777', 'group/dir d 2:6 2755', 'group/file f 2:6 755'])
})

await t.test('an id that the map does not have', { skip: UNAVAILABLE }, async (t) => {
  const bed = bedFor(t)
  writeFileSync(bed.at('L/low'), 'x')
  chownSync(bed.at('L/low'), 2000, 2000)
  await bed.tsaufs('uidmapping=0:1:1000,gidmapping=0:1:1000')
  for (const owner of ['0', '1001', '65534', ':0', '5:0', '0:5']) {
    t.match(sh(`chown ${owner} low`, bed.at('mnt')), [/Invalid argument/], `chown ${owner}`)
  }
  t.same(owners(bed.at('R')), [], 'nothing was copied up for it')
  t.same(owners(bed.at('mnt')), ['low f 65534:65534 644'])
  t.same(sh('echo more >>low; cat low', bed.at('mnt')), ['xmore'])
  t.same(owners(bed.at('R')), ['low f 2000:2000 644'], 'a copy keeps the owner that cannot be shown')
  t.same(await bed.unmount(), [])
})

/** A `security.capability` of version 3: CAP_NET_BIND_SERVICE for the user namespace with this root. Source: capabilities(7). */
function capabilityOf(root: number): string {
  const value = Buffer.alloc(24)
  value.writeUInt32LE(0x03000001, 0)
  value.writeUInt32LE(1 << 10, 4)
  value.writeUInt32LE(root, 20)
  return `0x${value.toString('hex')}`
}

await t.test('ids in attributes', { skip: UNAVAILABLE }, async (t) => {
  const bed = bedFor(t)
  t.same(sh(`
echo x >low; setfacl -m u:5:rw,g:6:r,u:2000:r low; mkdir dir; setfacl -d -m u:5:rwx dir
echo x >cap; setfattr -n security.capability -v ${capabilityOf(50)} cap
echo x >nocap; setfattr -n security.capability -v ${capabilityOf(5000)} nocap`, bed.at('L')), [])
  await bed.tsaufs('uidmapping=0:1:1000,gidmapping=0:10:1000')
  const acl = (path: string): string[] => sh(`getfacl -cn ${path} | grep '[ug][a-z]*:[0-9]'`, bed.at('mnt'))
  t.same(acl('low'), ['user:6:rw-', 'user:65534:r--', 'group:16:r--'])
  t.same(sh(`echo x >new; setfacl -m u:6:rw,g:16:r new`, bed.at('mnt')), [])
  t.same(acl('new'), ['user:6:rw-', 'group:16:r--'])
  t.same(sh('getfacl -cn new | grep [0-9]', bed.at('R')), ['user:5:rw-', 'group:6:r--'])
  t.match(sh('setfacl -m u:0:rw new', bed.at('mnt')), [/Invalid argument/])
  t.same(sh('echo x >dir/new', bed.at('mnt')), [])
  t.same(acl('dir/new'), ['user:6:rwx\t#effective:rw-'], 'inherited')
  t.same(sh('getfacl -cn dir/new | grep [0-9]', bed.at('R')), ['user:5:rwx\t#effective:rw-'])

  const capability = (path: string): string[] => sh(`getfattr --only-values -n security.capability ${path} | od -An -tx1 -v | tr -d ' \\n'`, bed.at('mnt'))
  t.same(capability('cap'), [capabilityOf(51).slice(2)])
  t.match(capability('nocap'), [/Value too large/])
  t.same(sh(`chmod 700 cap nocap; setfattr -n security.capability -v ${capabilityOf(21)} new`, bed.at('mnt')), [])
  const stored = (path: string): string[] => sh(`getfattr --only-values -n security.capability ${path} | od -An -tx1 -v | tr -d ' \\n'`, bed.at('R'))
  t.same([stored('cap'), stored('nocap'), stored('new')], [50, 5000, 20].map((id) => [capabilityOf(id).slice(2)]), 'copied as they were, set mapped back')
  t.match(sh(`setfattr -n security.capability -v ${capabilityOf(5000)} new`, bed.at('mnt')), [/Invalid argument/])
  t.same(await bed.unmount(), [])
})

await t.test('directories served without JavaScript, lists with attributes, io=passthrough', { skip: UNAVAILABLE }, async (t) => {
  for (const mode of ['udba=none,io=cached', 'udba=none,io=passthrough', 'udba=reval,io=passthrough']) {
    const bed = bedFor(t)
    t.same(sh('mkdir d; chown 4:5 d; for i in 1 2 3; do echo x >d/$i; chown $i:$i d/$i; done', bed.at('L')), [])
    await bed.tsaufs(`uidmapping=0:1:1000,gidmapping=0:1:1000,${mode}`)
    const script = 'stat -c %u:%g d; touch d/new; stat -c %u:%g d; rm d/new; stat -c %u:%g d; ls -ln d | awk \'NF>2 { print $3 ":" $4 }\''
    t.same(sh(script, bed.at('mnt')), ['5:6', '5:6', '5:6', '2:2', '3:3', '4:4'], mode)
    t.same(await bed.unmount(), [])
  }
})
