/**
 * Attacks on the union (points 28 to 32 of the launcher's security list), beside kernel overlayfs and fuse-overlayfs: from inside,
 * as a root that is chrooted into the mount, and by a user of the host who owns a branch.
 */
import t, { type Test } from 'tap'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { PROGRAM, until } from '../cli/sandbox.js'
import { cannotRun, makeRoot } from '../helpers/container.js'

const skip = cannotRun()
type Subject = 'tsaufs' | 'overlayfs' | 'fuse-overlayfs'
const PEERS: readonly Subject[] = ['overlayfs', 'fuse-overlayfs']
const absent = (name: Subject): string | false => (name === 'fuse-overlayfs' && !existsSync('/usr/bin/fuse-overlayfs') ? 'fuse-overlayfs is not installed' : false)

interface Bed {
  readonly dir: string
  readonly lower: string
  readonly mnt: string
  /** A shell script of a root chrooted into the mount. */
  readonly inside: (script: string, user?: string) => string
  readonly remount: () => void
}

function makeBed(t: Test, subject: Subject, prepare: (lower: string, dir: string) => void): Bed {
  const { dir, root: lower, remove } = makeRoot('union')
  const mnt = join(dir, 'mnt')
  for (const each of ['rw', 'work', 'mnt']) mkdirSync(join(dir, each))
  for (const each of [dir, lower, mnt, join(dir, 'rw')]) chmodSync(each, 0o755)
  prepare(lower, dir)
  const env = { ...process.env, TSAUFS_RUN_DIR: join(dir, 'run'), TSAUFS_SPARE: '0' }
  const overlay = `lowerdir=${lower},upperdir=${dir}/rw,workdir=${dir}/work`
  const words = {
    tsaufs: [process.execPath, PROGRAM, 'mount', '-o', `dirs=${dir}/rw=rw:${lower}=ro,udba=reval`, 'none', mnt],
    overlayfs: ['mount', '-t', 'overlay', '-o', overlay, 'overlay', mnt],
    'fuse-overlayfs': ['fuse-overlayfs', '-o', `${overlay},dev,suid,allow_other`, mnt],
  }[subject]
  const mount = (): void => {
    const { status, stderr } = spawnSync(words[0]!, words.slice(1), { env, encoding: 'utf8' })
    if (status !== 0) throw new Error(stderr)
  }
  const unmount = (): void => { spawnSync('umount', [mnt]) }
  mount()
  t.teardown(() => {
    spawnSync('umount', ['-l', mnt])
    remove()
  })
  const inside = (script: string, user = '0'): string => {
    const { stdout, stderr } = spawnSync('chroot', [`--userspec=${user}:${user}`, mnt, '/bin/sh', '-c', script], { encoding: 'latin1', timeout: 60_000 })
    return stdout + stderr
  }
  return { dir, lower, mnt, inside, remount: () => { unmount(); mount() } }
}

/** One test per subject. */
function each(name: string, work: (t: Test, subject: Subject) => Promise<void> | void): void {
  for (const subject of ['tsaufs' as const, ...PEERS]) t.test(`${name}, ${subject}`, { skip: skip || absent(subject) }, async t => { await work(t, subject) })
}

each('28. a user who owns a branch makes directories and files of it links while root looks', async (t, subject) => {
  const { dir, lower, inside } = makeBed(t, subject, (lower, dir) => {
    mkdirSync(join(dir, 'outside'), { mode: 0o700 })
    writeFileSync(join(dir, 'outside/f'), 'secret\n')
    mkdirSync(join(lower, 'pub/real'), { recursive: true })
    writeFileSync(join(lower, 'pub/real/f'), 'ours\n')
    symlinkSync(join(dir, 'outside'), join(lower, 'pub/link'))
    for (const each of ['pub', 'pub/real', 'pub/real/f']) chownSync(join(lower, each), 65534, 65534)
  })
  const flip = `const { renameSync, symlinkSync } = require('fs'); process.setgid(65534); process.setuid(65534)
    const move = (from, to) => { try { renameSync(from, to) } catch {} }
    for (;;) { move('real', 'd'); move('d/f', 'd/g'); try { symlinkSync(${JSON.stringify(join(dir, 'outside/f'))}, 'd/f') } catch {} ; move('d/g', 'd/f'); move('d', 'real'); move('link', 'd'); move('d', 'link') }`
  const racer = spawn(process.execPath, ['-e', flip], { cwd: join(lower, 'pub') })
  const over = once(racer, 'exit')
  const said = inside('i=0; while [ $i -lt 300 ]; do cat /pub/d/f; echo x >> /pub/d/f; echo x > /pub/d/new; chmod 777 /pub/d/f; i=$((i+1)); done 2>/dev/null; echo end')
  racer.kill('SIGKILL')
  await over
  t.match(said, /end\n$/)
  t.notMatch(said, /secret/)
  t.same(readdirSync(join(dir, 'outside')), ['f'])
  t.equal(readFileSync(join(dir, 'outside/f'), 'utf8'), 'secret\n')
})

