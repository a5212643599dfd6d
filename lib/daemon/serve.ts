/**
 * One mount from its configuration to its end: check, open the union, mount, serve, and leave nothing behind.
 */
import { statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Server } from 'node:net'
import { sys } from '../os/native.js'
import { Errno } from '../os/errno.js'
import { MountError } from '../config/mount-error.js'
import type { MountConfig } from '../config/config.js'
import { Session } from '../fuse/session.js'
import { Invalidations } from '../fuse/invalidate.js'
import { Notifier } from '../fuse/notify.js'
import { DeviceTransport, type Transport } from '../fuse/transport.js'
import { Union } from '../union/union.js'
import { rows } from '../ops/index.js'
import { reasonOf } from '../ops/shared/reason.js'
import { initFlags, MAX_STACK_DEPTH, MAX_WRITE } from '../ops/init.js'
import { Opcode, ROOT_ID } from '../fuse/abi.js'
import { Beside, mayHaveOthers } from './beside.js'
import { checkBranches } from './check-branches.js'
import { checkMountpoint } from './check-mountpoint.js'
import { abandon, mountFuse, type Mounted } from './mount.js'
import { follow } from './follow.js'
import { demandAwake } from './idle.js'
import { raiseReadAhead } from './read-ahead.js'
import { liveMounts, RunDir } from './rundir.js'
import { answers, type Served } from './answers.js'
import { controlValues } from './control-values.js'
import { listen } from './control.js'
import { Watching } from './watching.js'

/** Requests the kernel may have in the background: read-ahead and write-back. */
const MAX_BACKGROUND = 64
/** How long after its unmount a busy, detached mount is still served before a signal ends the process. */
const DETACHED_GRACE_MS = 1000
/** How long an upper directory is waited for, and how often it is asked for. */
const HANDOVER_MS = 2000
const HANDOVER_STEP_MS = 5

/** What the one who started the serving is told. */
export interface ServeHooks {
  /** Warnings and repairs, a sentence each. */
  report(line: string): void
  /** Mounts on the same layers may come, started by native/start (beside.ts), as this one was, for this process. */
  readonly engine?: number | undefined
  /** It is mounted; requests are answered from now on. `dev` is its `major:minor`, `log` a file for messages. */
  mounted(dev: string, rundir: string): void
  /** The kernel and we have agreed: nothing can go wrong any more that a mount command should tell. */
  serving(): void
  /** Something went wrong while serving. */
  log(line: string): void
}

/** What serving needs of the kernel: a mount, and the requests to it. A rehearsal has one of its own, so has fuse-native. */
export interface Device {
  mount(config: MountConfig, report: (line: string) => void): Mounted
  transport(fd: number, config: MountConfig): Transport
}

const KERNEL: Device = {
  mount: mountFuse,
  transport: (fd, config) => {
    const transport = new DeviceTransport(fd, MAX_WRITE)
    demandAwake(config.idle)
    return transport
  },
}

/**
 * Serve until unmounted or told to end by SIGTERM, SIGINT or SIGHUP.
 * @throws MountError, Errno when the mount cannot be made; nothing is left of it then
 */
export async function serve(asked: MountConfig, hooks: ServeHooks, given?: Device): Promise<void> {
  const config = checkMountpoint(checkBranches(asked, hooks.report), hooks.report)
  const device = given ?? (config.transport === 'dev' ? KERNEL : (await import('./fuse-native.js')).FUSE_NATIVE)
  liveMounts()
  prepare()
  const union = await openUnion(config, hooks.report)
  let rundir: RunDir | undefined
  let mounted: Mounted | undefined
  try {
    rundir = new RunDir()
    // Without a writable branch an open for writing is refused by the kernel, as nobody else is asked at open.
    const final = union.writable ? config : { ...config, readOnly: true }
    mounted = device.mount(final, hooks.report)
    const transport = device.transport(mounted.fd, final)
    await run(union, final, mounted, rundir, transport, hooks)
  } catch (error) {
    if (mounted !== undefined) abandon(mounted)
    throw error
  } finally {
    union.close()
    rundir?.remove()
  }
}

function prepare(): void {
  sys.closeFrom(3, 1)
  if (process.geteuid?.() !== 0) return
  sys.dumpable(0)
  // /proc/self now belongs to root of the namespace that this program was begun in, and /proc/self/fd is how we reopen files.
  if (statSync('/proc/self/fd').uid !== 0) sys.dumpable(1)
}

/**
 * Open the union. An engine has unmounted before it mounts again, but the process of that mount may not have come to its end
 * yet, nor ever will while somebody holds on to the detached mount: it is waited for, then disregarded.
 */
async function openUnion(config: MountConfig, report: (line: string) => void): Promise<Union> {
  const untilMs = Date.now() + (config.dropIn === true ? HANDOVER_MS : 0)
  for (;;) {
    try {
      return tryUnion(config, report, true)
    } catch (error) {
      if (config.dropIn !== true || !(error instanceof MountError) || error.code !== 'EBUSY') throw error
      if (Date.now() >= untilMs) break
      await new Promise((resolve) => { setTimeout(resolve, HANDOVER_STEP_MS) })
    }
  }
  report(`branch ${config.branches[0]?.path}: EBUSY: an earlier mount that was detached still has it; went on`)
  return tryUnion(config, report, false)
}

