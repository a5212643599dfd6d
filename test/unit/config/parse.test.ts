import t from 'tap'
import type { MountConfig } from '../../../lib/config/config.js'
import { formatBranch } from '../../../lib/config/branches.js'
import { OPTION_ROWS, OPTIONS_BY_NAME } from '../../../lib/config/options.js'
import { parseMount } from '../../../lib/config/parse.js'

const parse = (options: string, more: { sloppy?: boolean } = {}) =>
  parseMount({ options, source: 'none', mountpoint: 'mnt', cwd: '/cwd', ...more }, () => false)

t.test('the defaults', async (t) => {
  const { config, warnings } = parse('dirs=/a:/b')
  t.same(warnings, [])
  t.same(config.branches.map(formatBranch), ['/a=rw', '/b=ro'])
  t.match(config, {
    source: 'none', mountpoint: '/cwd/mnt', readOnly: false, io: 'auto', udba: 'reval', idle: 'auto', diropq: 'whiteouted', shwh: false,
    dirren: true, plink: true, sum: false, acl: true, dirperm1: true, allowOther: false, warnPerm: true, uring: false,
  })
  t.equal(config.flags.size, 0)
})

/** Options after `dirs=/a:/b`, and what they change. */
const EFFECTS: readonly (readonly [options: string, effect: Partial<MountConfig>])[] = [
  ['io=cached', { io: 'cached' }], ['io=passthrough', { io: 'passthrough' }], ['io=auto', { io: 'auto' }],
  ['udba=none', { udba: 'none' }], ['udba=none,udba=reval', { udba: 'reval' }],
  ['diropq=a', { diropq: 'always' }], ['diropq=always', { diropq: 'always' }], ['diropq=a,diropq=w', { diropq: 'whiteouted' }],
  ['nodirren', { dirren: false }], ['nodirren,dirren', { dirren: true }], ['noplink', { plink: false }],
  ['sum', { sum: true }], ['sum,nosum', { sum: false }], ['noacl', { acl: false }], ['nodirperm1', { dirperm1: false }],
  ['nowarn_perm', { warnPerm: false }], ['allow_other', { allowOther: true }],
  ['ro', { readOnly: true }], ['ro,rw', { readOnly: false }], ['rw,ro,shwh', { readOnly: true, shwh: true }],
  ['nosuid,nodev', { flags: new Set(['nosuid', 'nodev']) }], ['nosuid,suid', { flags: new Set() }],
  ['user', { flags: new Set(['nosuid', 'nodev', 'noexec']) }], ['users,exec', { flags: new Set(['nosuid', 'nodev']) }],
  ['noatime,relatime', { flags: new Set(['relatime']) }], ['sync,dirsync,async', { flags: new Set(['dirsync']) }],
  ['droplvl=1', { udba: 'none', dirren: false, plink: true, flags: new Set(['noatime']) }],
  ['droplvl=3', { udba: 'none', plink: false }], ['droplvl=3,droplvl=-3', { udba: 'reval', plink: true, dirren: true }],
  ['create=tdp,cpup=tdp,create_policy=tdp,copyup=tdp,copyup_policy=tdp', {}],
  ['create=rr', { create: { name: 'rr', low: 0, maxAgeMs: 0 } }],
  ['create=round-robin', { create: { name: 'rr', low: 0, maxAgeMs: 0 } }],
  ['create_policy=most-free-space:5', { create: { name: 'mfs', low: 0, maxAgeMs: 5000 } }],
  ['create:mfsrr:4G', { create: { name: 'mfsrr', low: 4 * 2 ** 30, maxAgeMs: 30_000 } }],
  ['create=pmfsrr:10m:0', { create: { name: 'pmfsrr', low: 10 * 2 ** 20, maxAgeMs: 0 } }],
  ['create=tdmfs:1T:3600', { create: { name: 'tdmfs', low: 2 ** 40, maxAgeMs: 3_600_000 } }],
  ['create=lfs', { create: { name: 'lfs', low: 0, maxAgeMs: 0 } }],
  ['create=epmfs:64k:2', { create: { name: 'epmfs', low: 65536, maxAgeMs: 2000 } }],
  ['create=rr,create=newest', { create: { name: 'newest', low: 0, maxAgeMs: 0 } }],
  ['copyup_policy=bottom-up-parent', { cpup: { name: 'bup', low: 0, maxAgeMs: 0 } }],
  ['cpup=bu', { cpup: { name: 'bu', low: 0, maxAgeMs: 0 } }],
  ['moveonenospc', { moveOnEnospc: { name: 'mfs', low: 0, maxAgeMs: 0 } }], ['moveonenospc=true', { moveOnEnospc: { name: 'mfs', low: 0, maxAgeMs: 0 } }],
  ['moveonenospc=epmfs:1G,moveonenospc=lfs', { moveOnEnospc: { name: 'lfs', low: 0, maxAgeMs: 0 } }], ['moveonenospc,moveonenospc=false', { moveOnEnospc: null }],
  ['fhsm_sec=5', { fhsmSec: 5 }],
  ['statfs_omit_ro', { sum: true, sumOmitsRo: true }],
  ['transport=dev,uring=off', {}], ['transport=fuse-native', { transport: 'fuse-native', io: 'cached' }], ['default_permissions,nonempty', {}],
  ['uidmapping=0:1:1000', { uidMap: [{ disk: 0, shown: 1, count: 1000 }] }],
  ['gidmapping=:0:1:4:4:0:1', { gidMap: [{ disk: 0, shown: 1, count: 4 }, { disk: 4, shown: 0, count: 1 }] }],
  ['uidmapping=::0:1::1000:', { uidMap: [{ disk: 0, shown: 1, count: 1000 }] }],
  ['gidmapping:4294967294:0:1', { gidMap: [{ disk: 4294967294, shown: 0, count: 1 }] }],
  ['xattr_permissions=2', { xattrPermissions: 2, acl: false }], ['xattr_permissions=1,acl', { xattrPermissions: 1, acl: false }],
  ['xattr_permissions=0', { acl: true }], ['xattr_permissions=2,xattr_permissions=0', { xattrPermissions: undefined } as object],
  ['squash_to_root', { squashToRoot: true }], ['squash_to_uid=5,squash_to_gid=0', { squashUid: 5, squashGid: 0 }],
  [',,', {}],
]

