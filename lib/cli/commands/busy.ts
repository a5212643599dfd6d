/**
 * `tsaufs busy`: who keeps a branch from being deleted (aufs: auibusy).
 */
import { realpathSync } from 'node:fs'
import { Command } from 'commander'
import { specOf } from '../../config/branches.js'
import { MountError } from '../../config/mount-error.js'
import { absolute } from '../../config/syntax.js'
import { ask } from '../../daemon/client.js'
import { liveMounts, type MountRecord } from '../../daemon/rundir.js'
import type { Bytes } from '../../os/native.js'
import { EXIT } from '../exit-codes.js'
import { mountNamed } from '../mount-named.js'
import { print, printJson, readable } from '../output.js'
import { workingDirectory } from '../raw-args.js'
import { REMOUNT_TIMEOUT_MS } from '../remount-union.js'

interface Use {
  readonly path: string
  readonly pid: number
  readonly command: string
  readonly how: string
}

/** Build the command. */
export function busyCommand(): Command {
  return new Command('busy')
    .description('which processes keep a branch from being deleted, and by what: PID COMMAND HOW PATH')
    .argument('<branch>')
    .argument('[mountpoint]', 'needed only if more than one mount has the branch')
    .option('--json', 'for programs')
    .action(async (typed: string, mountpoint: string | undefined, flags: { json?: true }) => {
      const { mount, branch } = find(typed, mountpoint)
      const uses = await ask(mount, 'busy', { branch }, REMOUNT_TIMEOUT_MS) as Use[]
      if (flags.json === true) {
        printJson(uses.map(({ path, pid, command, how }) => ({ pid, command: readable(command), how, path: readable(path) })))
        return
      }
      for (const { pid, command, how, path } of uses) print(`${String(pid).padStart(7)} ${command.padEnd(15)} ${how.padEnd(18)} ${path}`)
    })
}

/** The one mount that has the branch. @throws MountError if there is none, or more */
function find(typed: string, mountpoint: string | undefined): { mount: MountRecord, branch: Bytes } {
  const paths = new Set([absolute(typed, workingDirectory()), realPathOf(absolute(typed, workingDirectory()))])
  const mounts = mountpoint === undefined ? liveMounts() : [mountNamed('busy', mountpoint)]
  const found = mounts.flatMap((mount) => mount.branches.map((text) => specOf(text).path)
    .filter((branch) => paths.has(branch)).map((branch) => ({ mount, branch })))
  const [first, ...others] = found
  if (first === undefined) throw new MountError(`busy ${typed}`, 'ENOENT', "no mount has this branch; 'tsaufs list' shows them", EXIT.FAILED)
  if (others.length > 0) throw new MountError(`busy ${typed}`, 'EINVAL', 'more than one mount has this branch; give the mount point too', EXIT.FAILED)
  return first
}

function realPathOf(path: Bytes): Bytes {
  try {
    return realpathSync.native(Buffer.from(path, 'latin1'), { encoding: 'latin1' })
  } catch {
    return path
  }
}
