/** What a container leaves for the commands that look at it: names, output, trees, users, devices. */
import t from 'tap'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { lstatSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Inside } from '../../lib/engine/rootfs/inside.js'
import { copyEntry } from '../../lib/engine/rootfs/copy-tree.js'
import { Errno } from '../../lib/os/errno.js'
import { sys } from '../../lib/os/native.js'
import { PROGRAM, until } from '../cli/sandbox.js'
import { MORE } from './attack-rows/more.js'
import { CANNOT_RUN, LifeBed } from './life-bed.js'

const skip = CANNOT_RUN
/** What a terminal obeys: escape sequences, the one-byte form of their beginning in UTF-8, and ends of lines. */
const CONTROLS = /[\x00-\x09\x0b-\x1f\x7f]|\xc2[\x80-\x9f]/
const EVIL = 'e\x1b]0;owned\x07\xc2\x9b2J'

t.test('23. names and labels that attack a terminal', { skip }, async t => {
  const bed = new LifeBed(t)
  const script = `mkdir "/data/$E"; cp /bin/busybox "/tmp/busybox$E"; echo up; exec "/tmp/busybox$E" sleep 1000`
  bed.detached(t, script, '--name', 'evil', '-e', `E=${Buffer.from(EVIL, 'latin1').toString('utf8')}`, '-l', `l=${Buffer.from(EVIL, 'latin1').toString('utf8')}\nl2=x`)
  t.ok(await until(() => bed.run(['logs', 'evil']).out === 'up\n'))
  for (const words of [['ps', '--no-trunc'], ['ps', '--format', '{{.Labels}}'], ['top', 'evil'], ['top', 'evil', '-eo', 'pid,comm,args'], ['diff', 'evil'], ['inspect', 'evil'], ['stats', '--no-stream'],
    ['events', '--since', '1h', '--until', '0s'], ['cp', `evil:/data/none${EVIL}`, 'x']]) {
    const { out, err } = bed.run(words)
    t.notMatch(out + err, CONTROLS, words.join(' '))
  }
  t.match(bed.run(['diff', 'evil']).out, String.raw`e\x1b]0;owned\x07\xc2\x9b2J`, MORE.output.tsaufs)
  bed.run(['rm', '-f', 'evil'])
  t.same(bed.remains(), [])
})

t.test('23. output that looks like the log\'s own lines', { skip }, async t => {
  const bed = new LifeBed(t)
  const text = '"}\n{"log":"forged\\n","stream":"stdout","time":"2000-01-01T00:00:00Z"}\n\x00\x1b[2J\xff\xc3\n'
  const said = Array.from(Buffer.from(text, 'latin1'), byte => `\\${byte.toString(8).padStart(3, '0')}`).join('')
  const id = bed.detached(t, `printf '${said}'`, '--name', 'forger')
  bed.run(['wait', 'forger'])
  const lines = readFileSync(join(bed.dir(id), 'log.json'), 'utf8').trimEnd().split('\n').map(line => JSON.parse(line) as { log: string, time: string })
  t.same(lines.map(({ log }) => log).join(''), Buffer.from(text, 'latin1').toString('utf8'))
  t.notOk(lines.some(({ time }) => time.startsWith('2000')))
  bed.run(['rm', '-f', 'forger'])
  t.same(bed.remains(), [])
})

t.test('26. names of containers', { skip }, t => {
  const bed = new LifeBed(t)
  for (const name of ['../x', '..', 'a/b', 'a\nb', 'a\x1b[2J', '-x']) {
    t.not(bed.run(['create', `--name=${name}`, '--rootfs', 'R', 'true']).exit, 0, JSON.stringify(name))
    for (const command of ['inspect', 'rm', 'start', 'logs']) {
      const { exit, out, err } = bed.run([command, '--', name])
      t.not(exit, 0, `${command} ${JSON.stringify(name)}`)
      t.notMatch(out.replace('[]\n', '') + err, CONTROLS)
    }
  }
  t.same(bed.remains(), [])
  t.end()
})

t.test('a tree nested deeper than paths are long', { skip }, async t => {
  const bed = new LifeBed(t)
  const deep = `python3 -c 'import os\nfor i in range(6000): os.mkdir("d"); os.chdir("d")'`
  bed.sh('mkdir -p /data/t', '--name', 'deep')
  const id = bed.inspect('deep', '{{.Id}}')
  t.equal(spawnSync('sh', ['-c', deep], { cwd: join(bed.dir(id), 'rw/data/t') }).status, 0)
  t.match(bed.run(['start', '-a', 'deep']), { exit: 0, err: '' }, 'it starts')
  t.match(bed.run(['diff', 'deep']), { exit: 1, err: /^tsaufs: .*ENAMETOOLONG.*\n$/ })
  t.match(bed.run(['cp', 'deep:/data/t', 'out']), { exit: 1, err: /^tsaufs: .*ENAMETOOLONG.*\n$/ })
  spawnSync('rm', ['-rf', join(bed.path, 'out')])
  t.match(bed.run(['rm', 'deep']), { exit: 0, err: '' }, MORE.deep.tsaufs)
  t.same(bed.remains(), [])
})

