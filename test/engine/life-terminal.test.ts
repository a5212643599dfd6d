/** Containers with a terminal: size, keys, signals, leaving and coming back. */
import t from 'tap'
import { spawnSync } from 'node:child_process'
import { dirname, join } from 'node:path'
import { PROGRAM } from '../cli/sandbox.js'
import { CANNOT_RUN, COMMAND, LifeBed } from './life-bed.js'

const skip = CANNOT_RUN
const HELPER = join(dirname(PROGRAM), '../test/engine/in-terminal.py')

/** `tsaufs WORDS` in a terminal: what it shows, and its exit code. */
function inTerminal(bed: LifeBed, words: readonly string[], ...steps: readonly (readonly [wait: string, type: string])[]): { exit: number | null, out: string } {
  bed.waitForWarm()
  const { status, stdout } = spawnSync('python3', [HELPER, JSON.stringify(steps), ...COMMAND, ...words], {
    cwd: bed.path, env: bed.env, encoding: 'latin1', timeout: 60_000,
  })
  return { exit: status, out: stdout }
}

t.test('a shell: its size, a resize, Ctrl-C, Ctrl-Z, its exit code', { skip }, t => {
  const bed = new LifeBed(t)
  const { exit, out } = inTerminal(bed, ['run', '--rm', '-it', '--network', 'none', '--rootfs', 'R', 'sh'],
    ['# ', 'stty size; tty; echo $TERM\n'], ['xterm', '44x111'],
    ['# ', 'while [ "$(stty size)" != "44 111" ]; do sleep 0.05; done; echo a${X}fter; sh -c "echo on; sleep 1000"\n'], ['on\r', '\x03'],
    ['# ', 'sh -c "echo o${X}f; sleep 1000"\n'], ['of\r', '\x1a'], ['Stopped', 'exit 1\n'], ['You have stopped jobs', 'exit 5\n'])
  t.equal(exit, 5, out)
  t.match(out, /33 99\r\n\/dev\/pts\/0\r\nxterm\r\n/)
  t.match(out, /after\r\n/)
  t.same(bed.remains(), [])
  t.end()
})

t.test('leaving it by keys, coming back, exec beside it', { skip }, t => {
  const bed = new LifeBed(t)
  const left = inTerminal(bed, ['run', '-it', '--name', 'tt', '--network', 'none', '--rootfs', 'R', 'sh'], ['# ', 'echo $((6*7))\n'], ['42', '\x10\x11'])
  t.equal(left.exit, 0, left.out)
  t.equal(bed.inspect('tt', '{{.State.Status}}'), 'running')
  const beside = inTerminal(bed, ['exec', '-it', 'tt', 'sh'], ['# ', 'tty; exit 4\n'])
  t.equal(beside.exit, 4, beside.out)
  t.match(beside.out, /\/dev\/pts\/1/)
  const back = inTerminal(bed, ['attach', 'tt'], ['', '\n'], ['# ', 'echo re$((1+1))\n'], ['re2', 'exit 3\n'])
  t.equal(back.exit, 3, back.out)
  t.match(bed.run(['logs', 'tt']).out, /re2/)
  t.match(bed.run(['run', '-it', '--rootfs', 'R', 'sh']), { exit: 125, err: /not a TTY/ })
  t.equal(bed.run(['rm', 'tt']).exit, 0)
  t.same(bed.remains(), [])
  t.end()
})
