/**
 * The cgroup file systems as the rest of this folder uses them. Tests put one in memory here. Everything throws Node's
 * errors with a `code`.
 */
import { constants, mkdirSync, readdirSync, readFileSync, rmdirSync, statSync, writeFileSync, accessSync } from 'node:fs'

export interface Tree {
  mkdir(dir: string): void
  rmdir(dir: string): void
  /** One write(2) of the whole value; never makes a file. */
  write(file: string, value: string): void
  read(file: string): string
  exists(path: string): boolean
  /** We may write there, as far as permissions go. */
  writable(path: string): boolean
  /** Names of the groups in a group. */
  groups(dir: string): string[]
}

/** The kernel's. */
export const realTree: Tree = {
  mkdir: (dir) => { mkdirSync(dir, 0o755) },
  rmdir: (dir) => { rmdirSync(dir) },
  write: (file, value) => { writeFileSync(file, value, { flag: constants.O_WRONLY as unknown as string }) },
  read: (file) => readFileSync(file, 'latin1'),
  exists: (path) => statSync(path, { throwIfNoEntry: false }) !== undefined,
  writable(path) {
    try {
      accessSync(path, constants.W_OK)
      return true
    } catch {
      return false
    }
  },
  groups: (dir) => readdirSync(dir, { withFileTypes: true }).filter((entry) => entry.isDirectory()).map((entry) => entry.name),
}

/** The errno name of what a tree threw. */
export function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? 'EIO'
}

/** The file's text, or undefined when it is not there, or its group has just been removed. */
export function readIfThere(tree: Tree, file: string): string | undefined {
  try {
    return tree.read(file)
  } catch (error) {
    if (['ENOENT', 'ENODEV', 'EOPNOTSUPP', 'ENOTDIR'].includes(codeOf(error))) return undefined
    throw error
  }
}

/** Names of the groups in a group, or undefined when it is not there. */
export function groupsIfThere(tree: Tree, dir: string): string[] | undefined {
  try {
    return tree.groups(dir)
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
}
