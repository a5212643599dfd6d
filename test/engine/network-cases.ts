/**
 * Containers on the bridge: reached, published, bound to one address only, and gone without a trace. Security list, point 27.
 */
import t from 'tap'
import type { Test } from 'tap'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describeNetwork, disconnectNetwork, sweepNetwork } from '../../lib/engine/network/index.js'
import { readState } from '../../lib/engine/network/state.js'
import { missing } from '../../lib/engine/network/usermode.js'
import { get, Holder } from './net-holder.js'

const ip = (...words: string[]): string => execFileSync('ip', words, { encoding: 'utf8' })
const rules = (): string => execFileSync('nft', ['list', 'ruleset'], { encoding: 'utf8' })
const devices = (): string[] => (JSON.parse(ip('-j', 'link')) as { ifname: string }[]).map(({ ifname }) => ifname).sort()
const GATEWAY = '172.29.0.1'

ip('link', 'set', 'lo', 'up')
const before = devices()
writeFileSync('/proc/sys/net/ipv4/ip_forward', '0')

/** Containers that are gone when the test is over, whatever happens in it. */
function containers(t: Test): (name: string, flags?: ConstructorParameters<typeof Holder>[2], unshare?: readonly string[]) => Promise<Holder> {
  const base = mkdtempSync(join(tmpdir(), 'tsaufs-network-'))
  const all: Holder[] = []
  t.teardown(async () => {
    for (const holder of all) await holder.down()
    rmSync(base, { recursive: true })
  })
  return async (name, flags = {}, unshare = ['--net']) => {
    const holder = new Holder(base, name, flags, unshare)
    all.push(holder)
    return holder.up()
  }
}

t.test('containers reach each other and what is published', async t => {
  const start = containers(t)
  const a = await start('a', { publish: ['8080:80', '127.0.0.1:8081:80', '80'] })
  t.match(a.notes, [/^net\.ipv4\.ip_forward was 0 and is 1 now/])
  const b = await start('b')
  t.strictSame(b.notes, [])
  t.equal(a.address, '172.29.0.2')
  t.equal(b.address, '172.29.0.3')
  await a.serve(80)
  const free = a.hostPort(80)
  t.equal(free, 8080)

  t.equal(await get(a.address, 80), `a ${GATEWAY}`, 'from the host')
  t.equal(await b.get(a.address, 80), `a ${b.address}`, 'from another container')
  t.equal(await get('127.0.0.1', 8080), `a ${GATEWAY}`, 'at the loopback address')
  t.equal(await get(GATEWAY, 8080), `a ${GATEWAY}`, 'at the address of the bridge')
  t.equal(await b.get(GATEWAY, 8080), `a ${GATEWAY}`, 'at the address of the bridge, from another container')
  t.equal(await a.get(GATEWAY, 8080), `a ${GATEWAY}`, 'at the address of the bridge, by itself')
  t.equal(await get('127.0.0.1', 8081), `a ${GATEWAY}`, 'an address of its own')
  t.equal(await get(GATEWAY, 8081), 'ECONNREFUSED', 'and only there')
  const { ports, published, settings } = describeNetwork(a.networked)
  const random = published.at(-1)![1].split(':')[1]!
  t.equal(await get('127.0.0.1', Number(random)), `a ${GATEWAY}`, 'at a port that was free')
  t.equal(ports, `0.0.0.0:8080->80/tcp, 127.0.0.1:8081->80/tcp, 0.0.0.0:${random}->80/tcp`)
  t.match(settings, { IPAddress: '172.29.0.2', IPPrefixLen: 16, Gateway: GATEWAY, MacAddress: '02:42:ac:1d:00:02', Ports: { '80/tcp': [{ HostIp: '0.0.0.0', HostPort: '8080' }, {}, {}] } })
  const host = createServer(socket => socket.end('host')).listen(9000, '0.0.0.0')
  t.equal(await a.run(`require('node:net').connect(9000, '${GATEWAY}').on('data', data => { console.log(String(data)) })`), 'host', 'the gateway is the host')
  host.close()
  t.strictSame(JSON.parse(ip('-j', 'route', 'show', 'default')), [], 'the host has no new default route')
})