t.test('what options do', async (t) => {
  const { config: plain } = parse('dirs=/a:/b')
  for (const [options, effect] of EFFECTS) {
    const { config, warnings } = parse(`dirs=/a:/b,${options}`)
    t.same(warnings, [], `${options}: no warning`)
    const got = Object.fromEntries(Object.keys(effect).map((key) => [key, config[key as keyof MountConfig]]))
    t.same(got, effect, options)
    if (Object.keys(effect).length === 0) t.same(config, plain, `${options}: nothing else`)
  }
})

t.test('every option that is taken and ignored', async (t) => {
  const values: Readonly<Record<string, string>> = { rdblk: 'def', rdhash: '32', rdcache: '10', dirwh: '3' }
  for (const row of OPTION_ROWS.filter(({ status }) => status === 'ignored')) {
    for (const name of [row.name, ...(row.aliases ?? [])]) {
      const text = row.argument === 'value' ? `${name}=${values[name] ?? '/x'}` : name
      const { warnings, notes } = parse(`dirs=/a,${text}`)
      t.same([warnings, notes], [[], [`option '${text}' accepted with a note: ${row.note}`]], text)
    }
    t.ok(row.note, `${row.name} says why`)
  }
  t.same(parse('dirs=/a,x-systemd.automount,x-foo=bar,X-mount.mkdir=0755').warnings, [])
})

t.test('the list is built in the order given', async (t) => {
  const rows: readonly (readonly [options: string, branches: readonly string[]])[] = [
    ['br:/a=rw:/b', ['/a=rw', '/b=ro']],
    ['br=/a,br=/b', ['/a=rw', '/b=ro']],
    ['dirs=/a,append:/b', ['/a=rw', '/b=ro']],
    ['dirs=/a,prepend:/b', ['/b=rw', '/a=rw']],
    ['dirs=/a,add:1:/b=rr+wh', ['/a=rw', '/b=rr+wh']],
    ['dirs=/a,ins:0:/b', ['/b=rw', '/a=rw']],
    ['add=0:/a', ['/a=rw']],
    ['dirs=/a:/b:/c,del:/b', ['/a=rw', '/c=ro']],
    ['dirs=/a:/b,mod:/b=ro+wh', ['/a=rw', '/b=ro+wh']],
    ['ro,dirs=/a:/b', ['/a=ro', '/b=ro']],
    ['dirs=/a:/b,ro', ['/a=ro', '/b=ro']],
    ['dirs=/a\\,b:/c\\:d\\=e=ro', ['/a\\,b=rw', '/c\\:d\\=e=ro']],
  ]
  for (const [options, branches] of rows) t.same(parse(options).config.branches.map(formatBranch), branches, options)
})

const WARNED: readonly (readonly [options: string, warning: string])[] = [
  ['dirs=/a=ro:/b=rw', 'the first branch, /a, is not rw; new files need a writable branch'],
  ['dirs=/a,shwh', 'shwh is meant for a read-only union; add ro'],
]

t.test('what is doubtful is said', async (t) => {
  for (const [options, warning] of WARNED) t.same(parse(options).warnings, [warning], options)
  t.same(parse('dirs=/a,bogus=1', { sloppy: true }).warnings, ["unknown option 'bogus=1' ignored"], 'mount -s')
})

