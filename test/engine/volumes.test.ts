/** Volumes, by name and without; mounts of all types; unions over directories of the host. */
import t from 'tap'
import { spawnSync } from 'node:child_process'
import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { CANNOT_RUN, LifeBed } from './life-bed.js'

const skip = CANNOT_RUN
const names = (bed: LifeBed): string[] => bed.run(['volume', 'ls', '-q']).out.split('\n').filter((name) => name !== '')
const data = (bed: LifeBed, name: string): string => join(bed.path, 'root/volumes', name, '_data')

t.test('an empty volume gets what the root has there, once', { skip }, t => {
  const bed = new LifeBed(t)
  chownSync(join(bed.layer, 'data'), 5, 6)
  chmodSync(join(bed.layer, 'data'), 0o1750)
  spawnSync('setfattr', ['-n', 'user.k', '-v', 'value', join(bed.layer, 'data/file')])
  t.match(bed.sh('touch /data/new; ls /data', '--name', 'vv', '-v', 'one:/data').out, 'file\nnew\n')
  const { uid, gid, mode } = statSync(data(bed, 'one'))
  t.same([uid, gid, mode & 0o7777], [5, 6, 0o1750], 'owner and mode of the directory')
  t.equal(spawnSync('getfattr', ['--only-values', '-n', 'user.k', join(data(bed, 'one'), 'file')], { encoding: 'latin1' }).stdout, 'value')
  t.same(readdirSync(join(bed.dir(bed.inspect('vv', '{{.Id}}')), 'rw')), [], 'what lies in a volume is not the container\'s')
  bed.sh('rm /x/file /x/new', '--rm', '-v', 'one:/x')
  bed.run(['start', '-a', 'vv'])
  t.same(readdirSync(data(bed, 'one')), ['new'], 'emptied, it stays so')
  t.match(bed.sh('ls -A /data', '--rm', '-v', 'two:/data:nocopy').out, /^$/)
  t.match(bed.sh('cat /data/file', '--rm', '-v', 'one:/data:ro').err, /No such file/, 'one that has something is not filled')
  t.match(bed.sh('touch /data/x', '--rm', '-v', 'one:/data:ro').err, /Read-only file system/)
  bed.run(['rm', 'vv'])
  t.same(names(bed), ['one', 'two'], 'volumes outlive their containers')
  t.same(bed.remains(), [])
  t.end()
})

t.test('volumes without a name go with their container', { skip }, t => {
  const bed = new LifeBed(t)
  bed.sh('true', '--rm', '-v', '/a', '-v', 'kept:/b')
  t.same(names(bed), ['kept'], '--rm')
  bed.sh('echo x > /a/f', '--name', 'first', '-v', '/a', '-v', 'kept:/b')
  t.equal(bed.sh('cat /a/f; touch /b/x', '--name', 'second', '--volumes-from', 'first:ro').out, 'x\n')
  bed.run(['rm', '-v', 'first'])
  t.equal(names(bed).length, 2, 'another container has it still')
  t.equal(bed.run(['volume', 'rm', 'kept']).exit, 1)
  bed.run(['rm', '-v', 'second'])
  t.same(names(bed), ['kept'])
  bed.sh('true', '--name', 'third', '-v', '/a')
  bed.run(['rm', 'third'])
  t.equal(names(bed).length, 2, 'rm alone leaves it')
  t.match(bed.run(['volume', 'prune', '-f']).out, /^Deleted Volumes:\n[0-9a-f]{64}\n\nTotal reclaimed space: /)
  t.same(names(bed), ['kept'])
  t.same(bed.remains(), [])
  t.end()
})

t.test('--mount, with docker\'s keys', { skip }, t => {
  const bed = new LifeBed(t)
  mkdirSync(join(bed.path, 'src'))
  const { out, err } = bed.sh('grep -E " /(t|v|b) " /proc/mounts | cut -d" " -f2-4 | sort; touch /b/x', '--name', 'mm',
    '--mount', 'type=tmpfs,dst=/t,tmpfs-size=1m,tmpfs-mode=700', '--mount', 'src=vol,dst=/v,volume-label=a=b,volume-nocopy',
    '--mount', `type=bind,src=${bed.path}/src,dst=/b,readonly,bind-recursive=readonly,consistency=cached`)
  t.match(out, /^\/b \S+ ro,.*\n\/t tmpfs rw,nosuid,nodev,noexec,.*size=1024k,mode=700.*\n\/v \S+ rw,/)
  t.match(err, /Read-only file system/)
  t.equal(bed.run(['volume', 'inspect', '-f', '{{json .Labels}} {{.Mountpoint}}', 'vol']).out, `{"a":"b"} ${data(bed, 'vol')}\n`)
  t.equal(bed.inspect('mm', '{{range .Mounts}}{{.Type}} {{.Destination}} {{.RW}};{{end}}'), 'tmpfs /t true;volume /v true;bind /b false;')
  bed.run(['rm', 'mm'])
  t.same(bed.remains(), [])
  t.end()
})

