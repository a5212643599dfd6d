/**
 * A process that waits, loaded and ready, for a request, and takes it if it is what a new process would be. native/start finds
 * it at a socket, and compares with itself what a child inherits; here the same is asked of the client, and the rest is taken over
 * from him.
 */
import { closeSync, constants, lstatSync, openSync, realpathSync, rmdirSync, unlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { sys, type Bytes } from '../os/native.js'
import { sharesNamespace } from './process-id.js'
import { Starter } from './starter.js'

const LOCK_EX_NB = sys.constants['LOCK_EX']! | sys.constants['LOCK_NB']!

/** What is read once, when a process or its libraries start, and so must be the same. */
const FIXED = /^(NODE_|LD_|MALLOC_|GLIBC_|UV_|DEBUG|TZ$|LANG|LC_|SSL_|OPENSSL_|TSAUFS_RUN_DIR$|XDG_RUNTIME_DIR$)/

/** How one waits. */
export interface Standby<T> {
  /** After so long it is over. */
  readonly seconds: number
  /** What people see in `ps`. */
  readonly title: string
  /** Get ready; `staging` is a path in the directory that nobody uses. */
  readonly rehearse: (staging: string) => Promise<void>
  /** Descriptors that come with the request and become ours: of 0, 1, 2, in this order. */
  readonly fds: readonly number[]
  /** The request on a socket, from that process; undefined when we cannot stand in for a process that he starts. */
  readonly admit: (socket: number, pid: number) => T | undefined
  /** It makes no sense to wait any longer. */
  readonly over?: () => boolean
  /** The directory of the socket is there for this alone: when nobody waits any more it goes. */
  readonly ownPlace?: true
}

/** Whom we serve, and with what. */
export interface Admitted<T> {
  readonly starter: Starter
  readonly socket: number
  readonly request: T
}

/**
 * Wait for a request at the socket `path`.
 * @returns undefined when none came: time is up, a signal came, there is another one who waits. The socket is gone in any case.
 */
export async function standBy<T>(path: string, how: Standby<T>): Promise<Admitted<T> | undefined> {
  process.chdir('/')
  let lock = lockPlace(dirname(path))
  if (lock < 0) return undefined
  const staging = join(dirname(path), `.si_0000000000000000.${process.pid}`)
  await how.rehearse(staging)
  process.title = how.title
  const server = sys.listenAt(staging, path)
  if (server < 0) {
    closeSync(lock)
    return undefined
  }
  const { ino } = lstatSync(path)
  const deadlineMs = Date.now() + how.seconds * 1000
  try {
    while (how.over?.() !== true) {
      const socket = sys.acceptWithin(server, Math.max(0, deadlineMs - Date.now()))
      if (socket < 0) return undefined
      const request = acceptable(socket, how)
      if (request === undefined) {
        closeSync(socket)
        continue
      }
      removeSocket(path, ino)
      // Whoever hears that he is served may have the next one started.
      closeSync(lock)
      lock = -1
      const starter = new Starter(socket)
      return starter.taken() ? { starter, socket, request } : undefined
    }
    return undefined
  } finally {
    removeSocket(path, ino)
    closeSync(server)
    if (lock >= 0) {
      if (how.ownPlace === true) leavePlace(dirname(path))
      closeSync(lock)
    }
  }
}

/** With the lock held: somebody who is on his way would not find it. */
function leavePlace(dir: string): void {
  try {
    rmdirSync(dir)
  } catch {
    // Somebody tidied up.
  }
}

/** There is one, also while it rehearses: it holds a lock on the directory, for which native/start looks. @returns fd, or a negative number */
function lockPlace(dir: string): number {
  let fd: number
  try {
    fd = openSync(dir, constants.O_RDONLY | constants.O_DIRECTORY)
  } catch {
    return -1
  }
  const rc = sys.flock(fd, LOCK_EX_NB)
  if (rc < 0) closeSync(fd)
  return rc < 0 ? rc : fd
}

function removeSocket(path: string, ino: number): void {
  try {
    if (lstatSync(path).ino === ino) unlinkSync(path)
  } catch {
    // Somebody tidied up.
  }
}

/** The client's request, his descriptors now ours; undefined when he is not to be served, or only looked whether we live. */
function acceptable<T>(socket: number, { fds, admit }: Standby<T>): T | undefined {
  const pid = sys.peerPid(socket)
  if (pid < 0) return undefined
  for (const fd of fds) {
    // The lowest free number is taken, so it becomes this one again.
    closeSync(fd)
    if (sys.receiveFd(socket) === fd) continue
    openSync('/dev/null', constants.O_RDWR)
    return letGo(fds)
  }
  return admit(socket, pid) ?? letGo(fds)
}

/** Nothing of a client is kept. */
function letGo(fds: readonly number[]): undefined {
  for (const fd of fds) {
    closeSync(fd)
    openSync('/dev/null', constants.O_RDWR)
  }
}

/** Process `pid` is in our namespaces, and has an environment (bytes as latin1) in which we would be what we are. */
export function isLikeUs(pid: number, env: readonly Bytes[]): boolean {
  return ['mnt', 'pid', 'user', 'cgroup'].every(name => sharesNamespace(pid, name)) && sameFixed(env)
}

/** The environment as node shows it: text. */
function readable(env: readonly Bytes[]): Map<string, string> {
  return new Map(env.map((entry) => {
    const text = Buffer.from(entry, 'latin1').toString()
    const at = text.indexOf('=')
    return [text.slice(0, at), text.slice(at + 1)]
  }))
}

/** The node he asks for, if he asks for one, is ours. */
function sameNode(program: string | undefined): boolean {
  return program === undefined || program === process.execPath || realpathSync(program) === realpathSync(process.execPath)
}

function sameFixed(env: readonly Bytes[]): boolean {
  const theirs = readable(env)
  const names = new Set([...theirs.keys(), ...Object.keys(process.env)].filter((name) => FIXED.test(name)))
  return sameNode(theirs.get('TSAUFS_NODE')) && [...names].every((name) => theirs.get(name) === process.env[name])
}

/** Take over what a process that was started by the client would have got from him. */
export function adopt({ umask, env }: { readonly umask: number, readonly env: readonly Bytes[] }): void {
  sys.umask(umask)
  const theirs = readable(env)
  for (const name of Object.keys(process.env)) if (!theirs.has(name)) delete process.env[name]
  for (const [name, value] of theirs) if (process.env[name] !== value) process.env[name] = value
}
