/**
 * From a typed mount to a served one: parse, then serve here or in a daemon. Shared by `tsaufs mount` and `mount.tsaufs`.
 */
import { parseMount, type MountRequest } from '../config/parse.js'
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
 * Mount. Warnings and repairs are printed as they come.
 * @returns the exit code
 * @throws MountError when it cannot be made
 */
export async function mountUnion(request: MountRequest, flags: ServeFlags): Promise<number> {
  const { config, warnings } = parseMount(request, nativelyReadOnly)
  for (const line of warnings) complain(line)
  if (flags.dryRun === true) return EXIT.OK
  if (flags.foreground) {
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
  const { spawnDaemon } = await import('../daemon/spawn.js')
  const { pid } = await spawnDaemon(config, complain)
  if (flags.verbose) complain(`mounted on ${config.mountpoint}, served by process ${pid}`)
  return EXIT.OK
}
