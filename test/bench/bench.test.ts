/** The benchmark runs and says what it should say. What the figures are is never tested here. */
import t from 'tap'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { median } from '../../bench/results.js'
import { format } from '../../bench/report.js'
import { repositoryRoot } from '../helpers/steps.js'
import { runProgram } from '../scenario/subjects/subject.js'
import type { Results } from '../../bench/results.js'
import type { Verdict } from '../../bench/targets.js'

const program = join(repositoryRoot(), 'dist/bench/main.js')
const skip = process.geteuid?.() === 0 ? false : 'needs root'

t.test('a small run', { skip }, async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'tsaufs-bench-test-'))
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))
  const json = join(dir, 'results.json')
  const words = ['--rounds', '1', '--scale', '0.01', '--branches', dir, '--json', json,
    '--only', '^(stat|create|walk-cold|readdir-again|copyup-open|idle-memory)$', '--subject', 'plain', 'tsaufs-cached', 'null']
  const { code, out, err } = await runProgram([process.execPath, program, ...words])
  t.equal(code, 0, err)

  const results = JSON.parse(readFileSync(json, 'utf8')) as Results & { verdicts: Verdict[] }
  t.strictSame(results.subjects.map(({ name }) => name), ['plain', 'tsaufs-cached', 'null'])
  t.strictSame(results.rows.map(({ name }) => name), ['walk-cold', 'stat', 'readdir-again', 'create', 'copyup-open', 'idle-memory'])
  t.match(results.circumstances, { rounds: 1, scale: 0.01, kernel: /^\d/, date: /^\d{4}-/ })
  for (const row of results.rows) {
    const cell = row.cells['tsaufs-cached']!
    t.equal(cell.why, null, `${row.name} was measured`)
    t.ok(cell.samples.length === 1 && cell.samples[0]! > 0, `${row.name} has a value`)
    t.match(out, new RegExp(`^\\| ${row.name} +\\| `, 'm'), `${row.name} is in the table`)
  }
  t.equal(results.rows.find(({ name }) => name === 'create')!.cells['tsaufs-cached']!.serverNs.length, 1, 'the server\'s processor time')
  t.equal(results.rows.find(({ name }) => name === 'idle-memory')!.cells['plain']!.why, 'no server')
  t.ok(results.verdicts.some(({ met }) => met === null) && results.verdicts.some(({ met }) => met !== null), 'targets are judged where measured')
  for (const heading of ['# Benchmark', '## Micro', '## Scale', '## Targets']) t.match(out, heading)
  t.strictSame(readdirSync(dir), ['results.json'], 'nothing is left')
})

t.test('what cannot be asked for', { skip }, async (t) => {
  const unknown = await runProgram([process.execPath, program, '--subject', 'aufs'])
  t.match(unknown, { code: 1, err: /no subject aufs; there are: plain overlayfs/ })
  const none = await runProgram([process.execPath, program, '--only', '^nothing$'])
  t.match(none, { code: 1, err: /no row has such a name/ })
  const list = await runProgram([process.execPath, program, '--list'])
  t.match(list, { code: 0, out: /^micro stat .*\n(.*\n)*macro apt-install (.*\n)*scale lookup-127 (.*\n)*subject fuse-overlayfs$/m })
})

t.test('figures', (t) => {
  t.equal(median([]), null)
  t.equal(median([3, 1, 2]), 2)
  t.equal(median([4, 1, 2, 3]), 2.5)
  t.strictSame([format(0, 'ns'), format(999, 'ns'), format(12_345, 'ns'), format(2.5e9, 'ns')], ['0', '999 ns', '12.3 us', '2.50 s'])
  t.strictSame([format(48 * 1024 * 1024, 'bytes'), format(0.5, 'x')], ['48.0 MiB', '0.50'])
  t.end()
})
