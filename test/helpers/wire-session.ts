/**
 * A session over a fake kernel, with the rows a test brings.
 */
import { flagSet, type InitOptions } from '../../lib/fuse/negotiate.js'
import { InitFlag } from '../../lib/fuse/abi.js'
import type { OpRow } from '../../lib/fuse/define-op.js'
import { Session, type SessionOptions } from '../../lib/fuse/session.js'
import { FakeKernel } from './fake-kernel.js'

/** What the fixture init.reply.hex answers to init.hex. */
export const INIT: InitOptions = {
  want: flagSet(
    InitFlag.ASYNC_READ,
    InitFlag.PARALLEL_DIROPS,
    InitFlag.MAX_PAGES,
    InitFlag.SETXATTR_EXT,
    InitFlag.CREATE_SUPP_GROUP,
    InitFlag.PASSTHROUGH,
  ),
  maxWrite: 1048576,
  maxBackground: 16,
  timeGran: 1,
}

export interface WireSession {
  readonly kernel: FakeKernel
  readonly session: Session<null>
  /** What onError got. */
  readonly errors: unknown[]
  /** Unmount and wait for the end of `run`. */
  end(): Promise<void>
  /** The promise of `run`. */
  readonly done: Promise<void>
}

/** Start a session; it runs until `end`. */
export function startSession(
  rows: readonly OpRow<null, unknown>[],
  options: Partial<SessionOptions<null>> = {},
  kernel = new FakeKernel(),
): WireSession {
  const errors: unknown[] = []
  const session = new Session<null>({
    transport: kernel,
    rows,
    union: null,
    init: INIT,
    onError: (error) => errors.push(error),
    ...options,
  })
  const done = session.run()
  done.catch(() => {}) // a test that expects the failure awaits `done` itself, maybe later
  const end = (): Promise<void> => {
    kernel.unmount()
    return done
  }
  return { kernel, session, errors, end, done }
}
