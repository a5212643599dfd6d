/**
 * A container's root: `rw : ID-init = ro+wh : layers = rr+wh`, mounted by the tsaufs daemon as any union is. Nothing changes the
 * branches beside it, so the kernel may keep what it knows for ever (udba=none).
 *
 * The directory above the mount point is 0700: a daemon that died leaves ENOTCONN, and once it is unmounted an empty directory
 * that nobody else can enter.
 */
import { spawn } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { watchEnd } from '../../daemon/client.js'
import { mountAt, readMountinfo } from '../../daemon/mountinfo.js'
import { findMount, liveMounts, type MountRecord } from '../../daemon/rundir.js'
import { isMachineRoot, startTime } from '../../daemon/process-id.js'
import { unmount } from '../../daemon/unmount.js'
import { escapePath } from '../../config/syntax.js'
import { STARTER, type Bytes } from '../../os/native.js'
import { codeOf, failure } from '../error.js'
import { bytesOf, textOf } from '../text.js'
import type { IdMaps } from '../spec/userns.js'
import type { Container } from '../store/record.js'
import { makeBranches } from './init-layer.js'

/** A daemon that has not ended so long after its unmount hangs in something, and is killed. */
const END_TIMEOUT_MS = 10_000

/** The mount point, as bytes. */
export function rootfsPath(dir: string): Bytes {
  return bytesOf(join(dir, 'rootfs'))
}

/** The branches as `dirs=` has them, top first. */
export function branchList({ dir, record }: Container): Bytes {
  const own = (name: string): Bytes => escapePath(bytesOf(join(dir, name)))
  return [`${own('rw')}=rw`, `${own('init')}=ro+wh`, ...record.layers.map((layer) => `${escapePath(layer)}=rr+wh`)].join(':')
}

/** Make the branches and the mount point of a new container. */
export function makeRootfs(dir: string, layers: readonly Bytes[]): void {
  makeBranches(dir, layers)
  mkdirSync(join(dir, 'rootfs'), { mode: 0o700 })
}

/** The root is mounted. */
export function isMounted(dir: string): boolean {
  return mountAt(rootfsPath(dir)) !== undefined || mountedElsewhere(rootfsPath(dir)) !== undefined
}

/** The daemon of a root that is not in our mount namespace: an ordinary user's keeper of namespaces was killed, and he has another. */
function mountedElsewhere(point: Bytes): MountRecord | undefined {
  return isMachineRoot() ? undefined : liveMounts().find(({ mountpoint }) => mountpoint === point)
}

/**
 * Mount the root; fulfilled once the daemon answers. Nothing is mounted there yet. The daemon is on its way when this returns.
 * @param maps of the user namespace that will look at it
 * @throws MountError when it cannot be mounted; nothing is left
 */
export async function mountRootfs(container: Container, maps?: IdMaps): Promise<void> {
  const options = `dirs=${branchList(container)},udba=none${mapWords(maps)}`
  await mountUnion(rootfsPath(container.dir), options, `mount the root of ${container.record.name}`)
}

/** Mount a union; fulfilled once its daemon answers. @param tried for the message @throws MountError; nothing is left */
export async function mountUnion(point: Bytes, options: Bytes, tried: string): Promise<void> {
  // Who starts one container starts more: a process is kept ready for the next root, unless TSAUFS_SPARE says for how long.
  const spare = process.env['TSAUFS_SPARE'] === undefined ? ',spare' : ''
  const { code, said } = await run(['request', '', `${options}${spare}`, 'tsaufs', point])
  if (code === 0) return
  throw failure(tried, 'EIO', said === '' ? `its daemon could not be started (${code})` : said, 125)
}

/** Branches have the container's ids, and the mount those of the host that a user namespace shows as these. */
function mapWords(maps: IdMaps | undefined): string {
  const words = (list: IdMaps['uids']): string => list.flatMap(({ containerID, hostID, size }) => [containerID, hostID, size]).join(':')
  return maps === undefined ? '' : `,uidmapping=${words(maps.uids)},gidmapping=${words(maps.gids)}`
}

/** The program that starts daemons; resolved when the mount answers. */
function run(words: readonly Bytes[]): Promise<{ code: number, said: string }> {
  return new Promise((resolve) => {
    // Arguments are text for node, which writes them as UTF-8.
    const child = spawn(textOf(STARTER), words.map(textOf), {
      stdio: ['ignore', 'ignore', 'pipe'], cwd: '/', env: { ...process.env, TSAUFS_NODE: process.execPath },
    })
    let said = ''
    child.stderr.setEncoding('latin1').on('data', (text: string) => { said += text })
    child.on('error', (error) => resolve({ code: 125, said: error.message }))
    child.on('close', (code) => resolve({ code: code ?? 125, said: said.trim().replace(/^tsaufs: /gm, '').replace(/\n/g, '; ') }))
  })
}

/** Wait for what goes a moment after its mount. */
export type Going = () => Promise<void>

/**
 * Take the root away; its daemon is about to end when this returns, and has ended when the result has. Idempotent. The daemon of a
 * dead container has nobody left to serve, so one that does not end by itself is killed.
 * @throws MountError when the kernel refuses
 */
export function unmountRootfs(dir: string): Promise<Going> {
  return detach(rootfsPath(dir))
}

/** Take any union of ours away, and see that its daemon ends. */
export async function unmountAt(point: Bytes): Promise<void> {
  const going = await detach(point)
  await going()
}

async function detach(point: Bytes): Promise<Going> {
  const entry = readMountinfo().findLast((mount) => mount.mountpoint === point)
  const record = entry === undefined ? mountedElsewhere(point) : findMount(entry.dev)
  if (entry === undefined && record === undefined) return async () => undefined
  const watch = record === undefined ? undefined : await watchEnd(record)
  const failed = entry === undefined ? askToEnd(record!) : unmount(point, true)
  if (failed !== '') {
    watch?.cancel()
    throw failure(`unmount ${point}`, failed, 'the kernel refused it')
  }
  return async () => {
    if (record !== undefined && !await watch!.ended(END_TIMEOUT_MS) && startTime(record.pid) === record.start) process.kill(record.pid, 'SIGKILL')
    // There may have been another one below it.
    await unmountAt(point)
  }
}

/** It unmounts where it is. @returns '' or an errno name */
function askToEnd({ pid, start }: MountRecord): string {
  try {
    if (startTime(pid) === start) process.kill(pid, 'SIGTERM')
    return ''
  } catch (error) {
    return codeOf(error) === 'ESRCH' ? '' : codeOf(error) ?? 'EIO'
  }
}
