/**
 * `tsaufs check`: an offline look at branches, and their repair. Nothing is written to a branch that is not to be
 * repaired; no symbolic link is followed and no mount point entered. The order on each branch is that of the repair at
 * mount: what a crash left first, then the walk, then the link index, then the mark of the crash.
 */
import { sys } from '../os/native.js'
import { Errno, E } from '../os/errno.js'
import type { BranchSpec } from '../config/config.js'
import { Branch } from '../union/branch.js'
import { clearWork } from '../union/repair.js'
import { WORK_DIR } from '../union/whiteout/aufs.js'
import { probeUserXattrs } from '../union/xattr-keys.js'
import { Context } from './context.js'
import type { Finding } from './finding.js'
import { checkGroups, checkIndex, checkOurs, namesOf, openReserved } from './links.js'
import { walkBranch } from './walk.js'

const C = sys.constants

/** What is to be done with the branches. */
export interface CheckRequest {
  /** Top first. Those that are `rw` are repaired if `repair` says so. */
  readonly branches: readonly BranchSpec[]
  readonly repair: boolean
}

/**
 * Look at branches.
 * @param emit gets each finding as soon as it is made
 * @throws Errno EBUSY if one that is to be repaired is mounted; what opening a branch gives
 */
export function checkStack(request: CheckRequest, emit: (finding: Finding) => void): void {
  const branches: Branch[] = []
  try {
    for (const [index, spec] of request.branches.entries()) branches.push(new Branch(spec, index, { readOnly: !request.repair }))
    sys.prepareProcess()
    probeUserXattrs(branches[0]!.lockFd)
    // The lowest first: a repair there may change what those above are for.
    for (const branch of [...branches].reverse()) checkBranch(new Context({ branches, config: { shwh: false } }, branch, emit))
  } finally {
    for (const branch of branches) branch.close()
  }
}

function checkBranch(ctx: Context): void {
  const { branch } = ctx
  const inUse = !branch.writable && isLocked(branch)
  if (inUse) ctx.found('in-use', '', null)
  checkOurs(ctx)
  checkWork(ctx)
  checkIndex(ctx)
  walkBranch(ctx)
  checkGroups(ctx)
  if (!inUse && sys.getxattr(branch.fd, '', branch.keys.dirty, Buffer.alloc(0)) >= 0) {
    ctx.found('dirty', '', () => {
      const rc = sys.removexattr(branch.fd, '', branch.keys.dirty)
      if (rc < 0) throw new Errno(-rc, 'removexattr', branch.keys.dirty)
    })
  }
}

/** Does a mount write to the branch? The lock is only tried. */
function isLocked(branch: Branch): boolean {
  if (sys.flock(branch.lockFd, C['LOCK_SH']! | C['LOCK_NB']!) < 0) return true
  sys.flock(branch.lockFd, C['LOCK_UN']!)
  return false
}

/** What lies in the work directory: the repair at mount knows what to do with it. */
function checkWork(ctx: Context): void {
  const work = openReserved(ctx, WORK_DIR)
  if (work < 0) return
  const names = namesOf(ctx, work, WORK_DIR)
  sys.close(work)
  const repair = (): void => {
    clearWork(ctx.branch, () => {})
    if (sys.statx(ctx.branch.fd, WORK_DIR) === 0) throw new Errno(E.ENOTEMPTY, 'rmdir', WORK_DIR)
  }
  if (names.length === 0) ctx.found('leftover-work', WORK_DIR, repair)
  for (const name of names) ctx.found('leftover-work', `${WORK_DIR}/${name}`, repair)
}

