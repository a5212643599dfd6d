/**
 * The scenario table over all subjects.
 *
 *   node dist/test/scenario/run.test.js [--only REGEX] [--subject NAME]...
 *
 * SCENARIO_ONLY and SCENARIO_SUBJECT (comma-separated) say the same when there is no command line. Whoever is not root
 * says so by SCENARIO_IDENTITY (helpers/identity.ts): rows that the plain directory cannot do then are left out on all
 * subjects, those with `limits` on unions, each with its reason in a comment; the last comment of a subject counts them.
 */
import t from 'tap'
import { parseArgs } from 'node:util'
import { identity } from '../helpers/identity.js'
import type { View } from './compare.js'
import { TSAUFS, type Row } from './row.js'
import { allRows } from './rows/index.js'
import { groupRows, runGroup, type GroupOutcome } from './run-group.js'
import { subjects } from './subjects/index.js'
import type { Subject } from './subjects/subject.js'

const { values } = parseArgs({
  options: { only: { type: 'string' }, subject: { type: 'string', multiple: true }, verbose: { type: 'boolean' } },
  strict: false,
})
const only = new RegExp(String(values.only ?? process.env['SCENARIO_ONLY'] ?? ''))
const chosen = (values.subject as string[] | undefined) ?? process.env['SCENARIO_SUBJECT']?.split(',')
const rows = allRows.filter((row) => only.test(row.name))

/** Rows that the plain directory cannot do for us, with the reason. Always empty for root, for whom it can do all. */
const beyondPlain = new Map<string, string>()

/** Note what the plain directory could not do. */
function notePlain({ rows: outcomes, problems }: GroupOutcome): void {
  for (const { row, problems: own, view } of outcomes) {
    if (row.differs?.plain !== undefined) continue
    const problem = own[0] ?? (view === null ? problems[0] : undefined)
    if (problem !== undefined) beyondPlain.set(row.name, `plain directory: ${problem.split('\n')[0]}`)
  }
}

/** Why a row is left out for us on a subject, or undefined. */
function leftOut(row: Row, subject: Subject): string | undefined {
  if (identity === 'root') return undefined
  return beyondPlain.get(row.name) ?? (subject.format === null ? undefined : row.limits?.[identity])
}

/** Whether a row says anything about a subject. */
function applies(row: Row, subject: Subject): boolean {
  if (row.skip?.[subject.name] !== undefined || subject.leftOut?.has(row.name) === true) return false
  const isTsaufs = TSAUFS.includes(subject.name)
  if (row.mount !== undefined || row.only === 'tsaufs') return isTsaufs
  return row.only === 'unions' ? subject.format !== null : true
}

function report(test: Tap, subject: Subject, group: readonly Row[], outcome: GroupOutcome, failed: string[]): void {
  for (const { row, problems } of outcome.rows) {
    const reason = row.differs?.[subject.name]
    if (reason !== undefined) {
      test.pass(`${row.name} # differs (${reason})`)
      if (values.verbose === true || problems.length === 0) test.comment(`${subject.name}: ${row.name}: ${problems.join('\n  ') || 'does not differ'}`)
      continue
    }
    if (leftOut(row, subject) !== undefined) continue
    const ok = problems.length === 0 && (outcome.problems.length === 0 || group.length > 1)
    if (!ok) failed.push(`${row.name}\n${[...problems, ...(group.length > 1 ? [] : outcome.problems)].map((p) => `      ${p}`).join('\n')}`)
    if (ok) test.pass(row.name)
    else test.fail(row.name, { found: problems, at: null, stack: '', source: '' } as object)
  }
  if (group.length > 1 && !group.every((row) => leftOut(row, subject) !== undefined)) {
    if (outcome.problems.length > 0) failed.push(`the mount\n${outcome.problems.map((p) => `      ${p}`).join('\n')}`)
    test.same(outcome.problems, [], `mount of ${group.length} rows (${group[0]!.mount ?? 'default'})`)
  }
}

function commentLeftOut(test: Tap, subject: Subject, all: readonly Row[]): void {
  const out = all.filter((row) => leftOut(row, subject) !== undefined)
  for (const [property, reason] of Object.entries(subject.weak)) test.comment(`not compared: ${property}: ${reason}`)
  for (const row of out) test.comment(`left out: ${row.name}: ${leftOut(row, subject)}`)
  test.comment(`${subject.name} as ${identity}: ${all.length - out.length} rows run, ${out.length} left out`)
}

/** Minutes of its own: only when named, or with TSAUFS_FULL=1. */
const SLOW = 'tsaufs-fuse-native'

type Tap = Pick<typeof t, 'pass' | 'fail' | 'same' | 'comment' | 'skip'>

t.setTimeout(3600_000)
const truth = new Map<string, View>()
for (const subject of subjects) {
  const wanted = chosen === undefined ? subject.name !== SLOW || process.env['TSAUFS_FULL'] !== undefined : chosen.includes(subject.name)
  if (!wanted && subject.name !== 'plain') continue
  const reason = await subject.unavailable()
  await t.test(subject.name, reason === null ? {} : { skip: reason }, async (test) => {
    test.setTimeout(3600_000)
    const failed: string[] = []
    const all = rows.filter((row) => applies(row, subject))
    for (const group of groupRows(all.filter((row) => leftOut(row, subject) === undefined))) {
      const outcome = await runGroup(subject, group, truth)
      if (subject.name === 'plain') for (const { row, view } of outcome.rows) if (view) truth.set(row.name, view)
      if (subject.name === 'plain' && identity !== 'root') notePlain(outcome)
      if (wanted) report(test, subject, group, outcome, failed)
      else test.pass('the truth for the others')
    }
    if (wanted && identity !== 'root') commentLeftOut(test, subject, all)
    for (const text of failed) test.comment(`FAILED on ${subject.name}: ${text}`)
  })
}
