/**
 * `tsaufs move-down`: files go from their writable branch to a lower one, while the union is in use (aumvdown).
 */
import { lstatSync, realpathSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import { Command } from 'commander'
import { absolute } from '../../config/syntax.js'
import { formatSize } from '../../config/size.js'
import { MountError } from '../../config/mount-error.js'
import type { Bytes } from '../../os/native.js'
import { ask } from '../../daemon/client.js'
import { contains, readMountinfo } from '../../daemon/mountinfo.js'
import { openBy } from '../../daemon/open-files.js'
import { liveMounts, type MountRecord } from '../../daemon/rundir.js'
import { EXIT } from '../exit-codes.js'
import { complain, print, reportFailure } from '../output.js'
import { workingDirectory } from '../raw-args.js'

interface Flags {
  readonly keep?: true
  readonly overwrite?: true
  readonly verbose?: true
  readonly branch?: string
}

/** Copying takes as long as the disk needs. */
const TIMEOUT_MS = 3600_000

/** A file in a union. */
interface InUnion {
  readonly mount: MountRecord
  readonly real: Bytes
  /** From the root of the union. */
  readonly path: Bytes
}

/** Find the union that a typed path lies in; a symbolic link at its end is the file that is meant. @throws MountError */
function locate(typed: Bytes): InUnion {
  const path = absolute(typed, workingDirectory())
  let real: Bytes
  try {
    lstatSync(Buffer.from(path, 'latin1'))
    const above = realpathSync.native(Buffer.from(dirname(path), 'latin1'), { encoding: 'latin1' })
    real = absolute(basename(path), above)
  } catch (error) {
    throw new MountError(`move-down ${typed}`, (error as NodeJS.ErrnoException).code ?? 'EIO', 'it cannot be reached', EXIT.FAILED)
  }
  const entry = readMountinfo().filter(({ mountpoint }) => contains(mountpoint, real)).reduce((a, b) => (
    b.mountpoint.length >= a.mountpoint.length ? b : a
  ))
  const mount = liveMounts().find(({ dev }) => dev === entry.dev)
  if (mount === undefined) throw new MountError(`move-down ${typed}`, 'EINVAL', "it lies in no union; 'tsaufs list' shows them", EXIT.FAILED)
  const below = entry.mountpoint === '/' ? real : real.slice(entry.mountpoint.length)
  return { mount, real, path: `${entry.root === '/' ? '' : entry.root}${below}`.replace(/^\/+/, '') }
}

async function moveOne(typed: Bytes, flags: Flags): Promise<void> {
  const { mount, real, path } = locate(typed)
  const stat = lstatSync(Buffer.from(real, 'latin1'))
  const [pid] = stat.isFile() ? openBy(real, mount.mountpoint) : []
  if (pid !== undefined) throw new MountError(`move-down ${path}`, 'EBUSY', `it is open in process ${pid}`, EXIT.FAILED)
  const branch = flags.branch === undefined ? null : realpathSync.native(flags.branch)
  const { keep, overwrite } = flags
  const moved = await ask(mount, 'move-down', { path, branch, keep, overwrite }, TIMEOUT_MS) as { from: Bytes, to: Bytes, bytes: number }
  if (flags.verbose === true) print(`${path}: ${moved.from} -> ${moved.to}, ${formatSize(moved.bytes)}`)
}

/** Build the command. */
export function moveDownCommand(): Command {
  return new Command('move-down')
    .description('move files to a lower writable branch, while the union is in use')
    .argument('<file...>', 'as seen in the union')
    .option('-b, --branch <path>', 'the branch to go to; by default the next writable one below')
    .option('-k, --keep', 'leave the upper file where it is: only a copy is put below')
    .option('-o, --overwrite', 'replace a file of the same name on that branch, which the upper one hides')
    .option('-v, --verbose', 'say what is done')
    .action(async (files: readonly string[], flags: Flags) => {
      for (const file of files) {
        try {
          await moveOne(file, flags)
        } catch (error) {
          if (error instanceof MountError) process.exitCode = reportFailure(error)
          else {
            // The daemon's refusals are whole lines.
            complain(error instanceof Error ? error.message : String(error))
            process.exitCode = EXIT.FAILED
          }
        }
      }
    })
}
