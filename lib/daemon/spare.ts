/**
 * The warm spare: a daemon without a mount that waits for its request, loaded and ready. native/start/spare.c finds it, and
 * compares with itself what a child inherits; here the same is asked of the client, and the rest is taken over from him.
 */
import { closeSync, constants, lstatSync, openSync, readlinkSync, realpathSync, unlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { sys } from '../os/native.js'
import type { Taken } from './attend.js'
import { rehearse } from './rehearse.js'
import { readRequest, Starter, type Request } from './starter.js'

const LOCK_EX_NB = sys.constants['LOCK_EX']! | sys.constants['LOCK_NB']!

/** What is read once, when a process or its libraries start, and so must be the same. */
const FIXED = /^(NODE_|LD_|MALLOC_|GLIBC_|UV_|DEBUG|TZ$|LANG|LC_|SSL_|OPENSSL_|TSAUFS_RUN_DIR$|XDG_RUNTIME_DIR$)/

/**
 * Wait for a request at the socket `path`.
 * @param seconds after so long it is over
 * @returns undefined when none came: time is up, a signal came, there is another spare. The socket is gone in any case.
 */
export async function waitForRequest(path: string, seconds: number): Promise<Taken | undefined> {
  process.chdir('/')
  const lock = lockPlace(dirname(path))
  if (lock < 0) return undefined
  const staging = join(dirname(path), `.si_0000000000000000.${process.pid}`)
  await rehearse(staging, admit)
  process.title = `tsaufs spare ${path}`
  const server = sys.listenAt(staging, path)
  if (server < 0) {
    closeSync(lock)
    return undefined
  }
  const { ino } = lstatSync(path)
  const deadlineMs = Date.now() + seconds * 1000
  try {
    for (;;) {
      const socket = sys.acceptWithin(server, Math.max(0, deadlineMs - Date.now()))
      if (socket < 0) return undefined
      const request = acceptable(socket)
      if (request === undefined) {
        closeSync(socket)
        continue
      }
      removeSocket(path, ino)
      const starter = new Starter(socket)
      if (!starter.taken()) return undefined
      adopt(request)
      return { starter, request }
    }
  } finally {
    removeSocket(path, ino)
    closeSync(server)
    closeSync(lock)
  }
}

/** There is one spare, also while it rehearses: it holds a lock on the run directory, for which native/start looks. @returns fd or -errno */
function lockPlace(dir: string): number {
  const fd = openSync(dir, constants.O_RDONLY | constants.O_DIRECTORY)
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

/** The client's request, his stderr now ours; undefined when he is not to be served, or only looked whether we live. */
function acceptable(socket: number): Request | undefined {
  const pid = sys.peerPid(socket)
  if (pid < 0) return undefined
  // The lowest free number is taken, so this becomes 2.
  closeSync(2)
  if (sys.receiveFd(socket) !== 2) {
    openSync('/dev/null', 'w')
    return undefined
  }
  return admit(socket, pid)
}

/** The request on `socket`, from process `pid`; undefined when we cannot stand in for a process he starts. */
function admit(socket: number, pid: number): Request | undefined {
  try {
    const request = readRequest(socket)
    return sameNamespaces(pid) && sameFixed(request.env) ? request : undefined
  } catch {
    return undefined
  }
}

function sameNamespaces(pid: number): boolean {
  const same = (name: string): boolean => readlinkSync(`/proc/${pid}/ns/${name}`) === readlinkSync(`/proc/self/ns/${name}`)
  return ['mnt', 'pid', 'user', 'cgroup'].every(same)
}

/** The environment as node shows it: text. */
function readable(env: readonly string[]): Map<string, string> {
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

function sameFixed(env: readonly string[]): boolean {
  const theirs = readable(env)
  const names = new Set([...theirs.keys(), ...Object.keys(process.env)].filter((name) => FIXED.test(name)))
  return sameNode(theirs.get('TSAUFS_NODE')) && [...names].every((name) => theirs.get(name) === process.env[name])
}

/** Take over what a process that was started by the client would have got from him. */
function adopt(request: Request): void {
  sys.umask(request.umask)
  const theirs = readable(request.env)
  for (const name of Object.keys(process.env)) if (!theirs.has(name)) delete process.env[name]
  for (const [name, value] of theirs) if (process.env[name] !== value) process.env[name] = value
}