t.test('the world outside: translated on the way out, and no way in but by published ports', async t => {
  const start = containers(t)
  const a = await start('a', { publish: ['8080:80', '127.0.0.1:8081:80'] })
  await a.serve(80)
  const outside = await start('outside', { network: 'none' })
  ip('link', 'add', 'lan0', 'type', 'veth', 'peer', 'name', 'lan1', 'netns', String(outside.pid))
  ip('addr', 'add', '192.168.77.1/24', 'dev', 'lan0')
  ip('link', 'set', 'lan0', 'up')
  const there = (...words: string[]): unknown => execFileSync('nsenter', [`--net=/proc/${outside.pid}/ns/net`, 'ip', ...words])
  there('addr', 'add', '192.168.77.2/24', 'dev', 'lan1')
  there('link', 'set', 'lan1', 'up')
  there('route', 'add', '172.29.0.0/16', 'via', '192.168.77.1')
  // Somebody on the same wire who takes us for the way to 127.0.0.1.
  there('route', 'add', '127.0.0.1/32', 'via', '192.168.77.1', 'dev', 'lan1', 'table', '7')
  there('rule', 'add', 'pref', '0', 'to', '127.0.0.1', 'lookup', '7')
  execFileSync('nsenter', [`--net=/proc/${outside.pid}/ns/net`, 'sh', '-c', 'echo 1 > /proc/sys/net/ipv4/conf/all/route_localnet'])
  await outside.serve(70)

  t.equal(await a.get('192.168.77.2', 70), 'outside 192.168.77.1', 'out, translated')
  t.equal(await outside.get('192.168.77.1', 8080), 'a 192.168.77.2', 'in by a published port; who asks is seen')
  t.equal(await outside.get('192.168.77.1', 8081), 'ECONNREFUSED', 'not by one of the loopback address')
  t.equal(await outside.get(a.address, 80), 'TIMEOUT', 'not by the address of the container')
  t.equal(await outside.get('127.0.0.1', 8081), 'TIMEOUT', 'not with the loopback address on the wire')
})

t.test('addresses and ports that are taken', async t => {
  const start = containers(t)
  const a = await start('a', { ip: '172.29.7.7', macAddress: '02:00:00:00:00:09', publish: ['8000-8001:80-81/udp', '127.0.0.1:8003:80'] })
  t.equal(a.address, '172.29.7.7')
  t.equal(await a.run("console.log(require('node:os').networkInterfaces().eth0[0].mac)"), '02:00:00:00:00:09')
  await t.rejects(start('b', { ip: '172.29.7.7' }), { message: '--ip 172.29.7.7: EADDRINUSE: Address already in use', exit: 125 })
  await t.rejects(start('c', { ip: '10.0.0.1' }), { message: /^--ip 10\.0\.0\.1: EADDRNOTAVAIL: no configured subnet contains IP address 10\.0\.0\.1/ })
  await t.rejects(start('d', { ip: GATEWAY }), { message: /^--ip 172\.29\.0\.1: EADDRINUSE: / })
  await t.rejects(start('e', { publish: ['8001:80/udp'] }), { message: 'publish 0.0.0.0:8001:80/udp: EADDRINUSE: Bind for 0.0.0.0:8001 failed: port is already allocated' })
  await t.rejects(start('f', { publish: ['8003:80'] }), { message: /EADDRINUSE/ }, 'all addresses are one of them too')
  await t.rejects(start('g', { publish: ['9.9.9.9:80:80'] }), { message: 'publish 9.9.9.9:80:80/tcp: EADDRNOTAVAIL: Bind for 9.9.9.9:80 failed: this host has no such address' })
  const server = createServer().listen(8005, '0.0.0.0')
  await t.rejects(start('h', { publish: ['8006:1', '8005:80'] }), { message: /^publish 0\.0\.0\.0:8005:80\/tcp: EADDRINUSE/ }, 'by a program of the host')
  server.close()
  const other = await start('i', { publish: ['8000:80', '8006:1', '8003-8004:80/udp'] })
  t.equal(other.hostPort(1), 8006, 'what failed has left nothing')
  t.strictSame(devices().filter(name => name.startsWith('ts')), ['tsac1d0002', 'tsac1d0707', 'tsaufs0'])
})

t.test('many at once, each with an address and a port of its own', async t => {
  const start = containers(t)
  const all = await Promise.all(Array.from({ length: 10 }, (_, i) => start(`many${i}`, { publish: ['80'] })))
  t.equal(new Set(all.map(each => each.address)).size, 10)
  t.equal(new Set(all.map(each => each.hostPort(80))).size, 10)
  await Promise.all(all.map(each => each.down()))
  t.notMatch(rules(), /inet_service : .*\{[^}]*elements/)
})

t.test('after a crash: the address is free, the port leads nowhere, and sweep finds it', async t => {
  const start = containers(t)
  const a = await start('a', { publish: ['8080:80', '127.0.0.1:8082:80/udp'] })
  const { id } = a.networked.record
  await a.kill()
  await t.resolves(goneDevice('tsac1d0002'), 'the device goes with the namespace')
  const b = await start('b')
  t.equal(b.address, '172.29.0.2', 'the address is given again')
  t.notMatch(rules(), /8080/, 'and nothing of the dead one leads to it')
  await b.down()
  await disconnectNetwork(a.networked)
  await disconnectNetwork(a.networked)

  const c = await start('c', { publish: ['8080:80'] })
  const d = await start('d', { publish: ['8090:80'] })
  await c.kill()
  await goneDevice('tsac1d0002')
  t.match(rules(), /8080/)
  t.strictSame(await sweepNetwork(() => undefined, { remove: false, all: true }), ['port 0.0.0.0:8080/tcp'])
  t.strictSame(await sweepNetwork(() => undefined, { remove: true, all: true }), ['port 0.0.0.0:8080/tcp'])
  t.notMatch(rules(), /8080/)
  t.match(rules(), /8090/, 'one that lives keeps its port')
  t.strictSame(await sweepNetwork(dead => dead !== d.networked.record.id, { remove: true, all: false }), ['port 0.0.0.0:8090/tcp', 'device tsac1d0003'], 'held by a stranger')
  t.not(id, '')
})