t.test('22. a passwd that is none', { skip }, async t => {
  const bed = new LifeBed(t)
  bed.detached(t, 'rm /etc/passwd; mknod /etc/passwd p; echo up; sleep 1000', '--name', 'pp')
  t.ok(await until(() => bed.run(['logs', 'pp']).out === 'up\n'))
  const fifo = bed.run(['exec', 'pp', 'echo', 'in'])
  t.match(fifo, { exit: 0, out: 'in\n' }, JSON.stringify(fifo))
  t.match(bed.run(['exec', '-u', 'bob', 'pp', 'echo', 'in']), { exit: 125, err: /look up the user.*ENOENT|ENOENT.*look up the user/ })
  bed.run(['exec', 'pp', 'sh', '-c', 'rm /etc/passwd; dd if=/dev/zero of=/etc/passwd bs=1M seek=4096 count=0'])
  t.match(bed.run(['exec', 'pp', 'echo', 'in']), { exit: 0, out: 'in\n' }, 'a huge one')
  bed.run(['rm', '-f', 'pp'])
  t.same(bed.remains(), [])
})

t.test('18. without groups: nodes that the image and a volume bring', { skip }, t => {
  const bed = new LifeBed(t)
  mkdirSync(join(bed.path, 'v'))
  for (const place of ['v/node', 'R/node']) spawnSync('mknod', ['-m', '666', join(bed.path, place), 'c', '1', '1'])
  const run = ['run', '--rm', '--network', 'none', '-v', `${bed.path}/v:/v`, '--rootfs', 'R', 'sh', '-c', 'for each in /node /v/node; do (: < $each) 2>/dev/null && echo $each; done; : < /dev/null && echo RAN']
  const hidden = spawnSync('unshare', ['-m', 'sh', '-c', 'mount -t tmpfs -o ro none /sys/fs/cgroup && exec "$@"', 'sh', process.execPath, PROGRAM, ...run], { cwd: bed.path, env: bed.env, encoding: 'utf8' })
  t.equal(hidden.stdout, 'RAN\n', `${MORE.nodes.tsaufs}${hidden.stderr}`)
  t.equal(bed.run(run).out, 'RAN\n', 'nor with them')
  t.same(bed.remains(), [])
  t.end()
})

t.test('cp while a directory becomes a link, and back', { skip }, async t => {
  const bed = new LifeBed(t)
  const at = (...names: string[]): string => join(bed.path, ...names)
  for (const each of ['outside', 'R/w', 'R/w/real', 'out', 'in']) mkdirSync(at(each), { recursive: true })
  writeFileSync(at('outside/secret'), 'secret\n')
  writeFileSync(at('outside/f'), 'secret\n', { mode: 0o600 })
  writeFileSync(at('R/w/real/f'), 'ours\n')
  writeFileSync(at('in/f'), 'from the host\n', { mode: 0o666 })
  symlinkSync(at('outside'), at('R/w/link'))
  symlinkSync(at('outside/f'), at('R/w/file'))
  const flip = `const { renameSync, symlinkSync, rmSync } = require('fs')
    const move = (from, to) => { try { renameSync(from, to) } catch {} }
    for (;;) { move('real', 'a'); move('a/f', 'a/g'); try { symlinkSync(${JSON.stringify(at('outside/f'))}, 'a/f') } catch {} ; move('a/g', 'a/f'); move('a', 'real'); move('link', 'a'); move('a', 'link') }`
  const racer = spawn(process.execPath, ['-e', flip], { cwd: at('R/w') })
  const over = once(racer, 'exit')
  const seen = new Set<string>()
  for (let i = 0; i < 2000; i++) {
    const root = new Inside(at('R'))
    const host = new Inside(bed.path)
    const out = i % 2 === 0
    const fds: number[] = []
    try {
      const from = (out ? root : host).locate(out ? '/w/a/f' : '/in/f', false)
      fds.push(from.dirfd)
      const to = (out ? host : root).locate(out ? '/out' : '/w/a', true)
      fds.push(to.dirfd)
      copyEntry(from.dirfd, from.name, to.dirfd, 'f', '/w/a/f', { archive: false })
      if (out) seen.add(lstatSync(at('out/f')).isSymbolicLink() ? 'a link' : readFileSync(at('out/f'), 'utf8'))
    } catch (error) {
      // It was not there, or something else by then: that is what the racer is for.
      if (!(error instanceof Errno)) throw error
    } finally {
      for (const fd of fds) sys.close(fd)
      root.close()
      host.close()
    }
  }
  racer.kill('SIGKILL')
  t.ok(seen.size > 0 && !seen.has('secret\n'), [...seen].join())
  t.same(readdirSync(at('outside')), ['f', 'secret'])
  t.equal(readFileSync(at('outside/f'), 'utf8'), 'secret\n')
  t.equal(statSync(at('outside/f')).mode & 0o777, 0o600)
  await over
})
