/**
 * The daemon's process: configuration on stdin, messages for the starter as JSON lines on fd 3, then alone.
 */
import { closeSync, openSync, readFileSync, writeSync, constants } from 'node:fs'
import { join } from 'node:path'
import { decodeConfig } from '../config/wire.js'
import { MountError, REFUSED } from '../config/mount-error.js'
import type { StarterMessage } from './spawn.js'
import { serve } from './serve.js'

const STATUS_FD = 3
/** Messages beyond this many bytes are dropped: the log lies in memory (/run). */
const LOG_MAX = 1024 * 1024

/** Descriptors 0 to 3 are the starter's: messages go to it. Afterwards they go to the log. */
let attached = true
let logged = 0

function tell(message: StarterMessage): void {
  try {
    writeSync(STATUS_FD, `${JSON.stringify(message)}\n`)
  } catch {
    // The starter was killed. Whoever did that did not ask for the mount to go away.
  }
}

function log(line: string): void {
  logged += line.length + 1
  if (logged > LOG_MAX) return
  try {
    writeSync(2, `${new Date().toISOString()} ${line}\n`)
  } catch {
    // A full /run must not end the mount.
  }
}

/** Let go of the starter: its end of the pipe, its terminal. From now on messages go to `log` in the state directory. */
function standAlone(rundir: string): void {
  if (!attached) return
  attached = false
  closeSync(STATUS_FD)
  const { O_WRONLY, O_CREAT, O_APPEND, O_RDONLY } = constants
  // The lowest free number is taken each time, so these become 0, 1 and 2 again.
  for (const fd of [0, 1, 2]) closeSync(fd)
  openSync('/dev/null', O_RDONLY)
  openSync('/dev/null', O_WRONLY)
  openSync(join(rundir, 'log'), O_WRONLY | O_CREAT | O_APPEND, 0o600)
}

async function main(): Promise<void> {
  const config = decodeConfig(readFileSync(0, 'utf8'))
  process.title = `tsaufs ${Buffer.from(config.mountpoint, 'latin1').toString()}`
  let rundir = '/'
  // A daemon that ends takes the work of everybody on the mount with it; a bug in one request is not worth that.
  process.on('uncaughtException', (error) => log(`uncaught: ${error.stack}`))
  try {
    await serve(config, {
      report: (line) => (attached ? tell({ line }) : log(line)),
      mounted: (dev, dir) => {
        rundir = dir
        tell({ mounted: dev })
      },
      serving: () => standAlone(rundir),
      log,
    })
    process.exit(0)
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    if (attached) tell({ error: message, exit: error instanceof MountError ? error.exit : REFUSED.MOUNT })
    else log(`ended: ${message}`)
    process.exit(REFUSED.MOUNT)
  }
}

await main()
