/**
 * Renaming a directory over one that is empty in the union but holds whiteouts on its branch: rename(2) would refuse,
 * and moving the target aside first would for a moment show nothing, or what is below, under its name. So the two are
 * exchanged in one step and the old target is removed where it then is. A note in the work directory says so meanwhile:
 *
 *     .wh..wh.work/swap.N -> INO:PATH     the directory with inode INO, if it is at PATH now, is to be removed
 *                            INO!:PATH    and leave a whiteout in its place (overlayfs's form)
 */
import { sys, type Bytes } from '../os/native.js'
import { must } from '../os/errno.js'
import { st } from '../os/stat.js'
import type { Branch } from './branch.js'
import type { Place } from './place.js'
import { removeTree } from './remove.js'

const C = sys.constants
const O_PATH_DIR = C['O_PATH']! | C['O_DIRECTORY']! | C['O_NOFOLLOW']!
const PREFIX = 'swap.'
const noteBuffer = Buffer.alloc(4096)

export const isSwap = (name: Bytes): boolean => name.startsWith(PREFIX)

/**
 * Put directory `from` in the place of directory `to` on one branch; `to` and what it holds is gone after.
 * @param path where `from` is, from the branch root: that is where the old target will be for a moment
 * @param leave whether a whiteout is to be left where `from` was, in overlayfs's form
 * @throws Errno; nothing has changed then
 */
export function swapDirs(branch: Branch, from: Place, to: Place, path: Bytes, leave: boolean): void {
  const work = branch.work()
  const note = PREFIX + branch.temp()
  try {
    must(sys.statx(to.dirfd, to.name), 'statx', to.name)
    const ino = st.inoHigh * 0x100000000 + st.inoLow
    must(sys.symlinkat(`${ino}${leave ? '!' : ''}:${path}`, work, note), 'symlinkat', note)
    const rc = sys.renameat2(from.dirfd, from.name, to.dirfd, to.name, C['RENAME_EXCHANGE']!)
    if (rc < 0) sys.unlinkat(work, note, 0)
    must(rc, 'renameat2', to.name)
    const discarded = discard(branch, from, work, leave)
    if (discarded < 0 && sys.renameat2(from.dirfd, from.name, to.dirfd, to.name, C['RENAME_EXCHANGE']!) < 0) {
      // Neither forth nor back: the note stays, and the next mount removes the old target.
      return
    }
    sys.unlinkat(work, note, 0)
    must(discarded, 'renameat2', from.name)
  } finally {
    branch.endWork()
  }
}

/**
 * Take a directory out of sight; what of it cannot be removed is left for the next mount.
 * @returns 0 or -errno if it is still there
 */
function discard(branch: Branch, at: Place, work: number, leave: boolean): number {
  const temp = branch.temp()
  const rc = sys.renameat2(at.dirfd, at.name, work, temp, leave ? C['RENAME_WHITEOUT']! : 0)
  if (rc === 0) removeTree(work, temp)
  return rc
}

/** After a crash: if the exchange had happened, remove the old target. */
export function finishSwap(branch: Branch, work: number, note: Bytes, report: (line: string) => void): void {
  const length = sys.readlinkat(work, note, noteBuffer)
  const text = length > 0 ? noteBuffer.toString('latin1', 0, length) : ''
  const colon = text.indexOf(':')
  const path = text.slice(colon + 1)
  const slash = path.lastIndexOf('/')
  const parent = slash < 0 ? sys.reopen(branch.fd, O_PATH_DIR) : sys.openBeneath(branch.fd, path.slice(0, slash), O_PATH_DIR)
  if (parent >= 0) {
    const name = path.slice(slash + 1)
    if (sys.statx(parent, name) === 0 && st.inoHigh * 0x100000000 + st.inoLow === Number.parseInt(text, 10)) {
      discard(branch, { dirfd: parent, name }, work, text[colon - 1] === '!')
      report(`${branch.spec.path}: finished an interrupted rename, removed the replaced directory ${path}`)
    }
    sys.close(parent)
  }
  removeTree(work, note)
}
