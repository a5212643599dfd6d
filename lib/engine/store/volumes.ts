/**
 * Volumes: directories that outlive containers.
 *
 * ```
 * ROOT/volumes/NAME/
 *   volume.json    what was asked for
 *   _data/         what is in it, unless it is a directory of somebody's (-o type=none -o o=bind -o device=DIR)
 * ROOT/volumes/.new-...   one that is being made or taken away
 * ```
 * Names, labels and options are docker's (driver local).
 */
import { randomBytes } from 'node:crypto'
import { mkdirSync, readdirSync, renameSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Bytes } from '../../os/native.js'
import { codeOf, failure, usage } from '../error.js'
import { bytesOf, fsPath, readJson, writeJson } from '../text.js'
import { allContainers } from './containers.js'
import { newId } from './ids.js'
import { withLock } from './lock.js'
import { now } from './record.js'
import { removeTree } from './remove-tree.js'
import { openStateRoot, type StateRoot } from './root.js'

/** volume.json. Labels and options are bytes. */
export interface VolumeRecord {
  readonly name: string
  readonly created: string
  readonly labels: Readonly<Record<string, string>>
  readonly options: Readonly<Record<string, string>>
}

/** A volume. */
export interface Volume {
  /** Where its contents are. */
  readonly data: Bytes
  readonly record: VolumeRecord
}

/** What a new one is to be. */
export interface VolumeRequest {
  /** '' for one of its own. */
  readonly name: string
  readonly labels?: Readonly<Record<string, string>>
  readonly options?: Readonly<Record<string, string>>
}

/** docker's mark of a volume that nobody has named. */
const ANONYMOUS = 'com.docker.volume.anonymous'
/** Source: docker, daemon/names: RestrictedNameChars. */
const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]{1,254}$/

/** Nobody has named it: it goes with its container. */
export function isAnonymous({ record }: Volume): boolean {
  return Object.hasOwn(record.labels, ANONYMOUS)
}

/** @throws MountError for a name that is none */
export function checkVolumeName(flag: string, name: string): void {
  if (NAME.test(name)) return
  throw usage(flag, `"${name}" includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host directory, use absolute path`)
}

const dirOf = (root: StateRoot, name: string): string => join(root.volumes, name)

/** The volume of that name, or undefined. */
export function readVolume(root: StateRoot, name: string): Volume | undefined {
  if (!NAME.test(name)) return undefined
  const record = readJson(join(dirOf(root, name), 'volume.json')) as VolumeRecord | undefined
  if (record === undefined) return undefined
  return { record, data: record.options['device'] ?? bytesOf(join(dirOf(root, name), '_data')) }
}

/** @throws MountError when there is none */
export function findVolume(root: StateRoot, name: string, command: string): Volume {
  const found = readVolume(root, name)
  if (found === undefined) throw failure(`${command} ${name}`, 'ENOENT', `no such volume: ${name}; 'tsaufs volume ls' shows them`)
  return found
}

/** All of them, by name. */
export function allVolumes(root: StateRoot): Volume[] {
  let names: string[]
  try {
    names = readdirSync(root.volumes)
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return []
    throw error
  }
  return names.sort().map((name) => readVolume(root, name)).filter((each) => each !== undefined)
}

/** What `-o` may say: a directory of the host under a name. @throws MountError for anything else */
export function checkVolumeOptions(flag: string, options: Readonly<Record<string, string>>): void {
  if (Object.keys(options).length === 0) return
  const { type = 'none', o = '', device, ...more } = options
  const [unknown] = Object.keys(more)
  if (unknown !== undefined) throw usage(flag, `invalid option: "${unknown}"; there are type=none, o=bind, device=DIR`)
  if (!['none', 'bind'].includes(type) || !/^r?bind$/.test(o) || device === undefined) {
    throw usage(flag, `volumes of type ${type} are not mounted by this engine; there is type=none,o=bind,device=DIR; mount others on the host, or take --tmpfs`, 'EOPNOTSUPP')
  }
  const stat = device.startsWith('/') ? statSync(fsPath(device), { throwIfNoEntry: false }) : undefined
  if (stat === undefined || !stat.isDirectory()) throw usage(flag, `device ${device} is not the absolute path of a directory`, 'ENOTDIR')
}

