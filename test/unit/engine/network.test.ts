/** What the network flags mean: ports, addresses, requests. */
import t from 'tap'
import { deviceOf, macOf } from '../../../lib/engine/network/bridge.js'
import { formatIpv4, overlap, parseIpv4, parseSubnet } from '../../../lib/engine/network/ipv4.js'
import { parsePort, parsePublish } from '../../../lib/engine/network/ports.js'
import { networkRequest } from '../../../lib/engine/network/request.js'
import { resolvConf } from '../../../lib/engine/network/resolv-conf.js'

t.test('addresses', t => {
  t.equal(parseIpv4('172.29.0.2'), 0xac1d0002)
  t.equal(formatIpv4(0xac1d0002), '172.29.0.2')
  for (const wrong of ['', '1.2.3', '1.2.3.256', '1.2.3.04', '1.2.3.4.5', ' 1.2.3.4', '::1', '0x1.2.3.4']) t.equal(parseIpv4(wrong), undefined, wrong)
  t.strictSame(parseSubnet('172.29.3.4/16'), { base: 0xac1d0000, bits: 16 })
  for (const wrong of ['172.29.0.0', '172.29.0.0/33', '172.29.0.0/1/2', 'default']) t.equal(parseSubnet(wrong), undefined, wrong)
  t.ok(overlap(parseSubnet('10.0.0.0/8')!, parseSubnet('10.1.2.3/32')!))
  t.notOk(overlap(parseSubnet('10.0.0.0/24')!, parseSubnet('10.0.1.0/24')!))
  t.equal(deviceOf(0xac1d0002), 'tsac1d0002')
  t.equal(deviceOf(0x0a000002), 'ts0a000002')
  t.equal(macOf(0xac1d0002), '02:42:ac:1d:00:02')
  t.end()
})

t.test('published ports', t => {
  const row = (ip: string, first: number, last: number, port: number, protocol = 'tcp'): object => ({ ip, first, last, port, protocol })
  t.strictSame(parsePublish('80'), [row('', 0, 0, 80)])
  t.strictSame(parsePublish('8080:80'), [row('', 8080, 8080, 80)])
  t.strictSame(parsePublish('127.0.0.1:8080:80/udp'), [row('127.0.0.1', 8080, 8080, 80, 'udp')])
  t.strictSame(parsePublish('127.0.0.1::80/TCP'), [row('127.0.0.1', 0, 0, 80)])
  t.strictSame(parsePublish('0.0.0.0:1:2/sctp'), [row('', 1, 1, 2, 'sctp')])
  t.strictSame(parsePublish('8000-8001:80-81'), [row('', 8000, 8000, 80), row('', 8001, 8001, 81)])
  t.strictSame(parsePublish('8000-8010:80'), [row('', 8000, 8010, 80)])
  t.strictSame(parsePublish('80-81'), [row('', 0, 0, 80), row('', 0, 0, 81)])
  const wrong: [string, RegExp][] = [
    ['', /invalid publish opts format/], ['a:80', /invalid publish opts format|invalid hostPort/], ['80:', /invalid publish opts format/], ['0', /from 1 to 65535/],
    ['65536', /from 1 to 65535/], ['90-80', /from 1 to 65535/], ['1-2:1-3', /invalid ranges specified/], ['80/icmp', /invalid proto: icmp/],
    ['1.2.3:80:80', /invalid IP address: 1\.2\.3/], ['[::1]:80:80', /addresses of IPv4 only/], ['1:2:3:4', /invalid publish opts format/], ['1-5000', /5000 ports; 4096 are the most/],
    ['70000:80', /invalid hostPort: 70000/],
  ]
  for (const [text, message] of wrong) t.throws(() => parsePublish(text), { message, exit: 2 }, text)
  t.strictSame(parsePort('--expose', '80-81/udp'), ['80/udp', '81/udp'])
  t.throws(() => parsePort('--expose', 'http'), { message: /invalid port: http/ })
  t.end()
})

t.test('requests', t => {
  t.match(networkRequest({}, true), { mode: 'bridge', asked: false, ports: [] })
  t.match(networkRequest({}, false), { mode: /^(slirp4netns|pasta)$/, asked: false })
  t.match(networkRequest({ network: 'default', ip: '10.0.0.9', macAddress: '02-42-AC-1D-00-09' }, true), { mode: 'bridge', asked: true, ip: '10.0.0.9', mac: '02:42:ac:1d:00:09' })
  t.match(networkRequest({ network: 'none', publish: ['80:80'] }, true), { mode: 'none', ports: [] })
  t.match(networkRequest({ publishAll: true, expose: ['80', '53/udp'], publish: ['8080:80'] }, true), {
    exposed: ['80/tcp', '53/udp'], ports: [{ first: 8080, port: 80 }, { first: 0, port: 53, protocol: 'udp' }],
  })
  const wrong: [object, RegExp][] = [
    [{ network: 'mine' }, /--network mine: ENOENT: network mine not found; there are bridge/],
    [{ network: 'container:' }, /not found/],
    [{ network: 'container:a', publish: ['80'] }, /port publishing and the container type network mode/],
    [{ network: 'host', ip: '10.0.0.9' }, /--ip 10\.0\.0\.9: EINVAL: conflicting options/],
    [{ ip: '10.0.0' }, /invalid IPv4 address: 10\.0\.0/],
    [{ macAddress: '01:42:ac:1d:00:09' }, /invalid MAC address/],
  ]
  for (const [flags, message] of wrong) t.throws(() => networkRequest(flags, true), { message, exit: 2 })
  t.end()
})

t.test('resolv.conf', t => {
  const host = { conf: '# by hand\nnameserver 127.0.0.53\nnameserver 10.1.1.1\nnameserver fd00::1\nsearch a.example b.example\noptions edns0 trust-ad\n', resolved: '' }
  const nothing = { dns: [], search: [], options: [] }
  const rest = 'search a.example b.example\noptions edns0 trust-ad\n'
  t.equal(resolvConf('bridge', nothing, host), `nameserver 10.1.1.1\n${rest}`)
  t.equal(resolvConf('host', nothing, host), `nameserver 127.0.0.53\nnameserver 10.1.1.1\nnameserver fd00::1\n${rest}`)
  t.equal(resolvConf('pasta', nothing, host), `nameserver 10.1.1.1\nnameserver fd00::1\n${rest}`)
  t.equal(resolvConf('slirp4netns', nothing, host), `nameserver 10.0.2.3\n${rest}`)
  t.equal(resolvConf('bridge', { dns: ['1.2.3.4', '::1'], search: ['.'], options: ['ndots:2'] }, host), 'nameserver 1.2.3.4\nnameserver ::1\noptions ndots:2\n')
  const local = { conf: 'nameserver 127.0.0.53\ndomain c.example\n', resolved: 'nameserver 10.2.2.2\n' }
  t.equal(resolvConf('bridge', nothing, local), 'nameserver 10.2.2.2\nsearch c.example\n')
  t.equal(resolvConf('bridge', nothing, { ...local, resolved: '' }), 'nameserver 8.8.8.8\nnameserver 8.8.4.4\nsearch c.example\n')
  t.equal(resolvConf('none', nothing, { conf: '', resolved: '' }), '')
  t.end()
})