t.test('nothing is left', async t => {
  t.strictSame(await sweepNetwork(() => undefined, { remove: true, all: true }), ['nft table ip tsaufs', 'bridge tsaufs0'])
  t.strictSame(await sweepNetwork(() => undefined, { remove: true, all: true }), [])
  t.equal(rules(), '')
  t.strictSame(devices().filter(name => name !== 'lan0'), before)
})

t.test('a bridge that is there already, and a subnet that is taken', async t => {
  const start = containers(t)
  ip('link', 'add', 'other0', 'type', 'bridge')
  ip('addr', 'add', '172.29.200.1/24', 'dev', 'other0')
  ip('link', 'set', 'other0', 'up')
  const a = await start('a')
  t.equal(a.address, '172.30.0.2', 'the next subnet')
  await a.down()
  await sweepNetwork(() => undefined, { remove: true, all: true })
  ip('link', 'del', 'other0')
  ip('link', 'add', 'tsaufs0', 'type', 'bridge')
  ip('addr', 'add', '10.9.9.1/29', 'dev', 'tsaufs0')
  const all = await Promise.all(Array.from({ length: 5 }, (_, i) => start(`few${i}`)))
  t.strictSame(all.map(each => each.address).sort(), [2, 3, 4, 5, 6].map(each => `10.9.9.${each}`))
  await t.rejects(start('full'), { message: /EADDRNOTAVAIL: no available IPv4 addresses/ })
  await Promise.all(all.map(each => each.down()))
  // Made anew around the old one, while the table stays.
  ip('link', 'del', 'tsaufs0')
  ip('link', 'add', 'tsaufs0', 'type', 'bridge')
  ip('addr', 'add', '10.9.0.1/16', 'dev', 'tsaufs0')
  const wide = await start('wide')
  t.equal(wide.address, '10.9.0.2')
  t.match(rules(), /elements = \{ 10\.9\.0\.0\/16 \}/)
  await wide.down()
  await sweepNetwork(() => undefined, { remove: true, all: true })
})

t.test('none: only lo, and no abstract socket of the host', async t => {
  const server = createServer().listen('\0tsaufs-test-abstract')
  const a = await containers(t)('a', { network: 'none' })
  t.equal(await a.run("console.log(Object.keys(require('node:os').networkInterfaces()).join())"), '')
  t.equal(await a.run("require('node:net').connect('\\0tsaufs-test-abstract').on('error', error => console.log(error.code)).on('connect', () => console.log('reached'))"), 'ECONNREFUSED')
  t.strictSame(describeNetwork(a.networked).published, [])
  server.close()
  t.match(readFileSync('/proc/net/dev', 'latin1'), /lo:/)
})

const noSlirp = missing('slirp4netns')
t.test('slirp4netns', { skip: noSlirp === undefined ? false : `${noSlirp.code}: ${noSlirp.advice}` }, async t => {
  const start = containers(t)
  const a = await start('a', { network: 'slirp4netns', publish: ['127.0.0.1:8080:80'] }, ['--user', '--map-root-user', '--net'])
  await a.serve(80)
  t.equal(a.address, '10.0.2.100')
  t.equal(await get('127.0.0.1', 8080), 'a 10.0.2.2')
  t.match(describeNetwork(a.networked), { ports: '127.0.0.1:8080->80/tcp', settings: { IPAddress: '10.0.2.100', Gateway: '10.0.2.2' } })
  const { pid } = readState(a.networked.dir)!.helper!
  await t.rejects(start('b', { network: 'slirp4netns', publish: ['127.0.0.1:8080:80'] }, ['--user', '--map-root-user', '--net']), { code: 'EADDRINUSE' })
  await a.down()
  t.equal(await endOf(pid), undefined, 'it has ended')
})

/** Waits until a process that is no child of ours has ended, or was never there. */
async function endOf(pid: number): Promise<number | undefined> {
  while (!/^\d+ \(.*\) Z/s.test(stat(pid))) await new Promise(resolve => setImmediate(resolve))
  return undefined
}

/** /proc/PID/stat; of a process that is not there, that of one that has ended. */
function stat(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'latin1')
  } catch {
    return `${pid} () Z`
  }
}

/** A device goes a moment after the last process of its namespace. */
async function goneDevice(name: string): Promise<void> {
  const { spawn } = await import('node:child_process')
  const monitor = spawn('ip', ['monitor', 'link'], { stdio: ['ignore', 'pipe', 'inherit'] })
  const seen = new Promise<void>(resolve => {
    let text = ''
    monitor.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk
      if (text.includes(`Deleted`) && text.includes(name)) resolve()
    })
  })
  // It may have gone before anybody looked.
  const poll = setInterval(() => { if (!devices().includes(name)) monitor.kill() }, 50)
  await Promise.race([seen, new Promise(resolve => monitor.once('exit', resolve))])
  clearInterval(poll)
  monitor.kill()
}
