/** Flags that users of docker type; what a machine does with containers when it goes up and down; disk usage, prune. */
import t from 'tap'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { CANNOT_RUN, LifeBed } from './life-bed.js'

const skip = CANNOT_RUN

t.test('flags that change nothing, and those that are refused with the reason', { skip }, t => {
  const bed = new LifeBed(t)
  t.equal(bed.sh('echo ran', '--rm', '-q', '--pull', 'never', '--platform', 'linux', '--no-healthcheck', '--isolation=default', '--volume-driver', 'local', '--disable-content-trust').out, 'ran\n')
  const refused: readonly (readonly [words: string, said: RegExp])[] = [
    ['--link a:b', /--add-host/], ['--gpus all', /--device/], ['--health-cmd true', /no daemon/], ['--network-alias x', /no name server/], ['--log-opt max-size=1m', /neither cut/],
    ['--storage-opt size=1g', /quotas/], ['--cpu-count 1', /Windows/], ['--platform linux/other', /this processor/], ['--runtime kata', /tsaufs-init/], ['--volume-driver nfs', /local/],
    ['--ip6 ::1', /IPv4/], ['--pull sometimes', /not pulled/], ['-a WHAT', /valid streams/], ['-d -a stdout', /Conflicting options/],
  ]
  for (const [words, said] of refused) {
    const { exit, out, err } = bed.sh('true', ...words.split(' '))
    t.same([exit, out, err.split('\n').length], [125, '', 2], words)
    t.match(err, said, words)
  }
  t.equal(bed.run(['ps', '-aq']).out, '')
  t.same(bed.sh('echo out; echo err >&2', '--rm', '-a', 'stderr'), { exit: 0, out: '', err: 'err\n' })
  bed.sh('true', '--name', 'aa', '--annotation', 'k=v', '--dns-opt', 'ndots:2')
  t.equal(bed.inspect('aa', '{{.HostConfig.Annotations.k}} {{.HostConfig.DnsOptions}}'), 'v [ndots:2]')
  t.same((JSON.parse(readFileSync(join(bed.dir(bed.inspect('aa', '{{.Id}}')), 'config.json'), 'utf8')) as { annotations: unknown }).annotations, { k: 'v' })
  bed.run(['rm', 'aa'])
  t.same(bed.remains(), [])
  t.end()
})

t.test('up and down', { skip }, t => {
  const bed = new LifeBed(t)
  const policies = { always: 'always', unless: 'unless-stopped', failed: 'on-failure', stopped: 'unless-stopped', again: 'always', none: 'no' }
  for (const [name, policy] of Object.entries(policies)) bed.detached(t, 'sleep 1000', '--name', name, '--restart', policy)
  bed.detached(t, 'sleep 1000', '--name', 'gone', '--rm')
  bed.run(['stop', '-t', '0', 'stopped', 'again'])
  for (const id of bed.run(['ps', '-q', '--no-trunc']).out.trim().split('\n')) {
    // As a power failure leaves it: nothing runs, and the boot is another one.
    const file = join(bed.dir(id), 'monitor.json')
    const { monitor, container } = JSON.parse(readFileSync(file, 'latin1')) as Record<string, { pid: number }>
    for (const each of [monitor!, container!]) process.kill(each.pid, 'SIGKILL')
    writeFileSync(file, readFileSync(file, 'latin1').replace(/"boot":"[^"]*"/, '"boot":"another"'))
  }
  const { exit, out, err } = bed.run(['system', 'start'])
  t.same([exit, out.trim().split('\n').sort(), err], [0, ['again', 'always', 'failed', 'unless'], ''])
  t.same(bed.run(['ps', '--format', '{{.Names}}']).out.trim().split('\n').sort(), ['again', 'always', 'failed', 'unless'])
  t.same(bed.run(['ps', '-a', '--format', '{{.Names}}', '-f', 'status=dead', '-f', 'status=exited']).out.trim().split('\n').sort(), ['none', 'stopped'], '--rm has removed one')
  t.equal(bed.run(['system', 'start']).out, '', 'once is enough')
  bed.run(['update', '--restart', 'no', 'failed'])
  t.equal(bed.run(['system', 'stop']).out.trim().split('\n').length, 4)
  t.equal(bed.run(['ps', '-q']).out, '')
  t.same(bed.run(['system', 'start']).out.trim().split('\n').sort(), ['again', 'always', 'unless'], 'the machine has stopped them, not somebody')
  bed.run(['rm', '-f', ...Object.keys(policies)])
  t.same(bed.remains(), [])
  t.end()
})

t.test('df and prune', { skip }, t => {
  const bed = new LifeBed(t)
  bed.sh('head -c 100000 /dev/zero > /big', '--name', 'old', '-l', 'a=b', '-v', '/anonymous', '-v', 'named:/data')
  bed.detached(t, 'sleep 1000', '--name', 'runs')
  t.match(bed.run(['system', 'df']).out, /^TYPE +TOTAL +ACTIVE +SIZE +RECLAIMABLE\nContainers +2 +1 +\S+kB +\S+kB \(\d+%\)\nLocal Volumes +2 +2 +\S+ +0B \(0%\)\n$/)
  t.match(bed.run(['system', 'df', '--format', '{{.Type}} {{.TotalCount}}']).out, /^Containers 2\nLocal Volumes 2\n$/)
  t.equal(bed.run(['container', 'prune', '-f', '--filter', 'label=other']).out, 'Total reclaimed space: 0B\n')
  t.equal(bed.run(['container', 'prune'], 'n\n').exit, 0, 'asked, and said no')
  t.equal(bed.run(['ps', '-aq']).out.trim().split('\n').length, 2)
  t.match(bed.run(['container', 'prune', '-f', '--filter', 'label=a=b']).out, /^Deleted Containers:\n[0-9a-f]{64}\n\nTotal reclaimed space: \d+(\.\d+)?kB\n$/)
  t.match(bed.run(['system', 'prune', '-f', '--volumes']).out, /Deleted Volumes:\n[0-9a-f]{64}\n/)
  t.equal(bed.run(['volume', 'ls', '-q']).out, 'named\n')
  bed.run(['rm', '-f', 'runs'])
  t.same(bed.remains(), [])
  t.end()
})
