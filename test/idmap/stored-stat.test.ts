/** xattr_permissions=: owners, modes and devices in attributes, by us and by fuse-overlayfs, and each on what the other wrote. */
import t from 'tap'
import { bedFor, owners, sh, UNAVAILABLE, type Bed } from './bed.js'

/**
 * What both can keep. fuse-overlayfs 1.10 forgets the owner at a chmod and gives new objects mode 755: so first the mode,
 * then the owner.
 */
const BOTH = `
for f in file suid locked; do echo $f >$f; done; mkdir dir dir/sub; ln -s file link
chmod 640 file; chown 3:4 file; chmod 4755 suid; chown 0:0 suid; chmod 4755 suid; chmod 0 locked; chown 5:5 locked
chmod 2770 dir; chown 6:7 dir; chmod 1777 dir/sub; chown 8:9 dir/sub
chmod 600 low; chown 10:11 low; chown 12:13 lowdir
mv file moved; ln moved linked; rm -f gone`
const LOWER = 'echo low >low; mkdir lowdir; echo in >lowdir/in; echo gone >gone'

/** What is shown, but for the mount's root. */
const shown = (bed: Bed): string[] => owners(bed.at('mnt'))

async function written(bed: Bed, by: 'tsaufs' | 'fuseOverlayfs', options: string, steps: string): Promise<string[]> {
  await bed[by](options)
  const problems = sh(steps, bed.at('mnt'))
  if (problems.length > 0) throw new Error(problems.join('; '))
  const result = shown(bed)
  const left = await bed.unmount()
  if (left.length > 0) throw new Error(left.join('; '))
  return result
}

async function looked(bed: Bed, by: 'tsaufs' | 'fuseOverlayfs', options: string): Promise<string[]> {
  await bed[by](options)
  const result = shown(bed)
  await bed.unmount()
  return result
}

const EXPECTED = [
  'dir d 6:7 2770', 'dir/sub d 8:9 1777', 'link l 0:0 777', 'linked f 3:4 640', 'locked f 5:5 0', 'low f 10:11 600',
  'lowdir d 12:13 755', 'lowdir/in f 0:0 644', 'moved f 3:4 640', 'suid f 0:0 4755',
]

/** With mode 1 fuse-overlayfs 1.10 fails to make symbolic links, after it has made them (ENOMEM). */
function canBoth(mode: string): { readonly steps: string, readonly expected: readonly string[] } {
  if (mode === '2') return { steps: BOTH, expected: EXPECTED }
  return { steps: BOTH.replace('ln -s file link', ':'), expected: EXPECTED.filter((line) => !line.startsWith('link ')) }
}

for (const mode of ['1', '2']) {
  const options = `xattr_permissions=${mode}`
  await t.test(`mode ${mode}: what each wrote is the same for the other`, { skip: UNAVAILABLE }, async (t) => {
    for (const [by, reader] of [['tsaufs', 'fuseOverlayfs'], ['fuseOverlayfs', 'tsaufs']] as const) {
      const bed = bedFor(t)
      t.same(sh(LOWER, bed.at('L')), [])
      const { steps, expected } = canBoth(mode)
      t.same(await written(bed, by, options, steps), expected, `${by} shows`)
      const stored = owners(bed.at('R')).filter((line) => /^(moved|dir|low) /.test(line))
      t.same(stored, ['dir d 0:0 755', 'low f 0:0 755', 'moved f 0:0 755'], 'what lies there is the daemon\'s')
      // With xattr_permissions=2 it looks for the attribute it writes itself, on every object; else for what the root has.
      const how = reader === 'fuseOverlayfs' && mode === '2' ? '' : options
      t.same(await looked(bed, reader, how), expected, `${reader} shows what ${by} wrote`)
      t.same(await looked(bed, by, options), expected, `${by} shows it again`)
    }
  })

  await t.test(`mode ${mode}: we go on with what fuse-overlayfs began, and it sees that`, { skip: UNAVAILABLE }, async (t) => {
    const bed = bedFor(t)
    t.same(sh(LOWER, bed.at('L')), [])
    await written(bed, 'fuseOverlayfs', options, canBoth(mode).steps)
    await bed.tsaufs(options)
    t.same(sh('echo more >>moved; chmod 4711 moved; chown 20:21 dir; echo x >new; chmod 604 new; chown 1:2 new; mkdir d; chown 3:3 d', bed.at('mnt')), [])
    const now = shown(bed)
    t.same(now.filter((line) => /^(moved|linked|dir|new|d) /.test(line)), ['d d 3:3 755', 'dir d 20:21 2770', 'linked f 3:4 4711', 'moved f 3:4 4711', 'new f 1:2 604'])
    t.same(await bed.unmount(), [])
    t.same(await looked(bed, 'fuseOverlayfs', options), now)
  })
}

const DEVICES = `
mknod chr c 1 3; chmod 620 chr; chown 2:5 chr; mknod blk b 259 70000; mkfifo pipe; chown 7:7 pipe; chmod 622 pipe
python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("sock")'; chown 9:9 sock
cp -a chr copy; ln chr again; mv blk dir/blk`

