/** An explanation as people read it, and as programs do. */
import type { Explanation } from '../daemon/explain.js'
import type { MountRecord } from '../daemon/rundir.js'
import { readableAll } from './output.js'

const KINDS: Readonly<Record<number, string>> = {
  0o010000: 'fifo', 0o020000: 'character device', 0o040000: 'directory', 0o060000: 'block device', 0o100000: 'file',
  0o120000: 'symbolic link', 0o140000: 'socket',
}

/** What an object is, by its S_IFMT bits. */
function kindName(kind: number): string {
  return KINDS[kind] ?? 'object'
}

type Why = NonNullable<Explanation['cut']>['why']

/** What ends the merge at an object, as a thing. */
const MARKS: Readonly<Record<Why, string>> = {
  whiteout: 'whiteout', opaque: 'opaque directory', redirect: 'renamed directory', file: 'no directory', directory: 'directory',
}

/** How something is hidden by such a thing. */
const BEHIND: Readonly<Record<Why, string>> = {
  whiteout: 'behind the whiteout', opaque: 'behind the opaque directory', redirect: 'behind the renamed directory',
  file: 'covered by', directory: 'no directory, covered by the directory',
}

/** One fact: a heading of fixed width, and what there is to say. */
function fact(heading: string, text: string): string {
  return `  ${heading.padEnd(12)}${text}`
}

function time(ms: number): string {
  return new Date(ms).toISOString()
}

/**
 * Lines for people.
 * @param typed the path as it was given
 */
export function explanationLines(typed: string, { branches }: MountRecord, e: Explanation): string[] {
  const name = (branch: number): string => branches[branch] ?? `branch ${branch}`
  const lines = [e.kind === 0 ? `${typed}: not there` : `${typed}: ${kindName(e.kind)}, inode ${e.ino}`]
  if (e.notDirectory !== '') lines.push(fact('because', `${e.notDirectory} in the union is no directory`))
  e.parts.forEach(({ at, branch }, i) => {
    lines.push(fact(i === 0 ? 'from' : 'merged with', `${at}  (branch ${branch}, ${permissions(name(branch))})`))
  })
  for (const { at, to } of e.redirects) lines.push(fact('redirect', `${at} goes on below at ${to}: it was renamed`))
  if (e.kind === 0 && e.cut !== null && e.notDirectory === '') lines.push(fact('hidden by', `${e.cut.at}  (${MARKS[e.cut.why]})`))
  for (const { at, kind, by } of e.hides) {
    lines.push(fact(e.kind === 0 ? 'hidden' : 'hides', `${at}  (${kindName(kind)}), ${BEHIND[by.why]} ${by.at}`))
  }
  for (const { at } of e.unheeded) lines.push(fact('ignored', `${at}: a whiteout on a read-only branch without +wh`))
  if (e.kind === 0 && e.cut === null && e.hides.length === 0 && e.notDirectory === '') lines.push(fact('because', 'no branch has it'))
  lines.push(...identityLines(e), ...ledgerLines(e), ...planLines(e, name))
  return lines
}

/** `rw+nolwh` of `/path=rw+nolwh`. */
function permissions(branch: string): string {
  return branch.slice(branch.lastIndexOf('=') + 1)
}

function identityLines({ origin, links }: Explanation): string[] {
  const lines: string[] = []
  if (origin !== null) {
    lines.push(fact('origin', `inode ${origin.ino} of file system ${origin.fsid}${origin.stored ? ', of which this is a copy' : ''}`))
  }
  if (links !== null) {
    lines.push(fact('links', `${links.count} names, known: ${links.names.join(' ')}`))
    if (links.copy !== '') lines.push(fact('', `all of them show ${links.copy}`))
  }
  return lines
}

function ledgerLines({ copyUps, origin, madeMs }: Explanation): string[] {
  if (copyUps.length === 0) {
    return origin?.stored === true && madeMs > 0 ? [fact('copied up', `${time(madeMs)}, in an earlier mount or before the ledger begins`)] : []
  }
  return copyUps.map(({ timeMs, command, pid, uid, reason, bytes, from, to }) => {
    const who = pid === 0 ? 'the kernel, writing back' : `${command === '' ? '?' : command}[${pid}] of uid ${uid}`
    return fact('copied up', `${time(timeMs)} by ${who}, to ${reason}: ${bytes} bytes, ${from} -> ${to}`)
  })
}

function planLines({ change, create, kind }: Explanation, name: (branch: number) => string): string[] {
  const line = (heading: string, plan: NonNullable<Explanation['change']>): string => {
    const policy = plan.policy === '' ? '' : `${plan.policy}: `
    return fact(heading, plan.branch < 0 ? `EROFS (${policy}${plan.reason})` : `on ${name(plan.branch)} (${policy}${plan.reason})`)
  }
  return [
    ...(change === null ? [] : [line('a change', change)]),
    ...(create === null ? [] : [line(kind === 0 ? 'if created' : 'a new file', create)]),
  ]
}

/** The same for programs: kinds by name, strings as text, branches as `PATH=perm` beside their index. */
export function readableExplanation(typed: string, record: MountRecord, e: Explanation): unknown {
  return readableAll({
    typed, mountpoint: record.mountpoint, branches: record.branches, exists: e.kind !== 0,
    ...e, kind: e.kind === 0 ? null : kindName(e.kind),
    hides: e.hides.map((each) => ({ ...each, kind: kindName(each.kind) })),
    copyUps: e.copyUps.map((each) => ({ ...each, kind: kindName(each.kind) })),
  })
}
