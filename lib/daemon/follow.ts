/** What around the union depends on its options, when it begins and when they have become others while mounted. */
import { demandAwake } from './idle.js'
import type { Served } from './answers.js'

/** Make the rest agree with the options that the union has now. @param was what they were, if they have changed */
export function follow({ union, session, transport, watching }: Served, was?: Served['config']): void {
  watching.follow()
  session.beforeRequest = watching.active ? () => void watching.take() : undefined
  const { moveOnEnospc, idle } = union.config
  if (moveOnEnospc !== null && (was?.moveOnEnospc ?? null) === null) {
    transport.handBack?.((message, errno) => session.full(message, errno))
  }
  if (was !== undefined && was.idle !== idle) demandAwake(idle)
}
