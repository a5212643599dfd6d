/** Views of a directory (steps.py's snapshots) compared where only what a user relies on counts. */
import { compareViews, type View } from '../scenario/compare.js'

/** Without times of directories: an undone change in one leaves them changed. */
function plain(view: View): View {
  return Object.fromEntries(Object.entries(view).map(([path, seen]) => {
    if (seen.type !== 'dir') return [path, seen]
    const { mtime: _, ...rest } = seen
    return [path, rest]
  }))
}

/**
 * What differs, at most one text per object, on one line; '' if nothing does.
 * @param exact compare inode numbers and new times too: both views are of the same directory
 */
export function differences(want: View, got: View, exact = false): string {
  const first = new Map<string, string>()
  for (const text of compareViews(plain(want), plain(got), exact, {})) {
    const path = text.slice(0, text.indexOf(':'))
    if (!first.has(path)) first.set(path, text.slice(0, 150))
  }
  return [...first.values()].join('; ')
}

/** Names of ours that must never stay on a branch: temporaries. `names` as steps.py's `names` gives them. */
export function temporaries(names: readonly string[]): string[] {
  return names.filter(name => /^\.wh\.\.wh\.work\//.test(name) || /(^|\/)\.wh\.\.wh\.t/.test(name) || /^\.wh\.\.wh\.plnk\/(t|.*\.p$)/.test(name))
}
