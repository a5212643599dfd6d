/**
 * What the control socket answers: a row per question. One that needs more than a line has a file of its own.
 */
import { formatBranch } from '../config/branches.js'
import type { MountConfig } from '../config/config.js'
import { MountError } from '../config/mount-error.js'
import type { Bytes } from '../os/native.js'
import type { Invalidations } from '../fuse/invalidate.js'
import type { Session } from '../fuse/session.js'
import type { Transport } from '../fuse/transport.js'
import { rows } from '../ops/index.js'
import { explain } from '../union/explain.js'
import type { Union } from '../union/union.js'
import type { Answers } from './control.js'
import { answerMoveDown } from './move-down.js'
import type { RunDir } from './rundir.js'
import { Remounter } from './stack/remount.js'
import { Events } from './events.js'
import type { Watching } from './watching.js'

/** The mount that is asked about. */
export interface Served {
  readonly union: Union
  readonly config: MountConfig
  readonly session: Session<Union>
  /** What the kernel is to forget: for answers that change something. */
  readonly stale: Invalidations
  /** Idle but with udba=notify. */
  readonly watching: Watching
  readonly transport: Transport
  /** `major:minor` of the mount. */
  readonly dev: string
  readonly rundir: RunDir
}

/** The table for one mount. */
export function answers(served: Served): Answers {
  const { union, config, session, watching, dev } = served
  const startedMs = Date.now()
  const remounter = new Remounter(served, config.readOnly)
  const events = new Events(union)
  return {
    status: () => ({
      pid: process.pid,
      mountpoint: config.mountpoint,
      dev,
      uptimeS: Math.round((Date.now() - startedMs) / 1000),
      inFlight: session.inFlight,
      kernel: session.negotiated,
      memory: process.memoryUsage(),
    }),
    settle: async () => {
      await watching.settle()
      const { watches } = union
      return watches === null ? null : { by: watches.kind, watched: watches.size, overflows: watches.overflows }
    },
    branches: () => union.branches.map(({ id, spec }) => (
      { id, path: spec.path, perm: spec.perm, description: formatBranch(spec) }
    )),
    explain: ({ path }) => explain(union, asPath(path)),
    events: () => events.stream(),
    ledger: () => union.ledger.report(),
    fhsm: () => ({ sec: union.config.fhsmSec }),
    'move-down': (question) => answerMoveDown(union, question),
    remount: (question) => remounter.remount(question),
    busy: (question) => remounter.busy(question),
    stats: () => Object.fromEntries(rows.map((row) => [row.name, session.counts[row.opcode] ?? 0])),
  }
}

/** A path that came with a question. */
function asPath(value: unknown): Bytes {
  if (typeof value === 'string' && !value.includes('\0')) return value
  throw new MountError('path', 'EINVAL', 'a path is a string of bytes as latin1')
}