const BAD: readonly (readonly [options: string, message: string])[] = [
  ['', 'mount mnt: EINVAL: no branches; give them with -o dirs=PATH=rw:PATH=ro'],
  ['udba=none', 'mount mnt: EINVAL: no branches; give them with -o dirs=PATH=rw:PATH=ro'],
  ['dirs', "option 'dirs': EINVAL: it needs a value; write 'dirs=VALUE'"],
  ['dirs=', "option 'dirs=': EINVAL: it needs a value; write 'dirs=VALUE'"],
  ['dir=/a', "option 'dir=/a': EINVAL: unknown option; did you mean 'dirs'?"],
  ['dirs=/a,udab=none', "option 'udab=none': EINVAL: unknown option; did you mean 'udba'?"],
  ['dirs=/a,no_dirren', "option 'no_dirren': EINVAL: unknown option; did you mean 'nodirren'?"],
  ['dirs=/a,wibblewobble', "option 'wibblewobble': EINVAL: unknown option; 'tsaufs help mount' lists the options"],
  ['dirs=/a,__proto__', "option '__proto__': EINVAL: unknown option; 'tsaufs help mount' lists the options"],
  ['dirs=/a,/b', "option '/b': EINVAL: unknown option; 'tsaufs help mount' lists the options"],
  ['dirs=/a,udba=sometimes', "option 'udba=sometimes': EINVAL: give one of: none, reval, notify, fsnotify"],
  ['dirs=/a,watch_max=x', "option 'watch_max=x': EINVAL: give a whole number from 0 to 10000000"],
  ['dirs=/a,udba', "option 'udba': EINVAL: it needs a value; write 'udba=VALUE'"],
  ['dirs=/a,sum=yes', "option 'sum=yes': EINVAL: it takes no value; write 'sum'"],
  ['dirs=/a,io=fast', "option 'io=fast': EINVAL: give one of: auto, cached, passthrough"],
  ['dirs=/a,io=constructor', "option 'io=constructor': EINVAL: give one of: auto, cached, passthrough"],
  ['dirs=/a,create=msf', "option 'create=msf': EINVAL: there is no such policy; give one of: tdp, rr, mfs[:SEC], mfsrr:LOW[:SEC], tdmfs:LOW[:SEC], pmfs[:SEC], pmfsrr:LOW[:SEC], epmfs[:LOW[:SEC]], ff[:LOW[:SEC]], lfs[:LOW[:SEC]], lus[:LOW[:SEC]], newest[:LOW[:SEC]], rand[:LOW[:SEC]]"],
  ['dirs=/a,cpup=rr', "option 'cpup=rr': EINVAL: there is no such policy; give one of: tdp, bup, bu"],
  ['dirs=/a,create=constructor', "option 'create=constructor': EINVAL: there is no such policy; give one of: tdp, rr, mfs[:SEC], mfsrr:LOW[:SEC], tdmfs:LOW[:SEC], pmfs[:SEC], pmfsrr:LOW[:SEC], epmfs[:LOW[:SEC]], ff[:LOW[:SEC]], lfs[:LOW[:SEC]], lus[:LOW[:SEC]], newest[:LOW[:SEC]], rand[:LOW[:SEC]]"],
  ['dirs=/a,create=mfsrr', "option 'create=mfsrr': EINVAL: write mfsrr:LOW[:SEC]: LOW in bytes or with K, M, G or T, SEC from 0 to 3600"],
  ['dirs=/a,create=mfsrr:4X', "option 'create=mfsrr:4X': EINVAL: write mfsrr:LOW[:SEC]: LOW in bytes or with K, M, G or T, SEC from 0 to 3600"],
  ['dirs=/a,create=mfs:3601', "option 'create=mfs:3601': EINVAL: write mfs[:SEC]: SEC from 0 to 3600"],
  ['dirs=/a,create=mfs:', "option 'create=mfs:': EINVAL: write mfs[:SEC]: SEC from 0 to 3600"],
  ['dirs=/a,create=lfs:4G:1:2', "option 'create=lfs:4G:1:2': EINVAL: write lfs[:LOW[:SEC]]: LOW in bytes or with K, M, G or T, SEC from 0 to 3600"],
  ['dirs=/a,moveonenospc=always', "option 'moveonenospc=always': EINVAL: there is no such policy; give one of: tdp, rr, mfs[:SEC], mfsrr:LOW[:SEC], tdmfs:LOW[:SEC], pmfs[:SEC], pmfsrr:LOW[:SEC], epmfs[:LOW[:SEC]], ff[:LOW[:SEC]], lfs[:LOW[:SEC]], lus[:LOW[:SEC]], newest[:LOW[:SEC]], rand[:LOW[:SEC]]"],
  ['dirs=/a,fhsm_sec=0', "option 'fhsm_sec=0': EINVAL: give a whole number of seconds from 1 to 3600"],
  ['dirs=/a,create=rr:1', "option 'create=rr:1': EINVAL: write rr, it takes no argument"],
  ['dirs=/a,transport=fuse-native,io=passthrough', "option 'io=passthrough': EOPNOTSUPP: not with transport=fuse-native; use io=cached"],
  ['dirs=/a,transport=pigeon', "option 'transport=pigeon': EINVAL: give one of: dev, fuse-native"],
  ['dirs=/a,uring=on', "option 'uring=on': EOPNOTSUPP: not yet: FUSE over io_uring; leave it out"],
  ['dirs=/a,wsum', "option 'wsum': EOPNOTSUPP: no aufs implements it either; use 'sum'"],
  ['dirs=/a,allow_root', "option 'allow_root': EOPNOTSUPP: use 'allow_other'"],
  ['dirs=/a,rdcache=3601', "option 'rdcache=3601': EINVAL: give a whole number from 0 to 3600, or 'def'"],
  ['dirs=/a,dirwh=-1', "option 'dirwh=-1': EINVAL: give a whole number from 0 to 2147483647"],
  ['dirs=/a,droplvl=4', "option 'droplvl=4': EINVAL: give 1, 2, 3, -1, -2 or -3"],
  ...['0:1', '0:1:1:2', 'a:b:c', ':', '0:1:-1', '0:1:0x1', '0:1:1:5:6'].map((map) => [`dirs=/a,uidmapping=${map}`,
    `option 'uidmapping=${map}': EINVAL: write triples DISK:SHOWN:COUNT joined by colons, such as 0:1000:1`] as const),
  ['dirs=/a,gidmapping=0:1:0', "option 'gidmapping=0:1:0': EINVAL: 0:1:0 is no range of ids: they go from 0 to 4294967294, and COUNT is at least 1"],
  ['dirs=/a,gidmapping=0:5:4294967291', "option 'gidmapping=0:5:4294967291': EINVAL: 0:5:4294967291 is no range of ids: they go from 0 to 4294967294, and COUNT is at least 1"],
  ['dirs=/a,uidmapping=0:0:10:9:20:1', "option 'uidmapping=0:0:10:9:20:1': EINVAL: ranges overlap: each id may be mapped once"],
  ['dirs=/a,uidmapping=0:0:10:10:5:1', "option 'uidmapping=0:0:10:10:5:1': EINVAL: ranges overlap: each id may be mapped once"],
  ['dirs=/a,squash_to_uid=root', "option 'squash_to_uid=root': EINVAL: give an id from 0 to 4294967294"],
  ['dirs=/a,squash_to_gid=4294967295', "option 'squash_to_gid=4294967295': EINVAL: give an id from 0 to 4294967294"],
  ['dirs=/a,xattr_permissions=3', "option 'xattr_permissions=3': EINVAL: give 0, 1 or 2"],
  ['dirs=/a,squash_to_root=1', "option 'squash_to_root=1': EINVAL: it takes no value; write 'squash_to_root'"],
  ['dirs=/a,add:/b', "option 'add:/b': EINVAL: write add:N:PATH=PERM, N counted from 0"],
  ['dirs=/a,add:2:/b', 'branch /b: EDOM: there is no place 2; give 0 to 1'],
  ['dirs=/a,mod:/a', "option 'mod:/a': EINVAL: a permission is needed: mod:PATH=rw|ro|rr[+ATTRIBUTE]..."],
  ['dirs=/a,mod:/b=ro', 'branch /b: ENOENT: it is no branch of this mount; name one that is listed before'],
  ['dirs=/a,del:/b', 'branch /b: ENOENT: it is no branch of this mount; name one that is listed before'],
  ['dirs=/a,append:/a', 'branch /a: EINVAL: it is there twice; name each branch once'],
]

t.test('what is refused, word for word', async (t) => {
  for (const [options, message] of BAD) t.throws(() => parse(options), { name: 'MountError', message, exit: 2 }, options === '' ? 'nothing' : options)
})

t.test('the table is sound', async (t) => {
  const names = OPTION_ROWS.flatMap((row) => [row.name, ...(row.aliases ?? [])])
  t.equal(new Set(names).size, names.length, 'no name twice')
  t.equal(OPTIONS_BY_NAME.size, names.length)
  for (const row of OPTION_ROWS) {
    t.ok(row.help, `${row.name} has help`)
    if (row.status === 'implemented') t.type(row.apply, 'function', `${row.name} does something`)
    else t.ok(row.note, `${row.name} says why not`)
  }
})
