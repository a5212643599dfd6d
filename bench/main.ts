/**
 * `npm run bench`: every operation on every union, round by round, side by side. See docs/benchmarks.md.
 *
 * It runs in mount and process namespaces of its own: a mount that somebody else's namespace holds a copy of could not be
 * ended, and whatever happens to us, no server is left behind.
 */
import { appendFileSync, mkdirSync, mkdtempSync, statfsSync, writeFileSync } from 'node:fs'
import { spawn } from 'node:child_process'
import { cpus, release, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Command, InvalidArgumentError, Option } from 'commander'
import { removeTree, runProgram } from '../test/scenario/subjects/subject.js'
import { Fixtures } from './fixtures.js'
import { measure, runOps, type Site } from './measure.js'
import { buildPrograms, repository } from './programs.js'
import { markdown } from './report.js'
import { addSample, emptyRow, type Circumstances, type Results } from './results.js'
import type { Group, Row } from './row.js'
import { macroRows } from './rows/macro.js'
import { microRows } from './rows/micro.js'
import { scaleRows } from './rows/scale.js'
import { allSubjects, type Subject } from './subjects.js'
import { verdicts } from './targets.js'

const INSIDE = 'TSAUFS_BENCH_INSIDE'
const rows: readonly Row[] = [...microRows, ...macroRows, ...scaleRows]

interface Options {
  readonly rounds: number
  readonly scale: number
  readonly group: Group[]
  readonly all?: true
  readonly only?: RegExp
  readonly subject?: string[]
  readonly branches: string
  readonly json?: string
  readonly record?: true
  readonly list?: true
}

const say = (text: string): void => { process.stderr.write(`bench: ${text}\n`) }

function positive(text: string): number {
  const value = Number(text)
  if (!(value > 0)) throw new InvalidArgumentError('a number above 0 is needed')
  return value
}

function parse(argv: readonly string[]): Options {
  const groups: Group[] = ['micro', 'macro', 'scale']
  return new Command('bench')
    .description('compare tsaufs with other unions on this machine; results in Markdown on standard output')
    .option('--rounds <n>', 'how often each row is measured on each subject', positive, 5)
    .option('--scale <factor>', 'multiplies the counts of steps and files', positive, 1)
    .addOption(new Option('--group <name...>', 'which rows').choices(groups).default(['micro']))
    .option('--all', 'all rows (an hour or two)')
    .option('--only <regex>', 'rows of any group whose name it matches', (text: string) => new RegExp(text))
    .option('--subject <name...>', 'these subjects instead of all')
    .option('--branches <where>', 'tmpfs, ext4 or a directory: where the branches lie', 'tmpfs')
    .option('--json <file>', 'write the results there too')
    .option('--record', 'append the results to bench/results/')
    .option('--list', 'name the rows and subjects, and stop')
    .parse(argv, { from: 'user' }).opts<Options>()
}

const fileSystems: Readonly<Record<number, string>> = { 0x01021994: 'tmpfs', 0xef53: 'ext4', 0x58465342: 'xfs', 0x9123683e: 'btrfs' }
const typeOf = (dir: string): string => fileSystems[statfsSync(dir).type] ?? `0x${statfsSync(dir).type.toString(16)}`

/** The directory for `--branches`. @throws Error when there is no such file system in the usual places */
function branchesDir(where: string): string {
  if (where.includes('/')) return resolve(where)
  const found = ['/dev/shm', tmpdir(), '/var/tmp', repository].find(dir => typeOf(dir) === where)
  if (found === undefined) throw new Error(`--branches ${where}: no ${where} in the usual places; give a directory`)
  return found
}

function chooseRows(options: Options): Row[] {
  if (options.only !== undefined) return rows.filter(({ name }) => options.only!.test(name))
  return rows.filter(({ group }) => options.all ?? options.group.includes(group))
}

/** Those that can take part, and why the others cannot. */
async function chooseSubjects(options: Options, nullProgram: string): Promise<{ subjects: Subject[]; missing: Record<string, string> }> {
  const all = allSubjects(nullProgram)
  const wanted = options.subject
  const unknown = wanted?.find(name => !all.some(subject => subject.name === name))
  if (unknown !== undefined) throw new Error(`no subject ${unknown}; there are: ${all.map(({ name }) => name).join(' ')}`)
  const subjects: Subject[] = []
  const missing: Record<string, string> = {}
  for (const subject of all.filter(({ name, byDefault }) => wanted?.includes(name) ?? byDefault)) {
    const reason = await subject.unavailable()
    if (reason === null) subjects.push(subject)
    else missing[subject.name] = reason
  }
  return { subjects, missing }
}

