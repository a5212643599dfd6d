/**
 * The daemon's process, started by native/start: the request and what is said about it go over a socket, then it is alone.
 *
 *     main.js serve MOUNTPOINT          the request comes on fd 3; the argument is for people who look at processes
 *     main.js spare SECONDS SOCKET      wait for a request, spare.ts
 */
import { closeSync, openSync, writeSync, constants } from 'node:fs'
import { join } from 'node:path'
import { MountError, REFUSED } from '../config/mount-error.js'
import { parseMount } from '../config/parse.js'
import { spareSeconds } from '../config/options.js'
import type { MountConfig } from '../config/config.js'
import { nativelyReadOnly } from './fs-type.js'
import { serve } from './serve.js'
import { waitForRequest, type Taken } from './spare.js'
import { readRequest, Starter } from './starter.js'

const STARTER_FD = 3
/** Messages beyond this many bytes are dropped: the log lies in memory (/run). */
const LOG_MAX = 1024 * 1024

let logged = 0

function log(line: string): void {
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
  return value === '' ? 0 : spareSeconds(value, `TSAUFS_SPARE=${value}`)
}

async function mount({ starter, request }: Taken): Promise<void> {
  const { config, warnings } = parseMount(request.mount, nativelyReadOnly)
  const spareS = spareWanted(config)
  for (const line of warnings) starter.line(line)
  if (request.dryRun) {
    starter.end(0, '')
    return
  }
  process.title = `tsaufs ${Buffer.from(config.mountpoint, 'latin1').toString()}`
  let rundir = '/'
  await serve(config, {
    report: (line) => (starter.listens ? starter.line(line) : log(line)),
    mounted: (dev, dir) => {
      rundir = dir
      if (spareS > 0) starter.spare(spareS)
      if (request.verbose) starter.words(`mounted on ${config.mountpoint}, served by process ${process.pid}`)
      starter.mounted(dev, config.mountpoint)
    },
    serving: () => standAlone(starter, rundir),
    log,
  })
}

function firstRequest(): Taken | undefined {
  const [, , verb, seconds, socket] = process.argv
  if (verb !== 'spare') return { starter: new Starter(STARTER_FD), request: readRequest(STARTER_FD) }
  closeSync(STARTER_FD)
  process.title = `tsaufs spare ${socket}`
  return waitForRequest(socket ?? '', Number(seconds))
}

async function main(): Promise<void> {
  const taken = firstRequest()
  if (taken === undefined) process.exit(0)
  // A daemon that ends takes the work of everybody on the mount with it; a bug in one request is not worth that.
  process.on('uncaughtException', (error) => log(`uncaught: ${error.stack}`))
  try {
    await mount(taken)
    process.exit(0)
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    if (taken.starter.listens) taken.starter.end(error instanceof MountError ? error.exit : REFUSED.MOUNT, message)
    else log(`ended: ${message}`)
    process.exit(REFUSED.MOUNT)
  }
}

void main()
