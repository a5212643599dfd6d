/**
 * `tsaufs convert`: a branch from one whiteout format into another.
 */
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
  const { convert } = await import('../../convert/convert.js')
  const { PartialCopy } = await import('../../convert/copy.js')
  const copy = into === null ? null : new PartialCopy(source, into)
  try {
    const done = await convert({ branch: copy?.path ?? source, from: flags.from, to: flags.to, lower }, complain)
    copy?.finish()
    return done
  } catch (error) {
    copy?.abandon()
    if (!(error instanceof Errno)) throw error
    const advice = ADVICE[error.code] ?? 'what was done is good; run it again'
    throw new MountError(`convert ${text}: ${error.syscall} ${error.path}`, error.code, advice, 1, { cause: error })
  }
}
