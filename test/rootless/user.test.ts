/** An ordinary user, who mounts through fusermount3: scenarios and a walk, and what is different for him. */
import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { join } from 'node:path'
import type { Test } from 'tap'
import { canRead, type OrdinaryUser, type Outcome } from './ordinary-user.js'
import { suite } from './suites.js'

const NOBODY = ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups']
/** Then his mounts are for everybody. */
const OTHERS_ALLOWED = existsSync('/etc/fuse.conf') && /^[ \t]*user_allow_other[ \t]*$/m.test(readFileSync('/etc/fuse.conf', 'latin1'))

const DONE: Outcome = { code: 0, out: '', err: [] }
const records = (user: OrdinaryUser): string[] => {
  const root = join(user.runtime, 'tsaufs')
  return existsSync(root) ? readdirSync(root) : []
}

/** Branches a and b of a directory of his, with x in a and y in b, and a mount point. */
function layOut(t: Test, user: OrdinaryUser, name: string): string {
  t.same(user.spawnSync(['sh', '-c', `mkdir -p ${name}/a ${name}/b ${name}/mnt; echo x >${name}/a/x; echo y >${name}/b/y`]), DONE)
  return join(user.home, name)
}

/** Mount a over b at mnt. @returns the daemon's pid */
function mount(t: Test, user: OrdinaryUser, dir: string): number {
  t.same(user.tsaufs('mount', '-o', `dirs=${dir}/a=rw:${dir}/b=ro`, 'none', `${dir}/mnt`), DONE, 'mounted')
  t.equal(records(user).length, 1, 'one state directory')
  t.match(records(user)[0], /^si_[0-9a-f]{16}$/)
  return Number(readFileSync(join(user.runtime, 'tsaufs', records(user)[0]!, 'pid'), 'utf8'))
}

/** Nothing is left of a mount, at the latest in some seconds. */
async function gone(t: Test, user: OrdinaryUser, pid: number): Promise<void> {
  for (let i = 0; i < 500 && user.processes().includes(pid); i++) await sleep(10)
  t.notOk(user.processes().includes(pid), 'the daemon has ended')
  t.same(records(user), [], 'no state directory')
  t.same(user.mounts(), [], 'no mount')
}

async function daily(t: Test, user: OrdinaryUser): Promise<void> {
  const dir = layOut(t, user, 'daily')
  let pid = mount(t, user, dir)
  // Root's mounts may be listed too.
  t.equal(user.tsaufs('list').out.split('\n').filter((line) => line.includes(`${dir}/mnt`)).length, 1, 'listed')
  t.same(user.tsaufs('branches', `${dir}/mnt`), { ...DONE, out: `${dir}/a=rw\n${dir}/b=ro\n` })
  t.same(user.spawnSync(['sh', '-c', 'echo more >>mnt/y; ls mnt; cat mnt/y b/y'], dir), { ...DONE, out: 'x\ny\ny\nmore\ny\n' })

  const stranger = spawnSync(NOBODY[0]!, [...NOBODY.slice(1), 'cat', `${dir}/mnt/x`], { encoding: 'utf8' })
  if (OTHERS_ALLOWED) t.equal(stranger.status, 0, 'another user, since /etc/fuse.conf has user_allow_other')
  else t.match(stranger.stderr, 'Permission denied', 'another user cannot enter')
  t.equal(canRead(`${dir}/mnt/x`), OTHERS_ALLOWED, 'root neither, unless others may')

  t.same(user.tsaufs('umount', `${dir}/mnt`), DONE)
  await gone(t, user, pid)
  pid = mount(t, user, dir)
  t.same(user.spawnSync(['fusermount3', '-u', `${dir}/mnt`]), DONE)
  await gone(t, user, pid)
}