function tryUnion(config: MountConfig, report: (line: string) => void, lock: boolean): Union {
  try {
    return Union.open(config, report, lock)
  } catch (error) {
    if (!(error instanceof Errno)) throw error
    const advice = error.code === 'EBUSY' && error.syscall === 'flock'
      ? 'another mount writes to it; unmount that one, or give it as =ro'
      : `${error.syscall} failed; it cannot be used as a branch`
    throw new MountError(`branch ${error.path}`, error.code, advice, undefined, { cause: error })
  }
}

async function run(
  union: Union, config: MountConfig, mounted: Mounted, rundir: RunDir, transport: Transport, hooks: ServeHooks,
): Promise<void> {
  const trace = await tracer()
  const { dev } = mounted.entry
  const notifier = new Notifier((message, length) => transport.write(message, length))
  const stale = new Invalidations((messages, done) => transport.notify(messages, done), hooks.log)
  const watching = new Watching(union, stale, hooks.log)
  union.forget = (nodeid) => {
    stale.inode(nodeid)
    return stale.flush()
  }
  const { engine } = hooks
  const beside = engine !== undefined && mayHaveOthers(config) ? new Beside(union, config, dev, rundir.path, engine) : undefined
  const session = new Session({
    transport,
    rows,
    union,
    init: {
      want: initFlags(union),
      maxStackDepth: MAX_STACK_DEPTH,
      maxWrite: MAX_WRITE,
      maxBackground: MAX_BACKGROUND,
      timeGran: 1,
    },
    afterRequest: () => {
      // Attributes only: this takes no lock in the kernel, so the serving thread may send it (fuse/notify.ts).
      if (union.graftsListed.size > 0 && CHANGES.has(session.request.opcode)) forgetGrafts(union, stale)
      if (union.changed.length > 0) for (const id of union.changed.splice(0)) notifier.invalAttr(id)
      const { opcode, nodeid, pid } = session.request
      if (opcode === Opcode.STATFS && nodeid === ROOT_ID) beside?.asked(pid)
      union.afterRequest()
      if (union.watches !== null) watching.after()
    },
    retryAfter: (errno) => union.spaceToCome(errno),
    onError: (error, row) => hooks.log(`${row?.name ?? 'session'}: ${error instanceof Error ? error.stack : String(error)}`),
    onInit: () => {
      hooks.serving()
      // Not before the reply to INIT has gone out: the kernel sets it then.
      setImmediate(() => raiseReadAhead(dev))
    },
    trace,
  })
  union.ledger.behalf = () => {
    const { request } = session
    return { uid: request.uid, tid: request.pid, reason: reasonOf(request, rows.find(row => row.opcode === request.opcode)?.name) }
  }
  union.control.values = () => controlValues(union)
  const served: Served = { union, config, session, stale, watching, dev, rundir, transport }
  follow(served)
  const server = await listen(rundir.socket, answers(served))
  rundir.publish(config.mountpoint, dev, union.branches)
  process.chdir('/')
  sys.umask(0)
  await beside?.listen()
  const stop = endOnSignals(dev)
  hooks.mounted(dev, rundir.path)
  await Promise.race([session.run(), stop.done])
  stop.cancel()
  beside?.close()
  close(server)
}

/** Requests after which a list that tells what the writable branch has touched may be wrong. */
const CHANGES: ReadonlySet<number> = new Set([
  Opcode.SETATTR, Opcode.SYMLINK, Opcode.MKNOD, Opcode.MKDIR, Opcode.UNLINK, Opcode.RMDIR, Opcode.RENAME, Opcode.RENAME2,
  Opcode.LINK, Opcode.OPEN, Opcode.WRITE, Opcode.SETXATTR, Opcode.REMOVEXATTR, Opcode.CREATE, Opcode.FALLOCATE,
  Opcode.COPY_FILE_RANGE, Opcode.IOCTL,
])

function forgetGrafts(union: Union, stale: Invalidations): void {
  for (const id of union.graftsListed) stale.inode(id)
  union.graftsListed.clear()
  void stale.flush()
}

/** Where DEBUG wants requests to be shown. Loaded only then, as all that is not needed to mount. */
async function tracer(): Promise<((line: string) => void) | undefined> {
  if (process.env['DEBUG'] === undefined) return undefined
  const { default: createDebug } = await import('debug')
  const trace = createDebug('tsaufs:fuse')
  return trace.enabled ? (line) => trace('%s', line) : undefined
}

/** A server that takes nobody new; clients who watch for our end see it by the process ending. */
function close(server: Server): void {
  server.close()
}

/** `done` is fulfilled when a signal has ended the mount and its last users had their time. */
function endOnSignals(dev: string): { readonly done: Promise<void>, cancel(): void } {
  const names = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const
  let asked = false
  let finish = (): void => undefined
  const done = new Promise<void>((resolve) => { finish = resolve })
  const handler = (): void => {
    if (asked) return
    asked = true
    void unmountFromOutside(dev).then(() => setTimeout(finish, DETACHED_GRACE_MS))
  }
  for (const name of names) process.on(name, handler)
  return { done, cancel: () => { for (const name of names) process.off(name, handler) } }
}

/** Run unmount-main.ts; umount(2) here would wait for us. */
async function unmountFromOutside(dev: string): Promise<void> {
  const { spawn } = await import('node:child_process')
  const script = fileURLToPath(new URL('./unmount-main.js', import.meta.url))
  const child = spawn(process.execPath, [script, dev], { stdio: 'ignore', cwd: '/', detached: true })
  return new Promise((resolve) => {
    child.once('exit', () => resolve())
    child.once('error', () => resolve())
  })
}
