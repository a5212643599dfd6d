/** What a change of a live stack was, for people who follow the mount (`tsaufs events`). */
import { formatBranch } from '../../config/branches.js'
import type { BranchSpec } from '../../config/config.js'
import type { StackEvent } from '../../union/union.js'

/** A branch as it is in a stack. */
export interface Placed {
  readonly id: number
  readonly spec: BranchSpec
}

/** The branches that went, those that changed, and those that came, each top first. */
export function stackChanges(before: readonly Placed[], after: readonly Placed[]): StackEvent[] {
  const was = new Map(before.map(({ id, spec }) => [id, formatBranch(spec)]))
  const stays = new Set(after.map(({ id }) => id))
  const tell = (event: StackEvent['event'], { spec }: Placed, place: number, more: Partial<StackEvent> = {}): StackEvent =>
    ({ event, path: '', branch: spec.path, as: formatBranch(spec), place, ...more })
  const placed = after.map((branch, place) => ({ branch, place }))
  return [
    ...before.flatMap((branch, place) => (stays.has(branch.id) ? [] : [tell('del', branch, place)])),
    ...placed.flatMap(({ branch, place }) => {
      const old = was.get(branch.id)
      return old === undefined || old === formatBranch(branch.spec) ? [] : [tell('mod', branch, place, { was: old })]
    }),
    ...placed.flatMap(({ branch, place }) => (was.has(branch.id) ? [] : [tell('add', branch, place)])),
  ]
}
