/** Points 1 to 7: what a program gets from who started it. */
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { initProgram } from '../../helpers/container.js'
import { probeProgram } from '../../helpers/probe.js'
import { all, exactly, type Row } from './row.js'

const hash = (): string => createHash('sha256').update(existsSync(initProgram) ? readFileSync(initProgram) : '').digest('hex')
const binary = hash()
const ran = ({ out }: { out: string }): string => (out.includes('RAN') ? 'ran' : 'refused')
/** Nothing but 0, 1, 2, and what the one who looks has opened. */
const onlyThree = ({ out }: { out: string }): string => (out === 'none\n' ? 'only 0-2' : out)

export const BEFORE_EXEC: Row[] = [
  {
    point: 1, name: 'process 1 opened for writing by /proc/1/exe', extras: { init: true },
    script: 'dd if=/dev/null of=/proc/1/exe conv=notrunc 2>/dev/null && echo OPEN; echo RAN',
    read: ({ out }) => out.includes('OPEN') || hash() !== binary ? 'written' : 'closed', ...all('closed'),
  },
  { point: 2, name: 'entrypoint /proc/self/exe', args: ['/proc/self/exe'], read: ({ code }) => code === 0 ? 'something else' : 'refused', ...all('refused') },
  {
    point: 2, name: 'a script #!/proc/self/exe', args: ['/bin/script'],
    prepare: ({ root }) => writeFileSync(join(root, 'bin/script'), '#!/proc/self/exe\n', { mode: 0o755 }),
    read: ({ code }) => code === 0 ? 'something else' : 'refused', ...all('refused'),
  },
  { point: 3, name: 'descriptors that came along', args: ['/bin/probe', 'fds'], read: onlyThree, ...all('only 0-2') },
  {
    point: 3, name: 'descriptors of the caller: a directory, a file to write', args: ['/bin/probe', 'fds'],
    caller: ({ outside }) => ({ through: `exec 8>>${outside}/secret 9<${outside}; exec "$@"` }), read: onlyThree, ...all('only 0-2'),
  },
  ...[3, 7, 8].map((fd): Row => ({
    point: 4, name: `working directory /proc/self/fd/${fd}`, script: 'pwd -P; ls ../../../../..; echo RAN',
    change: config => { config.process.cwd = `/proc/self/fd/${fd}` }, read: ran, ...all('refused'),
  })),
  {
    point: 4, name: 'working directory: a directory that the caller has open', script: 'pwd -P; ls ../../../../..; echo RAN',
    change: config => { config.process.cwd = '/proc/self/fd/9' }, caller: ({ outside }) => ({ through: `exec 9<${outside}; exec "$@"` }),
    read: answer => ran(answer) === 'ran' ? 'on the host' : 'refused', tsaufs: 'refused', runc: 'refused', crun: 'on the host',
  },
  {
    point: 4, name: 'working directory a link to /proc/self/fd/7', script: 'echo RAN',
    prepare: ({ root }) => symlinkSync('/proc/self/fd/7', join(root, 'tmp/link')),
    change: config => { config.process.cwd = '/tmp/link' }, read: ran, ...all('refused'),
  },
  {
    point: 5, name: 'a working directory that only root may enter, for an ordinary user', script: 'pwd; ls .',
    prepare: ({ root }) => mkdirSync(join(root, 'tmp/closed'), { mode: 0o700 }),
    change: config => { config.process.cwd = '/tmp/closed'; config.process.user = { uid: 1000, gid: 1000 } },
    read: ({ out }) => /^\/tmp\/closed\n.*Permission denied/s.test(out) ? 'put there' : out, ...all('put there'),
  },
  {
    point: 6, name: 'umask, environment and directory of the caller', script: 'umask; env | grep -c SECRET; pwd -P',
    caller: () => ({ through: 'umask 077; exec "$@"' }), read: exactly('0022\n0\n/\n', 'not inherited'), ...all('not inherited'),
  },
  {
    point: 6, name: 'ignored signals of the caller', args: ['grep', '-E', '^Sig(Ign|Blk)', '/proc/self/status'],
    caller: () => ({ through: 'trap "" HUP USR1 PIPE; exec "$@"' }),
    read: ({ out }) => /SigBlk:\t0{16}\nSigIgn:\t0{16}\n/.test(out) ? 'not inherited' : 'inherited', ...all('not inherited'),
  },
  {
    point: 6, name: 'priority and personality of the caller', script: 'cat /proc/self/personality; cut -d" " -f19 /proc/self/stat',
    caller: () => ({ through: 'exec nice -n 5 setarch -R "$@"' }),
    read: ({ out }) => out === '00000000\n0\n' ? 'not inherited' : 'inherited', tsaufs: 'not inherited', runc: 'inherited', crun: 'inherited',
  },
  {
    point: 6, name: 'a secret in the session keyring of the caller', args: ['/bin/probe', 'find-key', 'tsaufs-test'],
    caller: () => ({ through: `exec ${probeProgram()} with-key tsaufs-test "$@"` }), read: ({ out }) => out === 'found\n' ? 'found' : 'not there', ...all('not there'),
  },
  {
    point: 7, name: 'the terminal of the caller', script: '(: </dev/tty) 2>&1; [ -t 0 ] || [ -t 1 ] || echo closed',
    read: ({ out }) => /No such device/.test(out) && /^closed$/m.test(out) ? 'none' : out, ...all('none'),
  },
  {
    point: 7, name: 'characters put into the input of the caller\'s terminal', args: ['/bin/probe', 'terminal'], caller: () => ({ terminal: 'caller' }),
    read: ({ out }) => out.trim(), ...all('none'),
  },
]
