/**
 * Views of a directory tree, compared: with the plain directory's, and with themselves after a remount.
 */
import { show } from '../helpers/steps.js'
import { toSpecial, type Tree } from '../helpers/tree.js'
import type { Property } from './subjects/subject.js'

/** One object as steps.py's snapshot describes it. */
export interface Seen {
  readonly [field: string]: unknown
  readonly type?: string
  readonly ino?: string
  readonly mtime?: string
}

/** Relative path to object; the directory itself is `.`. */
export type View = Readonly<Record<string, Seen>>

const YEAR_2010_NS = 1262304000n * 1000000000n

/** A time as far as two runs must agree on it: exactly if it was given, as `recent` if it is of the run. */
function timeClass(mtime: string | undefined): string {
  const ns = BigInt(mtime ?? 0)
  return ns > BigInt(Date.now() - 3_600_000) * 1000000n && ns > YEAR_2010_NS ? 'recent' : String(ns)
}

/** Name of the first object (by name) with the same inode number, for each that is not a directory. */
function linkGroups(view: View): Map<string, string> {
  const first = new Map<string, string>()
  const out = new Map<string, string>()
  for (const path of Object.keys(view).sort()) {
    const { ino, type } = view[path]!
    if (ino === undefined || type === 'dir') continue
    if (!first.has(ino)) first.set(ino, path)
    out.set(path, first.get(ino)!)
  }
  return out
}

/**
 * What differs between two views, one text each. `exact` compares times and inode numbers as they are (a remount);
 * otherwise recent times are equal to each other and numbers matter only in that hard links share one.
 */
export function compareViews(expected: View, got: View, exact: boolean, ignore: Readonly<Partial<Record<Property, string>>>): string[] {
  const problems: string[] = []
  const isWeakSpecial = (o: Seen): boolean => ignore.specialIno !== undefined && o.type !== 'file' && o.type !== 'dir'
  const groups = [linkGroups(expected), linkGroups(got)] as const
  for (const path of [...new Set([...Object.keys(expected), ...Object.keys(got)])].sort()) {
    const a = expected[path]
    const b = got[path]
    if (!a || !b) {
      problems.push(a ? `${path}: missing` : `${path}: should not be there (${show(b)})`)
      continue
    }
    for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) {
      if (ignore[key as Property] !== undefined || (key === 'ino' && !exact)) continue
      if (key === 'ino' && isWeakSpecial(b)) continue
      if (key === 'mtime' && ignore.fifoMtime !== undefined && b.type === 'fifo') continue
      const same = key === 'mtime' && !exact ? timeClass(a.mtime) === timeClass(b.mtime) : show(a[key]) === show(b[key])
      if (!same && key === 'xattrs') problems.push(...compareXattrs(path, a[key], b[key]))
      else if (!same) problems.push(`${path}: ${key}: expected ${show(a[key])}, got ${show(b[key])}`)
    }
    if (ignore.groups === undefined && !(exact && isWeakSpecial(b)) && groups[0].get(path) !== groups[1].get(path)) {
      problems.push(`${path}: hard link of ${groups[1].get(path)}, expected ${groups[0].get(path)}`)
    }
  }
  return problems
}

function compareXattrs(path: string, a: unknown, b: unknown): string[] {
  const sorted = (x: unknown): string => show(Object.entries((x ?? {}) as object).sort(([p], [q]) => (p < q ? -1 : 1)))
  return sorted(a) === sorted(b) ? [] : [`${path}: xattrs: expected ${sorted(a)}, got ${sorted(b)}`]
}

/** Whether a view has exactly the names of `tree`, and the contents and attributes it gives. */
export function compareTree(tree: Tree, view: View): string[] {
  const problems: string[] = []
  const left = new Set(Object.keys(view).filter((p) => p !== '.'))
  const visit = (t: Tree, prefix: string): void => {
    for (const [name, entry] of Object.entries(t)) {
      const path = prefix + name
      const want = toSpecial(entry)
      const have = view[path]
      left.delete(path)
      if (!have) {
        problems.push(`merged: ${path} is missing`)
        continue
      }
      const { children, times, ...fields } = want
      if (want.content !== undefined && times !== undefined) delete (fields as { content?: string }).content
      for (const [key, value] of Object.entries(fields)) {
        const seen = key === 'mtime' ? Number(BigInt(have.mtime ?? 0) / 1000000000n) : have[key]
        if (key !== 'xattrs' && show(seen) !== show(value)) {
          problems.push(`merged: ${path}: ${key}: expected ${show(value)}, got ${show(seen)}`)
        }
      }
      if (children) visit(children, `${path}/`)
    }
  }
  visit(tree, '')
  for (const path of left) problems.push(`merged: ${path} should not be there`)
  return problems
}

/** Compare the names on the writable branch with a row's. */
export function compareTop(expected: readonly string[], names: readonly string[]): string[] {
  const got = names.filter((n) => !/(^|\/)\.wh\.\.wh\./.test(n) || /(^|\/)\.wh\.\.wh\.\.opq$/.test(n)).sort()
  const want = [...expected].sort()
  return show(got) === show(want) ? [] : [`top: expected ${show(want)}, got ${show(got)}`]
}
