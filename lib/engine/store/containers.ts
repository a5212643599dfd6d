/**
 * All containers: made, found, renamed, taken away. Names change under the lock of the state root.
 */
import { closeSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, unlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { codeOf, failure, noSuchContainer } from '../error.js'
import { ID, checkName, randomName } from './ids.js'
import { newLock, withLock } from './lock.js'
import { removeTree } from './remove-tree.js'
import { readRecord, writeRecord, type Container, type ContainerRecord } from './record.js'
import { openStateRoot, type StateRoot } from './root.js'

/**
 * Keep a new container. Either all of it is there afterwards, or nothing.
 * @param draft its name is empty for a random one
 * @param fill makes what else belongs into its directory
 * @param settle gives it what must be no other container's, under the lock of names; may refuse
 * @throws MountError when the name is wrong or taken
 */
export async function addContainer(
  root: StateRoot, draft: ContainerRecord, fill: (dir: string) => void, settle: (record: ContainerRecord) => ContainerRecord = (record) => record,
): Promise<Container> {
  if (draft.name !== '') checkName(draft.name)
  openStateRoot(root)
  const made = root.unfinished(draft.id)
  mkdirSync(made, { mode: 0o700 })
  let lock = -1
  try {
    // Until it is found under its name, nobody takes it for something that was left.
    lock = newLock(join(made, 'lock'))
    fill(made)
    return await withLock(root.lock, `state root ${root.path}`, () => {
      const settled = settle(draft)
      const record = { ...settled, name: reserve(root, draft) }
      try {
        writeRecord(made, record)
        renameSync(made, root.container(draft.id))
      } catch (error) {
        rmSync(join(root.names, record.name), { force: true })
        throw error
      }
      return { dir: root.container(draft.id), record }
    })
  } catch (error) {
    removeTree(made)
    throw error
  } finally {
    if (lock >= 0) closeSync(lock)
  }
}

/** Give the name, or one nobody has, to the id. */
function reserve(root: StateRoot, { id, name }: ContainerRecord): string {
  for (let attempt = 0; ; attempt++) {
    const wanted = name === '' ? randomName(attempt) : name
    try {
      claim(root, wanted, id)
      return wanted
    } catch (error) {
      if (name !== '' || attempt > 20) throw error
    }
  }
}

/** The caller holds the lock of names. @throws MountError when somebody has the name */
function claim(root: StateRoot, name: string, id: string): void {
  const file = join(root.names, name)
  const owner = idOfName(root, name)
  // A name without its container was left by a command that died between the two.
  if (owner !== undefined && !existsSync(root.container(owner))) unlinkSync(file)
  try {
    writeFileSync(file, id, { flag: 'wx', mode: 0o600 })
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error
    throw failure(`name ${name}`, 'EEXIST', `Conflict. The container name "/${name}" is already in use by container "${owner}"; `
      + 'You have to remove (or rename) that container to be able to reuse that name', 125)
  }
}

function idOfName(root: StateRoot, name: string): string | undefined {
  try {
    const id = readFileSync(join(root.names, name), 'latin1').trim()
    return ID.test(id) ? id : undefined
  } catch (error) {
    const code = codeOf(error)
    if (code === 'ENOENT' || code === 'ENAMETOOLONG' || code === 'ENOTDIR') return undefined
    throw error
  }
}

/** The ids of all containers, in no order. */
export function containerIds(root: StateRoot): string[] {
  try {
    return readdirSync(root.containers).filter((name) => ID.test(name))
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return []
    throw error
  }
}

/** The container with this id, if its record is whole. */
export function readContainer(root: StateRoot, id: string): Container | undefined {
  const dir = root.container(id)
  try {
    const record = readRecord(dir)
    return record === undefined ? undefined : { dir, record }
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

/** All containers whose records are whole, newest first. */
export function allContainers(root: StateRoot): Container[] {
  return containerIds(root)
    .map((id) => readContainer(root, id))
    .filter((each) => each !== undefined)
    .sort((a, b) => (a.record.created < b.record.created ? 1 : -1))
}

/**
 * The container that is meant: a whole id, else a name, else the beginning of one id.
 * @param command for the message
 * @throws MountError when there is none, or more than one
 */
export function findContainer(root: StateRoot, ref: string, command: string): Container {
  const name = ref.replace(/^\//, '')
  const isName = !name.includes('/') && name !== '' && name !== '.' && name !== '..' && !name.includes('\0')
  const id = ID.test(ref) ? ref : isName ? idOfName(root, name) : undefined
  const exact = id === undefined ? undefined : readContainer(root, id)
  if (exact !== undefined) return exact
  const matches = /^[0-9a-f]+$/.test(ref) ? containerIds(root).filter((each) => each.startsWith(ref)) : []
  if (matches.length > 1) {
    throw failure(`${command} ${ref}`, 'EINVAL', `Multiple IDs found with provided prefix: ${ref}; give more of the id`)
  }
  const found = matches.length === 0 ? undefined : readContainer(root, matches[0]!)
  if (found === undefined) throw noSuchContainer(command, ref)
  return found
}

/** Run `work` with the container's lock held and its record read anew. @throws MountError when it has gone meanwhile */
export function withContainer<T>(container: Container, command: string, work: (now: Container) => T | Promise<T>): Promise<T> {
  const { dir, record: { name } } = container
  return withLock(join(dir, 'lock'), `${command} ${name}`, () => {
    const record = readRecord(dir)
    if (record === undefined) throw noSuchContainer(command, name)
    return work({ dir, record })
  })
}

/** Give a container another name. The caller holds its lock. @throws MountError when the name is wrong or taken */
export async function renameContainer(root: StateRoot, { dir, record }: Container, name: string): Promise<void> {
  checkName(name)
  await withLock(root.lock, `state root ${root.path}`, () => {
    claim(root, name, record.id)
    writeRecord(dir, { ...record, name })
    rmSync(join(root.names, record.name), { force: true })
  })
}

/** Forget a container that runs no more and of which nothing is mounted. The caller holds its lock. */
export async function dropContainer(root: StateRoot, { dir, record }: Container): Promise<void> {
  await withLock(root.lock, `state root ${root.path}`, () => {
    // Under this name nobody finds it, and whoever dies here leaves what `system prune` knows.
    const gone = root.unfinished(record.id)
    renameSync(dir, gone)
    if (idOfName(root, record.name) === record.id) rmSync(join(root.names, record.name), { force: true })
    removeTree(gone)
  })
}
