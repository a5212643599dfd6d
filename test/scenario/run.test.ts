/**
 * The scenario table over all subjects.
 *
 *   node dist/test/scenario/run.test.js [--only REGEX] [--subject NAME]...
 *
 * SCENARIO_ONLY and SCENARIO_SUBJECT (comma-separated) say the same when there is no command line.
 */
import t from 'tap'
import { parseArgs } from 'node:util'
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

/** Whether a row says anything about a subject. */
function applies(row: Row, subject: Subject): boolean {
  if (row.skip?.[subject.name] !== undefined) return false
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
    const ok = problems.length === 0 && (outcome.problems.length === 0 || group.length > 1)
    if (!ok) failed.push(`${row.name}\n${[...problems, ...(group.length > 1 ? [] : outcome.problems)].map((p) => `      ${p}`).join('\n')}`)
    if (ok) test.pass(row.name)
    else test.fail(row.name, { found: problems, at: null, stack: '', source: '' } as object)
  }
  if (group.length > 1) {
    if (outcome.problems.length > 0) failed.push(`the mount\n${outcome.problems.map((p) => `      ${p}`).join('\n')}`)
    test.same(outcome.problems, [], `mount of ${group.length} rows (${group[0]!.mount ?? 'default'})`)
  }
}

type Tap = Pick<typeof t, 'pass' | 'fail' | 'same' | 'comment' | 'skip'>

t.setTimeout(3600_000)
const truth = new Map<string, View>()
for (const subject of subjects) {
  const wanted = chosen === undefined || chosen.includes(subject.name)
  if (!wanted && subject.name !== 'plain') continue
  const reason = await subject.unavailable()
  await t.test(subject.name, reason === null ? {} : { skip: reason }, async (test) => {
    test.setTimeout(3600_000)
    const failed: string[] = []
    for (const group of groupRows(rows.filter((row) => applies(row, subject)))) {
      const outcome = await runGroup(subject, group, truth)
      if (subject.name === 'plain') for (const { row, view } of outcome.rows) if (view) truth.set(row.name, view)
      if (wanted) report(test, subject, group, outcome, failed)
      else test.pass('the truth for the others')
    }
    for (const text of failed) test.comment(`FAILED on ${subject.name}: ${text}`)
  })
}
