/**
 * The option strings that engines give fuse-overlayfs, as podman 4.3, buildah 1.28, dockerd 20.10 and containerd's
 * snapshotter were seen to write them, and what becomes of them.
 */
import t from 'tap'
import type { MountConfig } from '../../../lib/config/config.js'
import { parseRequest } from '../../../lib/config/request.js'

const parse = (options: string): MountConfig =>
  parseRequest({ options, source: 'tsaufs-overlay', mountpoint: 'merged', cwd: '/S/overlay', dropIn: true }, () => false).config

const branches = (options: string): string[] => parse(options).branches.map(({ path, perm, wh }) => `${path}=${perm}${wh ? '+wh' : ''}`)

const STACK = ['/S/overlay/ID/diff=rw+wh', '/S/overlay/l/A=rr+wh', '/S/overlay/l/B=rr+wh']
const PATHS = 'lowerdir=/S/overlay/l/A:/S/overlay/l/B,upperdir=/S/overlay/ID/diff,workdir=/S/overlay/ID/work'

t.test('what engines write', (t) => {
  const rows: readonly (readonly [string, string[]])[] = [
    [`${PATHS},,volatile`, STACK],
    [`${PATHS},private`, STACK],
    ['lowerdir=l/A:l/B,upperdir=ID/diff,workdir=ID/work', STACK],
    [`context="system_u:object_r:container_file_t:s0:c1,c2",${PATHS},metacopy=on,userxattr,xino=off,`, STACK],
    [`${PATHS},dev,suid,fsync=0,timeout=1.5,threaded=1,fast_ino=1,never_heard_of=it`, STACK],
    ['lowerdir=ID/diff:ID/empty', ['/S/overlay/ID/diff=rr+wh', '/S/overlay/ID/empty=rr+wh']],
    ['lowerdir=l/A:l/B:l/A:', ['/S/overlay/l/A=rr+wh', '/S/overlay/l/B=rr+wh']],
    ['lowerdir=/a\\:b:/c\\,d:/e\\\\f', ['/a:b=rr+wh', '/c,d=rr+wh', '/e\\f=rr+wh']],
  ]
  for (const [options, expected] of rows) t.same(branches(options), expected, options)
  t.end()
})

t.test('effects', (t) => {
  const plain = parse(PATHS)
  t.match(plain, { readOnly: false, udba: 'none', dirren: false, plink: false, acl: true, dropIn: true, mountpoint: '/S/overlay/merged' })
  t.same([...plain.flags], ['nodev', 'noatime'])
  t.same([...parse(`${PATHS},dev,nosuid,atime`).flags], ['nosuid'])
  t.equal(parse('lowerdir=l/A').readOnly, true, 'nothing to write to')
  t.equal(parse(`${PATHS},ro`).readOnly, true)
  t.equal(parse(`${PATHS},noacl`).acl, false)
  t.equal(parse(`${PATHS},redirect_dir=off`).dirren, false)
  t.equal(parse(`${PATHS},redirect_dir=on`).dirren, true)
  t.end()
})

t.test('owners are mapped as in our own mounts', (t) => {
  const plain = parse(PATHS)
  for (const option of ['uidmapping=:100000:0:65536', 'gidmapping=0:5:1', 'squash_to_root']) t.notSame(parse(`${PATHS},${option}`), plain, option)
  t.throws(() => parse(`${PATHS},uidmapping=1:x:3`), /uidmapping/)
  t.end()
})

t.test('refused', (t) => {
  const many = Array.from({ length: 513 }, (_, i) => `l/${i}`).join(':')
  const rows: readonly (readonly [string, RegExp])[] = [
    ['', /no lowerdir/], ['lowerdir=', /no lowerdir/], ['upperdir=u,workdir=w', /no lowerdir/],
    ['lowerdir=l/A,upperdir=u', /upperdir without workdir/],
    ['lowerdir=l/A,redirect_dir=follow', /give off or on/],
    [`lowerdir=${many}`, /ENOSPC.*512/],
  ]
  for (const [options, line] of rows) t.throws(() => parse(options), line, options.slice(0, 40))
  t.end()
})
