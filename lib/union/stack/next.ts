/**
 * The stack a union is to have: opened, locked and repaired beside the one it has, so that everything that can be refused
 * is refused while nothing has changed.
 */
import { Errno, E } from '../../os/errno.js'
import type { BranchSpec, MountConfig } from '../../config/config.js'
import { Branch } from '../branch.js'
import type { Layers } from '../lookup.js'
import { beginUse, endUse } from '../repair.js'
import type { Union } from '../union.js'
import { openWatches, type Watches } from '../watches.js'
import { touchedBetween } from './compare.js'
import { storeStats } from '../stored-stat.js'
import { probeUserXattrs } from '../xattr-keys.js'

/** A branch that is wanted: one of the union's by its id, as it is or changed, or a new one. */
export interface WantedBranch {
  readonly spec: BranchSpec
  readonly id: number | null
  /** Of one of the union's: the specification differs from what it is. */
  readonly changed: boolean
}

export class NextStack implements Layers {
  readonly branches: readonly Branch[]
  readonly config: MountConfig
  /** What watches the branches with udba=notify: the union's, or opened for this stack. */
  readonly watches: Watches | null
  /** Place in the old stack to place in this one, -1 for branches that leave. */
  readonly map: readonly number[]
  /** Places in this stack of branches where lookups may find something else than they did in the old one. */
  readonly touched: ReadonlySet<number>
  /** Branches opened for this stack. */
  readonly #fresh: readonly Branch[]

  private constructor(
    union: Union, config: MountConfig, branches: readonly Branch[], fresh: readonly Branch[], watches: Watches | null,
  ) {
    this.branches = branches
    this.config = config
    this.watches = watches
    this.#fresh = fresh
    this.map = union.branches.map((old) => branches.findIndex((branch) => branch.id === old.id))
    const touched = touchedBetween(union.branches, branches)
    // With another udba it is looked at again what branches may have been changed to; shwh is about names on all of them.
    const all = config.udba !== union.config.udba || config.shwh !== union.config.shwh
    this.touched = new Set(branches.flatMap(({ id }, place) => all || touched.has(id) ? [place] : []))
  }

  /**
   * Open what is wanted.
   * @param report gets one line per repair on a branch that becomes writable
   * @throws Errno EBUSY if another mount writes to a branch; ENOENT for an id that is none; what opening a branch gives
   */
  static open(union: Union, wanted: readonly WantedBranch[], config: MountConfig, report: (line: string) => void): NextStack {
    const fresh: Branch[] = []
    const begun: Branch[] = []
    try {
      const branches = wanted.map((want, place) => {
        const branch = openWanted(union, want, place, config.readOnly)
        if (branch !== union.branches[branch.index]) fresh.push(branch)
        return branch
      })
      const first = branches.find((branch) => branch.writable)
      if (first !== undefined && !union.writable) probeUserXattrs(first.lockFd)
      storeStats(fresh, config.xattrPermissions)
      for (const branch of fresh) {
        const old = union.branches.find((each) => each.id === branch.id)
        if (!branch.writable || old?.writable === true) continue
        beginUse(branch, report)
        begun.push(branch)
      }
      const watches = config.udba === union.config.udba ? union.watches : openWatches(config, branches, report)
      return new NextStack(union, config, branches, fresh, watches)
    } catch (error) {
      for (const branch of begun) endUse(branch)
      for (const branch of fresh) branch.close()
      throw error
    }
  }

  /** Something is to be written on it. */
  get writable(): boolean {
    return this.branches.some((branch) => branch.writable)
  }

  /** It will not be used: the old stack stays. */
  abandon(union: Union): void {
    if (this.watches !== union.watches) this.watches?.close()
    for (const branch of this.#fresh) {
      const old = union.branches.find((each) => each.id === branch.id)
      if (branch.writable && old?.writable !== true) endUse(branch)
      branch.close()
    }
  }

  /** It is the union's: close what the union does not use any more, and leave it clean. */
  retire(old: readonly Branch[]): void {
    for (const branch of old) {
      const next = this.branches.find((each) => each.id === branch.id)
      if (next === branch) continue
      next?.takeOver(branch)
      if (branch.writable && next?.writable !== true) endUse(branch)
      branch.close()
    }
  }
}

function openWanted(union: Union, { spec, id, changed }: WantedBranch, place: number, readOnly: boolean): Branch {
  if (id === null) return new Branch(spec, place, { readOnly, id: union.takeBranchId() })
  const old = union.branches.find((branch) => branch.id === id)
  if (old === undefined) throw new Errno(E.ENOENT, 'branch', spec.path)
  const same = !changed && old.writable === (spec.perm === 'rw' && !readOnly)
  return same ? old : new Branch(spec, place, { readOnly, id, heirTo: old })
}
