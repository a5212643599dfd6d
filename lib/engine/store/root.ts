/**
 * The state root: where containers are kept.
 *
 * ```
 * ROOT/                        0700; --root, TSAUFS_ROOT, /var/lib/tsaufs, for users $XDG_DATA_HOME/tsaufs (~/.local/share/tsaufs)
 *   events.json                store/events.ts
 *   lock                       flock(2) around changes of names
 *   names/NAME                 the id
 *   containers/<64 hex>/       store/record.ts
 *   containers/.new-<64 hex>/  one that is being made
 *   volumes/NAME/              store/volumes.ts
 * ```
 */
import { lstatSync, mkdirSync } from 'node:fs'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { isMachineRoot } from '../../daemon/process-id.js'
import { codeOf, failure } from '../error.js'

/** Paths below the state root, as node's text. */
export class StateRoot {
  readonly path: string

  constructor(path: string) {
    this.path = path
  }

  /** It is the one that is used when none is named: what belongs to no root is looked after there. */
  get isDefault(): boolean {
    return this.path === defaultPath()
  }

  /** The directory of all containers. */
  get containers(): string {
    return join(this.path, 'containers')
  }

  /** The directory of one. */
  container(id: string): string {
    return join(this.containers, id)
  }

  /** One that is being made. */
  unfinished(id: string): string {
    return join(this.containers, `.new-${id}`)
  }

  /** The directory of names. */
  get names(): string {
    return join(this.path, 'names')
  }

  /** The directory of volumes. */
  get volumes(): string {
    return join(this.path, 'volumes')
  }

  /** The file that is locked while names change. */
  get lock(): string {
    return join(this.path, 'lock')
  }
}

/** The state root that is meant. @param given what `--root` says */
export function stateRoot(given: string | undefined): StateRoot {
  const asked = given ?? process.env['TSAUFS_ROOT']
  if (asked !== undefined && asked !== '') return new StateRoot(resolve(asked))
  return new StateRoot(defaultPath())
}

function defaultPath(): string {
  if (isMachineRoot()) return '/var/lib/tsaufs'
  // Source: XDG Base Directory Specification; a path that is not absolute does not count.
  const data = process.env['XDG_DATA_HOME'] ?? ''
  return join(data.startsWith('/') ? data : join(homedir(), '.local/share'), 'tsaufs')
}

/** Make what is not there, and see that it is ours alone. @throws MountError when it is not */
export function openStateRoot(root: StateRoot): StateRoot {
  try {
    mkdirSync(root.path, { recursive: true, mode: 0o700 })
    const stat = lstatSync(root.path)
    if (!stat.isDirectory()) throw failure(`state root ${root.path}`, 'ENOTDIR', 'it is no directory; give another with --root')
    if (stat.uid !== process.geteuid?.() || (stat.mode & 0o022) !== 0) {
      throw failure(`state root ${root.path}`, 'EACCES', 'others could change it; it must be yours, mode 0700; give another with --root')
    }
    for (const dir of [root.containers, root.names]) mkdirSync(dir, { recursive: true, mode: 0o700 })
  } catch (error) {
    const code = codeOf(error)
    if (code === undefined || !(error as NodeJS.ErrnoException).syscall) throw error
    throw failure(`state root ${root.path}`, code, 'it cannot be made; give another with --root or TSAUFS_ROOT')
  }
  return root
}