async function circumstances(options: Options, dir: string): Promise<Circumstances> {
  const git = async (...words: string[]): Promise<string> => (await runProgram(['git', '-C', repository, ...words])).out.trim()
  const dirty = (await git('status', '--porcelain')) === '' ? '' : ' and changes'
  return {
    date: new Date().toISOString().slice(0, 16), commit: `${(await git('rev-parse', '--short', 'HEAD')) || 'unknown'}${dirty}`,
    kernel: release(), cpus: cpus().length, node: process.version, branches: typeOf(dir), rounds: options.rounds, scale: options.scale,
  }
}

/** Round by round, row by row, subject by subject; who begins changes from row to row and from round to round. */
async function runRounds(chosen: readonly Row[], subjects: readonly Subject[], results: Results, site: Site): Promise<void> {
  for (let round = 0; round < results.circumstances.rounds; round++) {
    for (const [i, row] of chosen.entries()) {
      say(`round ${round + 1} of ${results.circumstances.rounds}, row ${i + 1} of ${chosen.length}: ${row.name}`)
      const first = (round + i) % subjects.length
      for (const subject of [...subjects.slice(first), ...subjects.slice(0, first)]) {
        const cell = results.rows[i]!.cells[subject.name]!
        if (cell.why !== null) continue
        try {
          addSample(cell, await measure(row, subject, site))
        } catch (error) {
          const message = error instanceof Error ? error.message : String(error)
          cell.why = `failed: ${message.replaceAll(site.work, '')}`
          say(`${subject.name}, ${row.name}: ${cell.why}`)
        }
      }
    }
  }
}

/** Unmount what is mounted and remove everything, then end: on a signal. */
function cleanUpOnSignal(site: Site): void {
  let ending = false
  const end = async (): Promise<void> => {
    if (ending) return
    ending = true
    for (const mounted of site.mounts) await mounted.unmount()
    await removeTree(site.work)
    process.exit(130)
  }
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => void end())
}

async function bench(options: Options): Promise<void> {
  const chosen = chooseRows(options)
  if (chosen.length === 0) throw new Error('no row has such a name; see --list')
  const programs = await buildPrograms()
  const { subjects, missing } = await chooseSubjects(options, programs.nothing)
  for (const [name, reason] of Object.entries(missing)) say(`left out: ${name}, ${reason}`)
  const dir = branchesDir(options.branches)
  const work = mkdtempSync(join(dir, 'tsaufs-bench-'))
  const make = async (op: string, to: string, n: number, args: readonly string[] = []): Promise<void> => {
    await runOps(programs.ops, [op, to, String(n), ...args])
  }
  const site: Site = { work, programs, scale: options.scale, mounts: new Set(), fixtures: new Fixtures(join(work, 'trees'), make, options.scale) }
  cleanUpOnSignal(site)
  const results: Results = {
    circumstances: await circumstances(options, dir), missing,
    subjects: subjects.map(({ name, kind }) => ({ name, kind })),
    rows: chosen.map(row => emptyRow(row, subjects)),
  }
  try {
    await runRounds(chosen, subjects, results, site)
  } finally {
    await removeTree(work)
  }
  publish(results, options)
}

function publish(results: Results, options: Options): void {
  const judged = verdicts(results)
  process.stdout.write(markdown(results, judged))
  const kept = JSON.stringify({ ...results, verdicts: judged })
  if (options.json !== undefined) writeFileSync(options.json, `${kept}\n`)
  if (options.record === undefined) return
  mkdirSync(join(repository, 'bench/results'), { recursive: true })
  appendFileSync(join(repository, 'bench/results/results.jsonl'), `${kept}\n`)
}

function list(): void {
  for (const { group, name, about } of rows) process.stdout.write(`${group} ${name.padEnd(20)} ${about}\n`)
  for (const { name, byDefault } of allSubjects('')) process.stdout.write(`subject ${name}${byDefault ? '' : ' (only with --subject)'}\n`)
}

/** Run again inside namespaces; bash is there to collect the processes that lose their parent. */
function goInside(argv: readonly string[]): Promise<number> {
  const self = fileURLToPath(import.meta.url)
  const namespaces = ['--mount', '--pid', '--fork', '--kill-child', '--mount-proc']
  const child = spawn('unshare', [...namespaces, 'bash', '-c', '"$@"; exit $?', 'bash', process.execPath, self, ...argv],
    { stdio: 'inherit', detached: true, env: { ...process.env, [INSIDE]: '1' } })
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.kill(-child.pid!, signal))
  return new Promise((done, fail) => {
    child.on('error', fail)
    child.on('close', code => { done(code ?? 130) })
  })
}

async function main(argv: readonly string[]): Promise<number> {
  const options = parse(argv)
  if (options.list) {
    list()
    return 0
  }
  if (process.getuid!() !== 0) throw new Error('it mounts and drops caches: run it as root')
  if (process.env[INSIDE] === undefined) return goInside(argv)
  await bench(options)
  return 0
}

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  say(error instanceof Error ? error.message : String(error))
  process.exitCode = 1
}
