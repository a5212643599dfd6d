/** The commands and the network together: what is published answers, is told about, and goes; seccomp in real containers. */
import t from 'tap'
import { execFileSync, spawnSync } from 'node:child_process'
import { symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { cannotRun, makeRoot } from '../helpers/container.js'
import { get } from './net-holder.js'

const program = fileURLToPath(new URL('../../../bin/tsaufs', import.meta.url))
const skip = cannotRun()
const { dir, root, remove } = makeRoot('run-network')
for (const applet of ['httpd', 'ip', 'wget']) symlinkSync('busybox', join(root, 'bin', applet))
const env = { ...process.env, TSAUFS_ROOT: join(dir, 'state') }

/** Run the command; what it says, both streams, and how it ends. */
function tsaufs(...words: string[]): { out: string, err: string, code: number } {
  const { stdout, stderr, status } = spawnSync(program, words, { encoding: 'utf8', env })
  return { out: stdout.trim(), err: stderr.trim(), code: status ?? -1 }
}

const run = (...words: string[]): ReturnType<typeof tsaufs> => tsaufs('run', '--rm', '--rootfs', root, ...words)

/** A web server's answer, once it listens. */
async function answer(host: string, port: number): Promise<string> {
  for (;;) {
    const text = await get(host, port)
    if (text !== 'ECONNREFUSED') return text
  }
}

execFileSync('ip', ['link', 'set', 'lo', 'up'])
t.teardown(() => {
  tsaufs('rm', '-f', 'web')
  remove()
})

t.test('a server that is published', { skip }, async t => {
  const started = tsaufs('run', '-d', '--name', 'web', '--rootfs', root, '-p', '8080:80', '-p', '127.0.0.1:8081:80', '--add-host', 'gate:host-gateway',
    'sh', '-c', 'echo hello > /tmp/index.html; exec httpd -f -p 80 -h /tmp')
  t.match(started, { code: 0, out: /^[0-9a-f]{64}$/ })
  t.equal(await answer('127.0.0.1', 8080), 'hello\n')
  t.equal(await answer('172.29.0.1', 8080), 'hello\n')
  t.equal(await get('172.29.0.1', 8081), 'ECONNREFUSED', 'an address of its own')
  t.equal(run('wget', '-qO-', 'http://172.29.0.2/').out, 'hello', 'from another container')
  t.equal(run('--network', 'container:web', 'wget', '-qO-', 'http://127.0.0.1/').out, 'hello', 'from one that shares its network')
  t.match(tsaufs('ps').out, /0\.0\.0\.0:8080->80\/tcp, 127\.0\.0\.1:8081->80\/tcp/)
  t.equal(tsaufs('port', 'web').out, '80/tcp -> 0.0.0.0:8080\n80/tcp -> 127.0.0.1:8081')
  const [{ NetworkSettings }] = JSON.parse(tsaufs('inspect', 'web').out) as [{ NetworkSettings: unknown }]
  t.match(NetworkSettings, { IPAddress: '172.29.0.2', Gateway: '172.29.0.1', Ports: { '80/tcp': [{ HostPort: '8080' }, { HostPort: '8081' }] } })
  t.match(tsaufs('exec', 'web', 'cat', '/etc/hosts').out, /^172\.29\.0\.1\tgate\n172\.29\.0\.2\t[0-9a-f]{12}$/m)
  t.match(run('-p', '8080:80', 'true'), { code: 125, err: /^tsaufs: publish 0\.0\.0\.0:8080:80\/tcp: EADDRINUSE: Bind for 0\.0\.0\.0:8080 failed: port is already allocated$/ })
  t.equal(tsaufs('rm', '-f', 'web').code, 0)
  t.equal(await get('127.0.0.1', 8080), 'ECONNREFUSED')
  t.notMatch(execFileSync('ip', ['link'], { encoding: 'utf8' }), /tsac1d/)
  t.notMatch(execFileSync('nft', ['list', 'ruleset'], { encoding: 'utf8' }), /8080/)
})

t.test('other networks', { skip }, t => {
  t.match(run('--network', 'none', 'ip', '-o', 'addr').out, /^1: lo +inet 127\.0\.0\.1\/8[^\n]*(\n1: lo +inet6 ::1[^\n]*)?$/, 'only lo, and it is up')
  t.match(run('--network', 'host', 'ip', '-o', 'link').out, /tsaufs0/)
  t.match(run('--network', 'mine', 'true'), { code: 125, err: /network mine not found/ })
  t.equal(run('--dns', '10.9.8.7', '--dns-search', 'a.example', 'cat', '/etc/resolv.conf').out.split('\n').slice(0, 2).join('|'), 'nameserver 10.9.8.7|search a.example')
  t.end()
})

t.test('seccomp', { skip }, t => {
  const filter = (...words: string[]): string => run(...words, 'grep', 'Seccomp:', '/proc/self/status').out
  t.match(filter(), /^Seccomp:\t2$/)
  t.match(filter('--security-opt', 'seccomp=unconfined'), /^Seccomp:\t0$/)
  t.match(filter('--privileged'), /^Seccomp:\t0$/)
  t.match(run('unshare', '-U', 'true'), { code: 1, err: /Operation not permitted/ })
  const mine = join(dir, 'mine.json')
  writeFileSync(mine, '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 28}]}')
  t.match(run('--security-opt', `seccomp=${mine}`, 'mkdir', '/x'), { code: 1, err: /No space left on device/ })
  writeFileSync(mine, '{"defaultAction": "SCMP_ACT_ALLOW", "syscals": []}')
  t.match(run('--security-opt', `seccomp=${mine}`, 'true'), { code: 125, err: /mine\.json: EINVAL: unknown key "syscals"/ })
  t.end()
})

t.test('prune takes the bridge', { skip }, t => {
  t.equal(tsaufs('system', 'prune', '-f').code, 0)
  t.notMatch(execFileSync('ip', ['link'], { encoding: 'utf8' }), /tsaufs0/)
  t.equal(execFileSync('nft', ['list', 'ruleset'], { encoding: 'utf8' }), '')
  t.end()
})
