/**
 * The daemon's process, started by native/start: the request and what is said about it go over a socket, then it is alone.
 *
 *     main.js serve MOUNTPOINT          the request comes on fd 3; the argument is for people who look at processes
 *     main.js spare SECONDS SOCKET      wait for a request, spare.ts
 */
import { closeSync } from 'node:fs'
import { MountError, REFUSED } from '../config/mount-error.js'
import { attend, log, type Taken } from './attend.js'
import { optimizeLater } from './compiler.js'
import { readRequest, Starter } from './starter.js'

const STARTER_FD = 3

async function firstRequest(): Promise<Taken | undefined> {
  const [, , verb, seconds, socket = ''] = process.argv
  if (verb !== 'spare') return { starter: new Starter(STARTER_FD), request: readRequest(STARTER_FD) }
  closeSync(STARTER_FD)
  const { waitForRequest } = await import('./spare.js')
  return waitForRequest(socket, Number(seconds))
}

async function main(): Promise<void> {
  const taken = await firstRequest()
  if (taken === undefined) process.exit(0)
  optimizeLater()
  // A daemon that ends takes the work of everybody on the mount with it; a bug in one request is not worth that.
  process.on('uncaughtException', (error) => log(`uncaught: ${error.stack}`))
  try {
    await attend(taken)
    process.exit(0)
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    if (taken.starter.listens) taken.starter.end(error instanceof MountError ? error.exit : REFUSED.MOUNT, message)
    else log(`ended: ${message}`)
    process.exit(REFUSED.MOUNT)
  }
}

void main()
