/**
 * `tsaufs convert`: a branch from one whiteout format into another.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { Command, Option } from 'commander'
import { parseBranch } from '../../config/branches.js'
import type { FormatName } from '../../config/config.js'
import { MountError } from '../../config/mount-error.js'
import { absolute, splitEscaped, unescapePath } from '../../config/syntax.js'
import type { Tally, Target } from '../../convert/translate.js'
import { Errno } from '../../os/errno.js'
import { complain, print, printJson } from '../output.js'
import { workingDirectory } from '../raw-args.js'

interface Flags {
  readonly to: Target
  readonly from: FormatName
  readonly lower?: string
  readonly into?: string
  readonly json?: true
}

/** Build the command. */
export function convertCommand(): Command {
  return new Command('convert')
    .description('write the whiteouts and marks of a branch that is not mounted in another form')
    .argument('<branch>')
    .addOption(new Option('--to <format>', 'the form').choices(['aufs', 'overlay', 'oci']).makeOptionMandatory())
    .addOption(new Option('--from <format>', 'the form it has').choices(['auto', 'aufs', 'overlay', 'fuse-overlayfs']).default('auto'))
    .option('--lower <dirs>', 'DIR[:DIR...]: the branches below it, top first; for renamed directories (oci) and hard links')
    .option('--into <dir>', 'leave the branch as it is and make a converted copy here')
    .option('--json', 'for programs')
    .action(async (path: string, flags: Flags) => {
      const done = await convertBranch(path, flags)
      if (flags.json === true) printJson(done)
      else print(describe(done))
    })
}

function describe({ whiteouts, opaque, redirects, expanded, attributes }: Tally): string {
  return `${whiteouts} whiteouts, ${opaque} opaque directories, ${redirects} redirects converted; `
    + `${expanded} redirects written out; ${attributes} attributes renamed or removed`
}

const ADVICE: Readonly<Record<string, string>> = {
  EBUSY: 'it is mounted; unmount it first',
  ENODATA: 'it has renamed directories or hard links whose rest lies below; give --lower DIR[:DIR...]',
  EOPNOTSUPP: 'the other form cannot say that, or the file system cannot hold it; merge it with overlayfs first if it is a metacopy',
  EINVAL: 'the other form cannot say that; rename or remove it',
  ENAMETOOLONG: 'the whiteout for that name has no room in the other form',
}

async function convertBranch(text: string, flags: Flags): Promise<Tally> {
  const cwd = workingDirectory()
  const source = parseBranch(text, cwd, complain).path
  const lower = splitEscaped(flags.lower ?? '', ':').filter(part => part !== '').map(part => absolute(unescapePath(part), cwd))
  const into = flags.into === undefined ? null : parseBranch(flags.into, cwd, complain).path
  const branch = into === null ? source : copy(source, into)
  const { convert } = await import('../../convert/convert.js')
  try {
    const done = await convert({ branch, from: flags.from, to: flags.to, lower }, complain)
    if (into !== null) renameSync(Buffer.from(branch, 'latin1'), Buffer.from(into, 'latin1'))
    return done
  } catch (error) {
    if (!(error instanceof Errno)) throw error
    const advice = ADVICE[error.code] ?? 'what was done is good; run it again'
    throw new MountError(`convert ${text}: ${error.syscall} ${error.path}`, error.code, advice, 1, { cause: error })
  }
}

/**
 * A copy with everything, under a name of its own until it is finished.
 * @returns its path @throws MountError
 */
function copy(source: string, into: string): string {
  const bytes = (path: string): Buffer => Buffer.from(path, 'latin1')
  if (existsSync(bytes(into))) throw new MountError(`convert --into ${into}`, 'EEXIST', 'it is there already; give another name', 1)
  const part = `${into}.tsaufs-part`
  rmSync(bytes(part), { recursive: true, force: true })
  mkdirSync(bytes(part))
  const text = (path: string): string => bytes(path).toString('utf8')
  const { status, stderr } = spawnSync('cp', ['-dR', '--reflink=auto', '--preserve=mode,ownership,timestamps,links,xattr', '--', `${text(source)}/.`, text(part)])
  if (status !== 0) {
    throw new MountError(`convert --into ${into}`, 'EIO', `cp: ${stderr.toString('latin1').trim().split('\n')[0] ?? 'failed'}`, 1)
  }
  return part
}
