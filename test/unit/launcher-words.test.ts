/** What people type for containers, and what is told them: flags, templates, times, frames. Nothing here runs anything. */
import t from 'tap'
import { matchKeys, detachKeys } from '../../lib/cli/container/terminal.js'
import { compileTemplate } from '../../lib/cli/container/template.js'
import { ContainerCommand, many } from '../../lib/cli/container/command.js'
import { encodeFrame, FrameReader } from '../../lib/engine/attach/frames.js'
import { capabilities, normalCapability } from '../../lib/engine/spec/capabilities.js'
import { mergeEnv } from '../../lib/engine/spec/env.js'
import { parseMount, parseTmpfs, parseVolume } from '../../lib/engine/spec/mounts.js'
import { parseDevice, parseRestart, parseSecurity, parseUlimit, signalNumber } from '../../lib/engine/spec/words.js'
import { major, minor } from '../../lib/engine/spec/numbers.js'
import { humanDuration, parseDuration, parseMoment } from '../../lib/engine/store/times.js'
import { checkName, newId, randomName } from '../../lib/engine/store/ids.js'

t.test('switches may have a value, and what follows the program is its own', t => {
  const parse = (...words: string[]): unknown => {
    let seen: unknown
    const root = new ContainerCommand('top').enablePositionalOptions()
    root.addCommand(new ContainerCommand('run', { runs: true }).argument('[words...]').option('--rm').option('-i, --interactive').option('-t, --tty')
      .option('--no-sig-proxy').option('-e, --env <variable>', 'x', many).option('-h, --hostname <name>')
      .action((words: string[], options: object) => { seen = { words, ...options } }))
    root.parse(['run', ...words], { from: 'user' })
    return seen
  }
  t.same(parse('-it', '--rm', 'sh', '-c', '--rm=false'), { words: ['sh', '-c', '--rm=false'], interactive: true, tty: true, rm: true, sigProxy: true })
  t.same(parse('--rm=false', '--interactive=true', '-t=0', 'x'), { words: ['x'], interactive: true, sigProxy: true })
  t.same(parse('--sig-proxy=false', 'x'), { words: ['x'], sigProxy: false })
  t.same(parse('--sig-proxy=true', 'x'), { words: ['x'], sigProxy: true })
  t.same(parse('-e', '--rm=false', '-e=A=1', '--env=B=2', '-eC=3', 'x'), { words: ['x'], env: ['--rm=false', 'A=1', 'B=2', 'C=3'], sigProxy: true })
  t.same(parse('-h', 'web', '--', '--rm'), { words: ['--rm'], hostname: 'web', sigProxy: true })
  t.end()
})

t.test('keys that detach', t => {
  t.same(detachKeys(), [16, 17])
  t.same(detachKeys('ctrl-x,y'), [24, 121])
  t.same(detachKeys(''), [])
  t.throws(() => detachKeys('ctrl-'), { code: 'EINVAL' })
  const keys = [16, 17]
  t.same(matchKeys(Buffer.from([97, 16]), keys, 0), { bytes: Buffer.from('a'), matched: 1 }, 'the first is held back')
  t.same(matchKeys(Buffer.from([98]), keys, 1), { bytes: Buffer.from([16, 98]), matched: 0 }, 'and told when the second is another')
  t.same(matchKeys(Buffer.from([16, 17]), keys, 1), { bytes: Buffer.from([16]), matched: 2 }, 'one too many before')
  t.same(matchKeys(Buffer.from('x'), [], 0), { bytes: Buffer.from('x'), matched: 0 })
  t.end()
})

