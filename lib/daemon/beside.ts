/**
 * Read-only mounts of layers beside the writable mount that lies on the same layers, in one process and with one device.
 *
 * To find what a container changed, engines mount it and its image and walk both trees. Their walk passes over what has the
 * same device and inode number on both sides (containers/storage and moby, pkg/archive). So the image is mounted as a part
 * of the container's mount that has no name in it, and has its numbers but for what the upper directory has touched
 * (union/graft.ts): the walk meets only that.
 *
 * Of several containers on one image the mount command does not say which is meant. But the engine, before it mounts the image,
 * asks with statfs(2) whether the container is mounted already (containers/storage, drivers/counter.go). Whoever was asked last
 * by that process, or mounted by it, takes its image.
 *
 *     RUN/.beside.HASH.PID.sock   of the layers' paths (native/start/beside.c), and the engine's process
 *     RUN/.beside.HASH.sock       whoever was mounted or asked last by anybody, for other processes
 *
 * Both are second names of beside.sock in the record of the mount: those that have no other are swept out.
 */
import { createServer, type Server, type Socket } from 'node:net'
import { chmodSync, closeSync, linkSync, lstatSync, openSync, readdirSync, readSync, renameSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { BranchSpec, MountConfig } from '../config/config.js'
import { MountError } from '../config/mount-error.js'
import { parseRequest } from '../config/request.js'
import type { Bytes } from '../os/native.js'
import type { Union } from '../union/union.js'
import { checkBranches } from './check-branches.js'
import { checkMountpoint } from './check-mountpoint.js'
import { nativelyReadOnly } from './fs-type.js'
import { contains, readMountinfo } from './mountinfo.js'
import { processOf, sharesNamespace } from './process-id.js'
import { BESIDE, SOCKET_PATH_MAX } from './rundir.js'
import { parseFields } from './starter.js'

/** A request is not longer. */
const REQUEST_MAX = 256 * 1024
/** Different stacks in the life of one process: what they were is remembered to its end. */
const MAX_GRAFTS = 64
/** How often, while there may be mounts beside it, the writable one is looked for: without it nothing is written any more. */
const LOOK_MS = 500
/** How long one that was promised may take to be bound. */
const BIND_MS = 30_000
const FNV_PRIME = 1099511628211n

/** The hash of native/start/beside.c: of each path and its NUL. */
function hashOf(paths: readonly Bytes[]): string {
  let hash = 14695981039346656037n
  for (const path of paths) {
    for (let i = 0; i <= path.length; i++) {
      hash = BigInt.asUintN(64, (hash ^ BigInt(i < path.length ? path.charCodeAt(i) : 0)) * FNV_PRIME)
    }
  }
  return hash.toString(16).padStart(16, '0')
}

/** The layers that show anything. */
function layersOf(config: MountConfig): Bytes[] {
  const lower = config.branches.filter(({ perm }) => perm !== 'rw').map(({ path }) => path)
  return lower.filter((path) => readdirSync(Buffer.from(path, 'latin1')).length > 0)
}

/** 128 bits that nobody guesses. */
function secret(): string {
  const bytes = Buffer.alloc(16)
  const fd = openSync('/dev/urandom', 'r')
  readSync(fd, bytes)
  closeSync(fd)
  return bytes.toString('hex')
}

/** What has to be the same of two mounts. */
function kind(config: MountConfig): string {
  const { acl, uidMap, gidMap, squashToRoot, squashUid, squashGid } = config
  return JSON.stringify([acl, uidMap, gidMap, squashToRoot, squashUid, squashGid, [...config.flags].sort()])
}

/** Is this a mount beside which others may be? Whoever mounts as root can bind. */
export function mayHaveOthers(config: MountConfig): boolean {
  return config.dropIn === true && !config.readOnly && !config.dirren && config.xattrPermissions === undefined && process.geteuid?.() === 0
}

export class Beside {
  readonly #union: Union
  readonly #config: MountConfig
  readonly #dev: string
  readonly #layers: readonly Bytes[]
  /** In the mount's own directory. */
  readonly #socket: string
  /** Of its other names, without the end. */
  readonly #path: string
  /** The name for everybody, and that of the engine's process that mounted us, or asked us last. */
  readonly #names: [everybody: string, engine: string | undefined]
  #server: Server | undefined
  #ino = 0
  /** Their names by their branches. */
  readonly #grafts = new Map<string, Bytes>()
  #timer: NodeJS.Timeout | undefined
  #promisedMs = 0

  /**
   * @param rundir of the mount; the socket lies beside it
   * @param engine the process that asked for the mount
   */
  constructor(union: Union, config: MountConfig, dev: string, rundir: string, engine: number) {
    this.#union = union
    this.#config = config
    this.#dev = dev
    this.#layers = layersOf(config)
    this.#socket = join(rundir, 'beside.sock')
    this.#path = join(dirname(rundir), `${BESIDE}${hashOf(this.#layers)}`)
    this.#names = [`${this.#path}.sock`, this.#nameFor(engine)]
  }

  /** Take requests. */
  listen(): Promise<void> {
    if (Buffer.byteLength(this.#socket) > SOCKET_PATH_MAX) return Promise.resolve()
    const server = createServer({ allowHalfOpen: true }, (socket) => { this.#serveClient(socket) })
    this.#server = server
    return new Promise((resolve, reject) => {
      server.once('error', reject)
      server.listen(this.#socket, () => {
        chmodSync(this.#socket, 0o600)
        this.#ino = lstatSync(this.#socket).ino
        this.#takeNames()
        server.unref()
        resolve()
      })
    })
  }

  /** STATFS of the root: if an engine asks, the image that it mounts next is for us. Never throws. */
  asked(thread: number): void {
    if (this.#server?.listening !== true || !sharesNamespace(thread, 'mnt')) return
    const engine = processOf(thread)
    if (engine === undefined) return
    const name = this.#nameFor(engine)
    if (name !== this.#names[1]) this.#giveUp(this.#names[1])
    this.#names[1] = name
    this.#takeNames()
  }

  /** Take no more. */
  close(): void {
    if (this.#timer !== undefined) clearInterval(this.#timer)
    this.#server?.close()
    for (const name of this.#names) this.#giveUp(name)
  }

  #nameFor(engine: number): string | undefined {
    return engine > 0 ? `${this.#path}.${engine}.sock` : undefined
  }

  #takeNames(): void {
    for (const name of this.#names) {
      if (name === undefined || this.#has(name)) continue
      const temporary = `${name}.${process.pid}`
      try {
        linkSync(this.#socket, temporary)
        renameSync(temporary, name)
      } catch {
        // Then the image is mounted on its own.
      }
    }
  }

  /** Is it ours, or has another mount taken it? */
  #has(name: string): boolean {
    return lstatSync(name, { throwIfNoEntry: false })?.ino === this.#ino
  }

  #giveUp(name: string | undefined): void {
    if (name !== undefined && this.#has(name)) rmSync(name, { force: true })
  }

  #serveClient(socket: Socket): void {
    let text = ''
    socket.setEncoding('latin1').unref()
    socket.on('error', () => socket.destroy())
    socket.on('data', (part: string) => {
      text += part
      if (text.length > REQUEST_MAX) socket.destroy()
    })
    socket.on('end', () => {
      const records = this.#answer(text)
      socket.end(Buffer.from(records.map((record) => `${record}\0`).join(''), 'latin1'))
    })
  }

  /** Records for a client (native/start/start.h); none when he has to help himself. */
  #answer(text: string): string[] {
    let asked: MountConfig
    try {
      asked = parseRequest(parseFields(text).mount, nativelyReadOnly).config
    } catch {
      return []
    }
    if (!this.#fits(asked)) return []
    try {
      const lines: string[] = []
      const report = (line: string): void => { lines.push(`L${line}`) }
      const config = checkMountpoint(checkBranches(asked, report), report)
      if (layersOf(config).join(':') !== this.#layers.join(':')) return []
      const name = this.#graft(config.branches)
      this.#promisedMs = Date.now()
      this.#timer ??= setInterval(() => { this.#look() }, LOOK_MS).unref()
      return ['T', ...lines, `B${this.#config.mountpoint}/${name}`, `M${this.#dev} ${config.mountpoint}`]
    } catch (error) {
      return error instanceof MountError ? ['T', `E${error.exit} ${error.message}`] : []
    }
  }

  /** One of these branches may be bound as often as wanted. */
  #graft(branches: readonly BranchSpec[]): Bytes {
    const key = JSON.stringify(branches)
    const name = this.#grafts.get(key) ?? this.#union.graft(secret(), branches)
    this.#grafts.set(key, name)
    return name
  }

  /** It may be put here, and looking at its directories does not lead into our own mount, where we would wait for ourselves. */
  #fits(asked: MountConfig): boolean {
    if (asked.dropIn !== true || !asked.readOnly || kind(asked) !== kind(this.#config) || this.#grafts.size >= MAX_GRAFTS) return false
    const ours = this.#mounts()
    if (!ours.includes(this.#config.mountpoint)) return false
    const paths = [asked.mountpoint, ...asked.branches.map(({ path }) => path)]
    return !paths.some((path) => ours.some((mountpoint) => contains(mountpoint, path)))
  }

  #mounts(): Bytes[] {
    return readMountinfo().filter(({ dev }) => dev === this.#dev).map(({ mountpoint }) => mountpoint)
  }

  /** Mounts beside a writable one that is gone may stay for long; the upper directory is free for the next one. */
  #look(): void {
    const mounts = this.#mounts()
    if (mounts.includes(this.#config.mountpoint)) {
      if (mounts.length > 1 || Date.now() - this.#promisedMs < BIND_MS) return
    } else {
      this.close()
      this.#union.retire()
    }
    clearInterval(this.#timer)
    this.#timer = undefined
  }
}