each('29. a copy is nobody else\'s, neither while it is made nor afterwards', async (t, subject) => {
  const { dir, inside } = makeBed(t, subject, lower => {
    writeFileSync(join(lower, 'closed'), Buffer.alloc(48 << 20, 'secret '), { mode: 0o600 })
    writeFileSync(join(lower, 'drop'), 'secret\n')
    chmodSync(join(lower, 'drop'), 0o622)
    writeFileSync(join(lower, 'suid'), 'program')
    chmodSync(join(lower, 'suid'), 0o6777)
  })
  t.match(inside('cat /closed; (echo x >> /closed); (: > /closed); mv /closed /tmp/mine; ln /closed /bin/mine', '1000'), /^(.*(denied|not permitted).*\n){5}$/)
  t.match(inside('echo more >> /drop; cat /drop', '1000'), /denied/, 'who may write it only cannot read the copy')
  inside('echo x >> /suid', '1000')
  t.equal(statSync(join(dir, 'rw/suid')).mode & 0o7777, 0o777, 'set-id bits go with what they stood for')
  t.equal(statSync(join(dir, 'rw/drop')).mode & 0o7777, 0o622)
  const watcher = spawn('sh', ['-c', 'while :; do find . ../work -type f -size +0 -perm /077 ! -name suid ! -name drop 2>/dev/null; done'], { cwd: join(dir, 'rw') })
  let open = ''
  watcher.stdout.setEncoding('latin1').on('data', (text: string) => { open += text })
  inside('echo x >> /closed')
  watcher.kill('SIGKILL')
  await new Promise(resolve => watcher.on('close', resolve))
  t.equal(open, '', 'no temporary that others may read')
})

/** What each lets be made; a name that stands for nothing else is no harm on overlayfs. */
const FORGED: Record<Subject, RegExp> = { tsaufs: /^hidden: none\n$/, overlayfs: /^hidden: none\n$/, 'fuse-overlayfs': /^hidden: b,c,e,g,d\/x\n$/ }

each('30. whiteouts and marks made from inside', (t, subject) => {
  const bed = makeBed(t, subject, lower => {
    mkdirSync(join(lower, 'd'))
    for (const name of ['a', 'b', 'c', 'e', 'g', 'd/x']) writeFileSync(join(lower, name), name)
  })
  bed.inside(`touch /.wh.a; mkdir /.wh.b; echo 1 > /tmp/n; mv /tmp/n /.wh.c; ln /bin/busybox /.wh.e; ln -s x /.wh.g; touch /d/.wh..wh..opq /d/.wh.x; mknod /mark c 0 0; mv /mark /a
    mkdir /.wh..wh.plnk /.wh..wh.work /.wh..wh.orph`)
  for (const key of ['trusted.overlay.opaque', 'user.overlay.opaque', 'user.fuseoverlayfs.opaque', 'user.tsaufs.origin', 'trusted.tsaufs.origin']) {
    spawnSync('setfattr', ['-n', key, '-v', 'y', join(bed.mnt, 'd')])
  }
  bed.remount()
  // A node 0:0 moved over a name is that name, whatever it is; it hides nothing else.
  const names = ['b', 'c', 'e', 'g', 'd/x'].filter(name => !existsSync(join(bed.mnt, name)))
  t.match(`hidden: ${names.join() || 'none'}\n`, FORGED[subject])
  t.comment(`${subject}: ${names.join() || 'nothing'} hidden`)
  if (subject === 'tsaufs') t.same(readdirSync(bed.mnt).filter(name => name.startsWith('.wh.')), [])
})

each('32. the daemon is killed: nothing of the host shows', async (t, subject) => {
  if (subject === 'overlayfs') return
  const { dir, mnt } = makeBed(t, subject, () => {})
  const pid = subject === 'tsaufs' ? Number(readFileSync(join(dir, 'run', readdirSync(join(dir, 'run')).find(name => name.startsWith('si_'))!, 'pid'), 'latin1'))
    : Number(spawnSync('pgrep', ['-f', `fuse-overlayfs .*${mnt}`], { encoding: 'utf8' }).stdout)
  process.kill(pid, 'SIGKILL')
  const code = (): string => {
    try {
      readdirSync(mnt)
      return 'seen'
    } catch (error) {
      return (error as NodeJS.ErrnoException).code!
    }
  }
  t.ok(await until(() => code() === 'ENOTCONN'), code())
})

t.test('31. the daemon and a root with docker\'s capabilities that sees all processes', { skip }, t => {
  const { dir } = makeBed(t, 'tsaufs', () => {})
  const pid = readFileSync(join(dir, 'run', readdirSync(join(dir, 'run')).find(name => name.startsWith('si_'))!, 'pid'), 'latin1').trim()
  const caps = 'chown,dac_override,fsetid,fowner,mknod,net_raw,setgid,setuid,setfcap,setpcap,net_bind_service,sys_chroot,kill,audit_write'
  const bounding = `-all,${caps.split(',').map(cap => `+${cap}`).join()}`
  const { stdout } = spawnSync('setpriv', ['--bounding-set', bounding, '--inh-caps', '-all', 'sh', '-c',
    `readlink /proc/${pid}/fd/* && echo FDS; cat /proc/${pid}/environ && echo ENV; head -c 1 /proc/${pid}/mem && echo MEM; ls /proc/${pid}/root/ && echo ROOT`], { encoding: 'latin1' })
  t.equal(stdout, '')
  t.end()
})