t.test(':O: what is written goes when the container ends', { skip }, t => {
  const bed = new LifeBed(t)
  mkdirSync(join(bed.path, 'src'))
  writeFileSync(join(bed.path, 'src/f'), 'of the host\n')
  const id = bed.detached(t, 'cat /o/f; echo new > /o/n; rm /o/f; ls /o /p; sleep 1000', '--name', 'oo', '-v', './src:/o:O', '-v', './src:/p:O')
  t.equal(bed.run(['exec', 'oo', 'ls', '/o', '/p']).out, '/o:\nn\n\n/p:\nf\n')
  writeFileSync(join(bed.path, 'src/later'), '')
  t.equal(bed.run(['exec', 'oo', 'ls', '/p']).out, 'f\nlater\n', 'changes of the host are seen')
  bed.run(['stop', '-t', '0', 'oo'])
  t.same(bed.remains(id), [])
  t.notOk(existsSync(join(bed.dir(id), 'overlays')))
  t.same(readdirSync(join(bed.path, 'src')), ['f', 'later'])
  bed.run(['start', 'oo'])
  t.equal(bed.run(['logs', 'oo']).out.match(/of the host/g)?.length, 2, 'it begins anew')
  bed.run(['rm', '-f', 'oo'])
  t.same(bed.remains(), [])
  t.end()
})

t.test('tsaufs volume', { skip }, t => {
  const bed = new LifeBed(t)
  mkdirSync(join(bed.path, 'dir'))
  t.equal(bed.run(['volume', 'create', '--label', 'k=v', 'named']).out, 'named\n')
  t.equal(bed.run(['volume', 'create', 'named']).out, 'named\n', 'one that is there stays')
  t.equal(bed.run(['volume', 'create', '-o', 'type=none', '-o', 'o=bind', '-o', `device=${bed.path}/dir`, 'bound']).out, 'bound\n')
  bed.sh('echo x > /v/f', '--rm', '-v', 'bound:/v')
  t.equal(readFileSync(join(bed.path, 'dir/f'), 'utf8'), 'x\n')
  t.equal(bed.run(['volume', 'ls']).out, 'DRIVER   VOLUME NAME\nlocal    bound\nlocal    named\n')
  t.equal(bed.run(['volume', 'ls', '-qf', 'label=k=v']).out, 'named\n')
  t.equal(bed.run(['volume', 'rm', 'bound', 'nosuch']).exit, 1)
  t.ok(existsSync(join(bed.path, 'dir/f')), 'a directory of the host is not ours to remove')
  t.match(bed.run(['volume', 'prune', '-af']).out, 'named')
  t.same(readdirSync(join(bed.path, 'root/volumes')), [])
  const bad: readonly (readonly [words: string, said: RegExp])[] = [
    ['-v rel/a:/x', /invalid characters/], ['-v vv:/x:what', /invalid mode/], ['-v vv:/x:rshared', /invalid mode/], ['-v /tmp:/x:nocopy', /invalid mode/], ['-v rel', /must be absolute/],
    ['--mount type=what,dst=/x', /mount type unknown/], ['--mount type=bind,src=/tmp,dst=/x,volume-nocopy', /cannot mix/], ['--mount src=vv', /target is required/],
    ['--mount dst=/x,volume-driver=nfs', /not found/], ['--mount src=qq,dst=/x,volume-opt=type=nfs', /not mounted by this engine/],
    ['--volumes-from nobody', /No such container/], ['-v aa:/x -v bb:/x', /Duplicate mount point/], ['-v new:/x --rootfs nowhere', /cannot be used/],
  ]
  for (const [words, said] of bad) {
    const { exit, err } = bed.run(['run', '--network', 'none', '--rootfs', 'R', ...words.split(' '), 'true'])
    t.same({ exit, lines: err.split('\n').length }, { exit: 125, lines: 2 }, words)
    t.match(err, said, words)
  }
  t.same([names(bed), bed.run(['ps', '-aq']).out], [[], ''], 'nothing was made')
  t.same(bed.remains(), [])
  t.end()
})