/**
 * Make a volume, or find the one that has the name already, as docker does.
 * @returns whether it was made
 * @throws MountError for a wrong name or option, or when the volume is there with other options
 */
export function createVolume(root: StateRoot, { name, labels = {}, options = {} }: VolumeRequest): { readonly volume: Volume, readonly made: boolean } {
  const flag = `volume ${name}`
  if (name !== '') checkVolumeName(flag, name)
  checkVolumeOptions(flag, options)
  const there = name === '' ? undefined : readVolume(root, name)
  if (there !== undefined) return { volume: same(flag, there, options), made: false }
  openStateRoot(root)
  mkdirSync(root.volumes, { recursive: true, mode: 0o700 })
  const own = name === '' ? newId() : name
  const record: VolumeRecord = { name: own, created: now(), labels: { ...labels, ...(name === '' ? { [ANONYMOUS]: '' } : {}) }, options }
  const unfinished = join(root.volumes, `.new-${randomBytes(8).toString('hex')}`)
  try {
    mkdirSync(unfinished, { mode: 0o700 })
    if (options['device'] === undefined) mkdirSync(join(unfinished, '_data'), { mode: 0o755 })
    writeJson(join(unfinished, 'volume.json'), record)
    renameSync(unfinished, dirOf(root, own))
  } catch (error) {
    removeTree(unfinished)
    // Somebody else was quicker.
    const theirs = ['ENOTEMPTY', 'EEXIST'].includes(codeOf(error) ?? '') ? readVolume(root, own) : undefined
    if (theirs !== undefined) return { volume: same(flag, theirs, options), made: false }
    throw error
  }
  return { volume: readVolume(root, own)!, made: true }
}

function same(flag: string, there: Volume, options: Readonly<Record<string, string>>): Volume {
  const differs = Object.entries(options).some(([key, value]) => there.record.options[key] !== value)
  if (differs) throw failure(flag, 'EEXIST', 'a volume of that name is there with other options; remove it first, or take another name', 125)
  return there
}

/** The containers that have it. */
export function usersOf(root: StateRoot, name: string): string[] {
  return allContainers(root).filter(({ record }) => record.host.mounts.some(({ volume }) => volume?.name === name)).map(({ record }) => record.id)
}

/** Take a volume away with all that is in it; of a directory of somebody's only the name. @throws MountError EBUSY when a container has it */
export async function removeVolume(root: StateRoot, name: string, command: string): Promise<void> {
  await withLock(root.lock, `state root ${root.path}`, () => {
    findVolume(root, name, command)
    const users = usersOf(root, name)
    if (users.length > 0) throw failure(`${command} ${name}`, 'EBUSY', `remove ${name}: volume is in use - [${users.join(', ')}]`)
    dropVolume(root, name)
  })
}

function dropVolume(root: StateRoot, name: string): void {
  const gone = join(root.volumes, `.new-${randomBytes(8).toString('hex')}`)
  renameSync(dirOf(root, name), gone)
  removeTree(gone)
}

/** Volumes that nobody has named and no container has: of those named here. The caller's container is forgotten already. */
export async function dropAnonymous(root: StateRoot, names: readonly string[]): Promise<void> {
  if (names.length === 0) return
  await withLock(root.lock, `state root ${root.path}`, () => {
    for (const name of names) {
      const volume = readVolume(root, name)
      if (volume !== undefined && isAnonymous(volume) && usersOf(root, name).length === 0) dropVolume(root, name)
    }
  })
}

/** Those that somebody began to make or to remove and did not finish. */
export function unfinishedVolumes(root: StateRoot): string[] {
  try {
    return readdirSync(root.volumes).filter((name) => name.startsWith('.new-')).map((name) => join(root.volumes, name))
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return []
    throw error
  }
}