await t.test('devices, fifos and sockets are kept too', { skip: UNAVAILABLE }, async (t) => {
  for (const more of ['udba=none', 'udba=reval']) {
    const bed = bedFor(t)
    await bed.tsaufs(`xattr_permissions=2,${more}`)
    t.same(sh(`umask 022; mkdir dir; ${DEVICES}`, bed.at('mnt')), [])
    const expected = [
      'again c 2:5 620', 'chr c 2:5 620', 'copy c 2:5 620', 'dir d 0:0 755', 'dir/blk b 0:0 644', 'pipe p 7:7 622', 'sock s 9:9 755',
    ]
    const looks = `stat -c '%t:%T' chr dir/blk; timeout 5 sh -c 'cat pipe & echo through >pipe; wait'`
    t.same([shown(bed), sh(looks, bed.at('mnt'))], [expected, ['1:3', '103:11170', 'through']], more)
    t.same(await bed.unmount(), [])
    t.same(owners(bed.at('R')).filter((line) => !/ f 0:0 755$/.test(line)), ['dir d 0:0 755'], 'empty regular files')
    await bed.tsaufs(`xattr_permissions=2,${more}`)
    t.same([shown(bed), sh(looks, bed.at('mnt'))], [expected, ['1:3', '103:11170', 'through']], 'after a remount')
    t.same(sh('rm -r *; ls', bed.at('mnt')), [])
    t.same(await bed.unmount(), [])
  }
})

await t.test('what takes privilege away takes it away', { skip: UNAVAILABLE }, async (t) => {
  const bed = bedFor(t)
  await bed.tsaufs('xattr_permissions=2')
  const capability = '0x0100000200040000000000000000000000000000'
  t.same(sh(`
for f in written truncated chowned kept; do echo x >$f; chmod 6777 $f; setfattr -n security.capability -v ${capability} $f; done
setpriv --reuid 1000 --regid 1000 --clear-groups sh -c 'echo more >>written; : >truncated'
chown 1:1 chowned; chmod 4755 kept
getfattr -m security.capability written truncated chowned kept | grep '# file'; stat -c '%n %a' written truncated chowned kept
mkdir group; chown 0:7 group; chmod 2777 group; mkdir group/d; echo x >group/f; stat -c '%g %a' group/d group/f
`, bed.at('mnt')), ['# file: kept', 'written 777', 'truncated 777', 'chowned 777', 'kept 4755', '7 2755', '7 644'].map((line) => line))
  t.same(await bed.unmount(), [])
})

await t.test('attributes that need privilege', { skip: UNAVAILABLE }, async (t) => {
  const bed = bedFor(t)
  t.same(sh('echo low >low; setfattr -n trusted.low -v 1 low; setfattr -n user.low -v 2 low', bed.at('L')), [])
  await bed.tsaufs('xattr_permissions=2')
  t.same(sh(`
echo x >new; setfattr -n trusted.a -v b new; setfattr -n security.c -v d new; setfattr -n user.e -v f new
chmod 600 low; getfattr -d -m - new low; setfattr -x trusted.a new; getfattr -m - new
setfattr -n user.containers.override_stat -v 0:0:0777 new; setfacl -m u:1:r new`, bed.at('mnt')), [
    '# file: new', 'security.c="d"', 'trusted.a="b"', 'user.e="f"', '# file: low', 'trusted.low="1"', 'user.low="2"',
    '# file: new', 'security.c', 'user.e',
    'setfattr: new: Operation not permitted', 'setfacl: new: Operation not supported',
  ])
  t.same(await bed.unmount(), [])
  const raw = sh('getfattr -d -m - new low | grep -v tsaufs', bed.at('R'))
  t.same(raw, [
    '# file: new', 'user.containers.override_security.c="d"', 'user.containers.override_stat="0:0:0644:file"', 'user.e="f"',
    '# file: low', 'user.containers.override_stat="0:0:0600:file"', 'user.containers.override_trusted.low="1"', 'user.low="2"',
  ])
})

await t.test('layers of containers/storage; and what makes no sense is passed over', { skip: UNAVAILABLE }, async (t) => {
  const bed = bedFor(t)
  const set = (file: string, value: string): string => `echo x >${file}; setfattr -n user.containers.override_stat -v ${value} ${file};`
  t.same(sh(`setfattr -n user.containers.override_stat -v 0:0:0755:dir .
${set('file', '1:2:0640:file')} ${set('old', '1:2:100640')} ${set('chr', '1:2:0600:char-1-3')} ${set('chr2', '1:2:0600:char1:3')}
${set('pipe', '3:3:0622:pipe')} ${set('link', '3:3:0777:symlink')}
for v in '' 1 1:2 1:2: :::: a:b:c 1:2:9 -1:2:644 99999999999:1:644 1:2:644:; do echo x >"bad$v"; setfattr -n user.containers.override_stat -v "$v" "bad$v"; done`, bed.at('L')), [])
  await bed.tsaufs('xattr_permissions=2')
  const result = shown(bed)
  t.same(result.filter((line) => !line.startsWith('bad')), [
    'chr c 1:2 600', 'chr2 c 1:2 600', 'file f 1:2 640', 'link f 3:3 777', 'old f 1:2 640', 'pipe p 3:3 622',
  ])
  t.same(result.filter((line) => line.startsWith('bad') && !line.endsWith(' f 0:0 644')), ['bad1:2:644: f 1:2 644'])
  t.same(await bed.unmount(), [])
  t.same(await looked(bed, 'tsaufs', ''), result.map((line) => `${line.split(' ')[0]} f 0:0 644`), 'without the option nobody believes them')
})
