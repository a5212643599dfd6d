/**
 * The process beside a daemon that is asked for `transport=fuse-native`: it mounts by that package, and asks the daemon over
 * a socket, in the kernel's protocol, what the package asks of it. A process of its own because the package's calls come
 * through an event loop, and the thread that serves waits in a read.
 *
 * Arguments: the mount point (base64 of its bytes), options for libfuse. Descriptor 3 is the socket. The first message on it
 * says how the mount went: `M`, or `E`, the errno name, and the reason.
 */
import { readdirSync, readlinkSync } from 'node:fs'
import { handlers, type Done, type Handler } from './handlers.js'
import { Wire } from './wire.js'

/** Of the package what is used here, some of it not documented: the version is pinned. */
interface FuseNative {
  mount(done: (error: Error | null) => void): void
  _op_getxattr?: Handler
  _op_listxattr?: Handler
}
type FuseNativeClass = new (mountpoint: string, ops: Readonly<Record<string, Handler>>, options: object) => FuseNative

const SOCKET = 3
/** How often we look whether the mount, or the daemon, is gone: the package tells of neither. */
const LOOK_MS = 100
const ERANGE = -34
/** What the package says of a mount point that is one already. */
const IN_USE = 'Mountpoint in use'

/** The package; its name is a variable, as it may not be there. @throws Error with what to do */
async function load(): Promise<FuseNativeClass> {
  const name: string = 'fuse-native'
  try {
    return ((await import(name)) as { default: FuseNativeClass }).default
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'ERR_MODULE_NOT_FOUND') throw new Error('ENOENT the package is not installed; run: npm install fuse-native@2.2.6')
    throw new Error(`ENOEXEC the package does not load: ${message.split('\n')[0]}`)
  }
}

/** The package checks no sizes: without this it would hand the kernel more than was asked for. */
function withSizes(fuse: FuseNative, ops: Readonly<Record<string, Handler>>): void {
  type Signal = (rc: number, buffer: ArrayBufferLike) => void
  const answer = (signal: Signal, out: Buffer, rc: number, value: Buffer | undefined): void => {
    if (rc < 0 || value === undefined) return signal(rc, out.buffer)
    if (out.length > 0 && out.length < value.length) return signal(ERANGE, out.buffer)
    value.copy(out)
    return signal(value.length, out.buffer)
  }
  const getxattr = ops['getxattr'] as (path: string, key: string, position: number, done: Done) => void
  const listxattr = ops['listxattr'] as (path: string, done: Done) => void
  fuse._op_getxattr = ((signal: Signal, path: string, key: string, out: Buffer) => {
    getxattr(path, key, 0, (rc, value) => answer(signal, out, rc, value as Buffer | undefined))
  }) as Handler
  fuse._op_listxattr = ((signal: Signal, path: string, out: Buffer) => {
    listxattr(path, (rc, keys) => answer(signal, out, rc, Buffer.from(((keys ?? []) as string[]).map((key) => `${key}\0`).join(''))))
  }) as Handler
}

/** The descriptor of /dev/fuse that libfuse has opened; it closes it when the mount is gone. */
function deviceLink(): string | undefined {
  return readdirSync('/proc/self/fd').map((fd) => `/proc/self/fd/${fd}`).find((link) => target(link) === '/dev/fuse')
}

function target(link: string): string {
  try {
    return readlinkSync(link)
  } catch {
    return ''
  }
}

async function main(mountpoint: string, options: string): Promise<void> {
  const wire = new Wire(SOCKET)
  const ops = handlers(wire, () => process.exit(1))
  let fuse: FuseNative
  try {
    // Its options are words joined by commas; by the last one go those that it has no name for.
    fuse = new (await load())(Buffer.from(mountpoint, 'base64').toString(), ops, { timeout: false, subtype: options })
  } catch (error) {
    wire.say(`E${(error as Error).message}`)
    return
  }
  withSizes(fuse, ops)
  const parent = process.ppid
  fuse.mount((error) => {
    if (error !== null) {
      wire.say(error.message === IN_USE ? 'EEBUSY it does not mount where something is mounted; use a plain directory' : 'EEIO libfuse refused the mount')
      process.exit(1)
    }
    wire.say('M')
    wire.init()
    const device = deviceLink()
    setInterval(() => {
      if (process.ppid !== parent) process.exit(1)
      if (device !== undefined && target(device) === '/dev/fuse') return
      wire.destroy()
      process.exit(0)
    }, LOOK_MS)
  })
}

// Signals are for the daemon: it unmounts, and we see that.
for (const name of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(name, () => undefined)
await main(process.argv[2] ?? '', process.argv[3] ?? '')
