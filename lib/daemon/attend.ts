/**
 * One request from its first word to the end of its mount: read the options, serve, tell the starter, then stand alone.
 */
import { closeSync, openSync, writeSync, constants } from 'node:fs'
import { join } from 'node:path'
import { parseRequest } from '../config/request.js'
import { SPARE_DEFAULT_S, spareSeconds } from '../config/options.js'
import type { MountConfig } from '../config/config.js'
import { nativelyReadOnly } from './fs-type.js'
import { serve, type Device } from './serve.js'
import type { Request, Starter } from './starter.js'

/** A request and who waits for it. */
export interface Taken {
  readonly starter: Starter
  readonly request: Request
}

/** Messages beyond this many bytes are dropped: the log lies in memory (/run). */
const LOG_MAX = 1024 * 1024

let logged = 0

/** Write to stderr, which is the log in the state directory once nobody waits. */
export function log(line: string): void {
  logged += line.length + 1
  if (logged > LOG_MAX) return
  try {
    writeSync(2, `${new Date().toISOString()} ${line}\n`)
  } catch {
    // A full /run must not end the mount.
  }
}

/** Let go of the starter: his socket, his terminal. From now on messages go to `log` in the state directory. */
function standAlone(starter: Starter, rundir: string): void {
  if (!starter.listens) return
  const { O_WRONLY, O_CREAT, O_APPEND, O_RDONLY } = constants
  // The lowest free number is taken each time, so these become 0, 1 and 2 again.
  for (const fd of [0, 1, 2]) closeSync(fd)
  openSync('/dev/null', O_RDONLY)
  openSync('/dev/null', O_WRONLY)
  openSync(join(rundir, 'log'), O_WRONLY | O_CREAT | O_APPEND, 0o600)
  starter.close()
}

/** For how long a spare is wanted after this mount. */
function spareWanted(config: MountConfig): number {
  if (config.spareS !== undefined) return config.spareS
  const value = process.env['TSAUFS_SPARE'] ?? ''
  if (value !== '') return spareSeconds(value, `TSAUFS_SPARE=${value}`)
  // Engines mount in series: a container, then it and its image to commit it.
  return config.dropIn === true ? SPARE_DEFAULT_S : 0
}

/**
 * Mount and serve to the end.
 * @throws MountError, Errno when the mount cannot be made; nothing is left of it then
 */
export async function attend({ starter, request }: Taken, device?: Device): Promise<void> {
  const { config, warnings, notes } = parseRequest(request.mount, nativelyReadOnly)
  const spareS = spareWanted(config)
  for (const line of warnings) starter.line(line)
  if (request.verbose) for (const line of notes) starter.line(line)
  if (request.dryRun) {
    starter.end(0, '')
    return
  }
  process.title = `tsaufs ${Buffer.from(config.mountpoint, 'latin1').toString()}`
  let rundir = '/'
  await serve(config, {
    report: (line) => (starter.listens ? starter.line(line) : log(line)),
    engine: device === undefined ? request.engine : undefined,
    mounted: (dev, dir) => {
      rundir = dir
      if (spareS > 0) starter.spare(spareS)
      if (request.verbose) starter.words(`mounted on ${config.mountpoint}, served by process ${process.pid}`)
      starter.mounted(dev, config.mountpoint)
    },
    serving: () => standAlone(starter, rundir),
    log,
  }, device)
}