t.test('templates', t => {
  const value = { State: { Status: 'running', Pid: 7, Running: true }, Names: 'a', List: [{ A: 1 }, { A: 2 }], Labels: { 'x.y': 'z' }, None: [] }
  const render = (template: string): string => compileTemplate(template)(value)
  t.equal(render('{{.State.Status}} {{ .State.Pid }}'), 'running 7')
  t.equal(render('{{json .State}}'), '{"Status":"running","Pid":7,"Running":true}')
  t.equal(render('{{upper .Names}}\\t{{len .List}}'), 'A\t2')
  t.equal(render('{{range .List}}<{{.A}}>{{end}}!'), '<1><2>!')
  t.equal(render('{{range .None}}x{{else}}none{{end}}'), 'none')
  t.equal(render('{{if .State.Running}}up{{else}}down{{end}}'), 'up')
  t.equal(render('{{index .Labels "x.y"}}'), 'z')
  t.equal(render('{{.Names | json}}'), '"a"')
  t.equal(render('{{.State.Nothing}}'), '<no value>')
  for (const bad of ['{{.Nothing}}', '{{', '{{range .List}}', '{{end}}', '{{nothing .A}}', '{{}}']) t.throws(() => render(bad), { code: 'EINVAL' }, bad)
  t.end()
})

t.test('frames', t => {
  const seen: [number, string][] = []
  const reader = new FrameReader((type, data) => seen.push([type, data.toString()]))
  const stream = Buffer.concat([encodeFrame(1, Buffer.from('abc')), encodeFrame(3, Buffer.alloc(0)), encodeFrame(2, Buffer.from('d'))])
  t.same(stream.subarray(0, 8), Buffer.from([1, 0, 0, 0, 0, 0, 0, 3]))
  for (const byte of stream) reader.push(Buffer.of(byte))
  t.same(seen, [[1, 'abc'], [3, ''], [2, 'd']])
  t.throws(() => reader.push(Buffer.from([1, 0, 0, 0, 255, 0, 0, 0])), /EPROTO/)
  t.end()
})

t.test('capabilities', t => {
  t.equal(capabilities([], [], false).length, 14)
  t.same(capabilities(['CAP_NET_ADMIN'], ['ALL'], false), ['CAP_NET_ADMIN'])
  t.notOk(capabilities(['ALL'], ['CAP_MKNOD'], false).includes('CAP_MKNOD'))
  t.equal(normalCapability('--cap-add', 'net_admin'), 'CAP_NET_ADMIN')
  t.throws(() => normalCapability('--cap-add', 'everything'), { code: 'EINVAL' })
  t.end()
})

t.test('mounts', t => {
  const bind = { type: 'bind', source: '/w/d', target: '/t', readOnly: false, options: [] }
  t.same(parseVolume('./d:/t', '/w'), bind)
  t.same(parseVolume('/w/d:/t/:ro,z,rslave', '/'), { ...bind, readOnly: true, options: ['rslave'] })
  t.same(parseMount('type=bind,src=/usr,dst=/t,readonly,"bind-propagation=rshared"', '/'), { ...bind, source: '/usr', readOnly: true, options: ['rshared'] })
  t.same(parseTmpfs('/t:size=1m,exec,ro'), { type: 'tmpfs', source: '', target: '/t', readOnly: true, options: ['size=1m', 'exec'] })
  t.same(parseVolume('name:/t', '/'), { type: 'volume', source: '', target: '/t', readOnly: false, options: [], volume: { name: 'name', noCopy: false } })
  t.equal(parseVolume('/t', '/').volume?.name, '', 'one without a name')
  t.equal(parseMount('target=/t', '/').type, 'volume')
  t.equal(parseVolume('/a:/t:O', '/').type, 'overlay')
  const wrong = ['x:/t', 't', '/a:t', '/a:/', '/a:/t/../..', '/a:/t:what', '/a:/b:/c:/d', ':/t']
  for (const text of wrong) t.throws(() => parseVolume(text, '/'), { name: 'MountError' }, text)
  for (const text of ['type=volume,source=a/b,target=/t', 'type=volume', 'type=bind,target=/t', 'type=bind,source=/nowhere/at/all,target=/t', 'what=1,target=/t', 'type=tmpfs,source=/x,target=/t']) {
    t.throws(() => parseMount(text, '/'), { name: 'MountError' }, text)
  }
  t.end()
})

