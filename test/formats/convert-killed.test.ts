/**
 * tsaufs convert is killed, or a call of it fails, in the middle of its work: what is left shows what the branch showed, and
 * run again it comes to its end. TSAUFS_FULL=1 leaves no call out.
 */
import t, { type Test } from 'tap'
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { sample } from '../fault/sweep.js'
import type { Report } from '../helpers/native-double.js'
import { ConvertBed } from './convert-bed.js'

const skip = process.getuid!() === 0 ? false : 'needs root'
const POINTS = process.env['TSAUFS_FULL'] === undefined ? 3 : Infinity
const DOUBLE = new URL('../helpers/native-double.js', import.meta.url).href
const EIO = 5

/** A conversion of a used branch. */
interface Case {
  readonly to: string
  /** What it is made from, by convert itself. */
  readonly from: 'R' | 'V'
  /** How the result is mounted. */
  readonly as: string
}

const CASES: readonly Case[] = [
  { to: 'oci', from: 'R', as: 'rw' }, { to: 'overlay', from: 'R', as: 'rw+fmt=overlay' }, { to: 'aufs', from: 'V', as: 'rw' },
]

/** Run a conversion under the double. */
async function doubled(bed: ConvertBed, command: object, words: readonly string[]): Promise<{ code: number, err: string, report: Report | null }> {
  const file = bed.at('report')
  rmSync(file, { force: true })
  const { code, err } = await bed.tsaufs(['convert', ...words], {
    NODE_OPTIONS: `--import ${DOUBLE}`, TSAUFS_DOUBLE_COMMAND: JSON.stringify(command), TSAUFS_DOUBLE_REPORT: file,
  })
  return { code, err, report: existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) as Report : null }
}

const copy = (bed: ConvertBed, from: string, to: string): void => {
  spawnSync('rm', ['-rf', bed.at(to)])
  spawnSync('cp', ['-a', '--', bed.at(from), bed.at(to)])
}

async function inPlace(t: Test, bed: ConvertBed, { to, from, as }: Case): Promise<void> {
  const words = ['--to', to, '--lower', bed.at('L'), bed.at('X')]
  copy(bed, from, 'X')
  const { code, err, report } = await doubled(bed, { arm: { n: 0, errno: 0, which: 'mutating', once: true } }, words)
  t.equal(code, 0, err)
  const calls = report?.calls ?? []
  t.ok(calls.length > 10, `${calls.length} calls`)
  const ways = [...sample(calls.length, POINTS, 1).map((n) => ({ n, dies: true })), ...sample(calls.length, POINTS, 50).map((n) => ({ n, dies: false }))]
  for (const { n, dies } of ways) {
    const label = `${to}, ${dies ? 'killed after' : 'EIO at'} call ${n} of ${calls.length} (${calls[n - 1]})`
    copy(bed, from, 'X')
    const command = dies ? { crash: { n, when: 'after', which: 'mutating' } } : { arm: { n, errno: EIO, which: 'mutating', once: true } }
    const first = await doubled(bed, command, words)
    if (dies) t.equal(first.report, null, `${label}: it died`)
    else if (first.code !== 0) t.match(first.err, /^tsaufs: [^\n]*EIO[^\n]*\n$/, `${label}: one line`)
    copy(bed, 'X', 'Y')
    t.same(await bed.mounted('Y=rw', () => bed.differences()), [], `${label}: shows the same`)
    const again = await bed.tsaufs(['convert', ...words])
    t.equal(again.code, 0, `${label}: run again: ${again.err}`)
    t.same(await bed.mounted(`X=${as}`, () => bed.differences()), [], `${label}: run again, shows the same`)
  }
}

t.test('in place', { skip, timeout: 1_200_000 }, async (t) => {
  const bed = new ConvertBed(t)
  await bed.make()
  copy(bed, 'R', 'V')
  t.equal((await bed.tsaufs(['convert', '--to', 'overlay', '--lower', bed.at('L'), bed.at('V')])).code, 0)
  for (const each of CASES) await inPlace(t, bed, each)
})

t.test('into a copy', { skip, timeout: 600_000 }, async (t) => {
  const bed = new ConvertBed(t)
  await bed.make()
  const words = ['--to', 'oci', '--lower', bed.at('L'), '--into', bed.at('O'), bed.at('R')]
  const untouched = async <T>(when: string, use: () => Promise<T>): Promise<T> => {
    await bed.server.ask({ digest: bed.at('R'), key: 'R' })
    const result = await use()
    t.same((await bed.server.ask({ compare: bed.at('R'), key: 'R' }))['changes'], [], `${when}: the branch is as it was`)
    return result
  }
  for (const n of [1, 12]) {
    await untouched('killed', () => doubled(bed, { crash: { n, when: 'after', which: 'mutating' } }, words))
    t.same([existsSync(bed.at('O')), existsSync(bed.at('O.tsaufs-part'))], [false, true], 'killed: not there under its name')
  }
  const held = spawnSync('flock', ['-n', bed.at('O.tsaufs-part'), 'sh', '-c', 'exec "$@"', 'sh', process.execPath, 'bin/tsaufs.js', 'convert', ...words], { encoding: 'utf8' })
  t.match([held.status, held.stderr], [1, /EBUSY: .*O\.tsaufs-part is still being written/], 'a cp that goes on is not disturbed')
  const { code, err } = await untouched('failed', () => doubled(bed, { arm: { n: 12, errno: EIO, which: 'mutating', once: false } }, words))
  t.match([code, err], [1, /^tsaufs: [^\n]*EIO[^\n]*\n$/])
  t.same([existsSync(bed.at('O')), existsSync(bed.at('O.tsaufs-part'))], [false, false], 'failed: nothing is left')
  t.equal((await untouched('run again', () => bed.tsaufs(['convert', ...words]))).code, 0, 'run again')
  t.notOk(existsSync(bed.at('O.tsaufs-part')))
  await bed.same('O=rw')
})