/** Writes through descriptors whose file would refuse to be opened for writing. */
const WRITE_PROTECTED = `
import os  # os.link follows symbolic links only if a directory is given
fd = os.open('new', os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o444)
os.write(fd, b'one'); os.fsync(fd); os.write(fd, b'two'); os.close(fd)
assert open('new').read() == 'onetwo'
fd = os.open('y', os.O_RDWR)
os.fchmod(fd, 0o400)
os.write(fd, b'Y'); os.ftruncate(fd, 1); os.close(fd)
assert open('y').read() == 'Y'
fd = os.open('z', os.O_RDWR)
os.chmod('z', 0o400)
os.unlink('z')
os.write(fd, b'Z'); assert os.pread(fd, 9, 0) == b'Z\\n'; os.close(fd)
fd = os.open('.', os.O_TMPFILE | os.O_RDWR, 0o400)
os.write(fd, b'T'); os.link('/proc/self/fd/%d' % fd, 'tmp', src_dir_fd=0); os.close(fd)
assert open('tmp').read() == 'T'
for path in 'new', 'y', 'tmp':
    try:
        os.open(path, os.O_WRONLY)
        raise SystemExit(path + ' is writable')
    except PermissionError:
        pass
`

const GIT = `set -e; cd mnt; git init -q repo; cd repo
git config user.name T; git config user.email t@example.org; git config core.fsync none
for i in 1 2 3; do seq $i 2000 >f$i; git add .; git commit -q -m $i; done
git gc -q --prune=now; git fsck --strict; git clone -q . ../clone; cmp f3 ../clone/f3; rm -rf ../clone`

async function writeProtected(t: Test, user: OrdinaryUser): Promise<void> {
  const dir = layOut(t, user, 'protected')
  t.same(user.spawnSync(['sh', '-c', 'echo z >b/z'], dir), DONE)
  const pid = mount(t, user, dir)
  t.same(user.spawnSync(['python3', '-c', WRITE_PROTECTED], join(dir, 'mnt')), DONE, 'open files of mode 0400 and 0444')
  const git = user.spawnSync(['sh', '-c', GIT], dir)
  t.equal(git.code, 0, `git: ${git.err.join('; ')}`)
  t.same(user.tsaufs('umount', `${dir}/mnt`), DONE)
  await gone(t, user, pid)
}

async function refusals(t: Test, user: OrdinaryUser): Promise<void> {
  const dir = layOut(t, user, 'refused')
  mkdirSync(join(user.base, 'roots'))
  mkdirSync(join(user.base, 'closed'), { mode: 0o700 })
  const refused = (what: string, dirs: string, line: RegExp, mountpoint = `${dir}/mnt`): void => {
    const { code, out, err } = user.tsaufs('mount', '-o', `dirs=${dirs}`, 'none', mountpoint)
    t.same({ code, out, lines: err.length }, { code: 32, out: '', lines: 1 }, `${what}: ${err.join(' | ')}`)
    t.match(err[0], line)
    t.same(records(user), [], 'no state directory')
    t.same(user.mounts(), [], 'no half mount')
  }
  refused("somebody else's directory to write to", `${user.base}/roots=rw:${dir}/b=ro`, /^tsaufs: .*roots.*EACCES/)
  refused("somebody else's closed directory", `${dir}/a=rw:${user.base}/closed=ro`, /^tsaufs: .*closed.*EACCES/)
  refused("somebody else's mount point", `${dir}/a=rw:${dir}/b=ro`, /^tsaufs: mount .*roots: EACCES/, join(user.base, 'roots'))
  chmodSync('/dev/fuse', 0o600)
  try {
    refused('no permission on /dev/fuse', `${dir}/a=rw:${dir}/b=ro`, /^tsaufs: open \/dev\/fuse: EACCES/)
  } finally {
    chmodSync('/dev/fuse', 0o666)
  }
  writeFileSync(join(user.base, 'roots/r'), 'readable\n')
  // With a warning that the branches' roots differ.
  t.equal(user.tsaufs('mount', '-o', `dirs=${dir}/a=rw:${user.base}/roots=ro`, 'none', `${dir}/mnt`).code, 0, "somebody else's directory to read")
  t.equal(user.spawnSync(['cat', 'mnt/r'], dir).out, 'readable\n')
  t.same(user.tsaufs('umount', `${dir}/mnt`), DONE)
}

await suite({ identity: 'user', rowsAtLeast: 140, prefix: [] }, [
  ['mount, list, branches, umount', daily],
  ['files that are open for writing and must not be opened so again', writeProtected],
  ['one clear line', refusals],
])