t.test('small words', t => {
  t.equal(signalNumber('', 'term'), 15)
  t.equal(signalNumber('', 'SIGRTMIN+1'), 35)
  t.equal(signalNumber('', '9'), 9)
  for (const bad of ['0', '65', 'NOPE', '', '-1']) t.throws(() => signalNumber('', bad), { code: 'EINVAL' }, bad)
  t.same(parseUlimit('nofile=1:2'), { name: 'nofile', soft: 1, hard: 2 })
  t.same(parseUlimit('core=-1'), { name: 'core', soft: -1, hard: -1 })
  for (const bad of ['nofile=2:1', 'nofile=-1:5', 'nothing=1', 'nofile']) t.throws(() => parseUlimit(bad), { code: 'EINVAL' }, bad)
  t.same(parseRestart('on-failure:3'), { name: 'on-failure', maximumRetryCount: 3 })
  t.same(parseRestart(''), { name: 'no', maximumRetryCount: 0 })
  for (const bad of ['always:3', 'sometimes', 'on-failure:x']) t.throws(() => parseRestart(bad), { code: 'EINVAL' }, bad)
  t.same(parseDevice('/dev/null:/dev/x:r'), { pathOnHost: '/dev/null', pathInContainer: '/dev/x', permissions: 'r' })
  t.same(parseDevice('/dev/null:rw'), { pathOnHost: '/dev/null', pathInContainer: '/dev/null', permissions: 'rw' })
  for (const bad of ['/dev/null:x', '/etc', '/dev/nothing', '/dev/null:/dev/../x']) t.throws(() => parseDevice(bad), { name: 'MountError' }, bad)
  t.same(parseSecurity([], false), { seccomp: undefined, noNewPrivileges: true, masks: true })
  t.same(parseSecurity(['seccomp=unconfined', 'no-new-privileges:false', 'systempaths=unconfined'], false), { seccomp: 'unconfined', noNewPrivileges: false, masks: false })
  t.throws(() => parseSecurity(['apparmor=mine'], false), { code: 'EOPNOTSUPP' })
  t.same(mergeEnv(['A=1', 'B=2'], ['A=3=4', 'C=']), ['A=3=4', 'B=2', 'C='])
  t.same([major(0x103), minor(0x103)], [1, 3])
  t.end()
})

t.test('times', t => {
  const told: [number, string][] = [
    [0.2, 'Less than a second'], [1, '1 second'], [59, '59 seconds'], [61, 'About a minute'], [90 * 60, '2 hours'],
    [3600, 'About an hour'], [3 * 86400, '3 days'], [20 * 86400, '2 weeks'], [90 * 86400, '3 months'], [800 * 86400, '2 years'],
  ]
  for (const [seconds, words] of told) t.equal(humanDuration(seconds * 1000), words)
  t.equal(parseDuration('1h30m'), 5_400_000)
  t.equal(parseDuration('soon'), undefined)
  t.equal(parseMoment('10s', 20_000), 10_000)
  t.equal(parseMoment('1.5'), 1500)
  t.equal(parseMoment('2026-11-27T23:00:00.123456789Z'), Date.UTC(2026, 10, 27, 23, 0, 0, 123))
  t.equal(parseMoment('yesterday'), undefined)
  t.end()
})

t.test('ids and names', t => {
  t.match(newId(), /^[0-9a-f]{64}$/)
  for (let attempt = 0; attempt < 20; attempt++) t.doesNotThrow(() => checkName(randomName(attempt)))
  for (const bad of ['', 'a', '-a', '.a', 'a/b', '../x', 'a b', 'x'.repeat(300)]) t.throws(() => checkName(bad), { code: 'EINVAL' }, bad)
  t.end()
})
