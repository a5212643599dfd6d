/**
 * From a typed mount to a served one: here, or by the program that starts daemons. For `tsaufs mount` and `mount.tsaufs`.
 */
import type { MountRequest } from '../config/parse.js'
import { parseRequest } from '../config/request.js'
import { MountError } from '../config/mount-error.js'
import { errnoName } from '../os/errno.js'
import { STARTER, sys } from '../os/native.js'
import { nativelyReadOnly } from '../daemon/fs-type.js'
import { complain } from './output.js'
import { EXIT } from './exit-codes.js'

/** How to serve. */
export interface ServeFlags {
  /** Serve in this process; the promise ends when the mount does. */
  readonly foreground: boolean
  /** Say what was done. */
  readonly verbose: boolean
  /** Do everything but the mount: `mount -f`. */
  readonly dryRun?: boolean
}

/**
 * Mount. Comes back only with an error: in the foreground the process ends with its mount, else it becomes the starter.
 * @throws MountError when it cannot be made
 */
export async function mountUnion(request: MountRequest, flags: ServeFlags): Promise<never> {
  if (!flags.foreground) return becomeStarter(request, flags)
  const { config, warnings, notes } = parseRequest(request, nativelyReadOnly)
  for (const line of [...warnings, ...(flags.verbose ? notes : [])]) complain(line)
  const { serve } = await import('../daemon/serve.js')
  await serve(config, {
    report: complain,
    log: complain,
    mounted: () => undefined,
    serving: () => { if (flags.verbose) complain(`mounted on ${config.mountpoint}`) },
  })
  // After a signal the detached mount may still have users; they get ENOTCONN now, as after any end of a server.
  process.exit(EXIT.OK)
}

function becomeStarter(request: MountRequest, flags: ServeFlags): never {
  const letters = (flags.verbose ? 'v' : '') + (request.sloppy === true ? 's' : '') + (flags.dryRun === true ? 'f' : '') +
    (request.dropIn === true ? 'o' : '')
  process.env['TSAUFS_NODE'] = process.execPath
  const rc = sys.exec([STARTER, 'request', letters, request.options, request.source, request.mountpoint])
  throw new MountError(`run ${STARTER}`, errnoName(-rc), 'it cannot be run; build it with: npm run build:native')
}
