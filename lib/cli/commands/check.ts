/**
 * `tsaufs check`: branches as they lie on the disk, without a mount.
 */
import { Command, Option } from 'commander'
import { BranchList, parseBranch } from '../../config/branches.js'
import type { BranchSpec, FormatName } from '../../config/config.js'
import { MountError } from '../../config/mount-error.js'
import type { Finding } from '../../check/finding.js'
import { Errno, errnoName } from '../../os/errno.js'
import { workingDirectory } from '../raw-args.js'
import { complain, print, readable, writeText } from '../output.js'
import { EXIT } from '../exit-codes.js'

interface Flags {
  readonly repair?: true
  readonly json?: true
  readonly format: FormatName
}

const FORMATS: readonly FormatName[] = ['auto', 'aufs', 'overlay', 'fuse-overlayfs']

/** Build the command. */
export function checkCommand(): Command {
  return new Command('check')
    .description('look for damage on branches that are not mounted; several are a stack, top first')
    .usage('[--repair] [--json] BRANCH[=rw|ro]...')
    .argument('<branch...>')
    .option('--repair', 'repair what can be repaired, on the first branch and on those given as =rw')
    .option('--json', 'for programs')
    .addOption(new Option('--format <format>', 'how whiteouts are written').choices(FORMATS).default('auto'))
    .action(async (paths: readonly string[], flags: Flags) => {
      process.exitCode = await check(paths, flags)
    })
}

/** One branch alone is to be repaired; of a stack the first, as in a mount, and what is given as `=rw`. */
function specs(paths: readonly string[], format: FormatName): BranchSpec[] {
  const list = new BranchList()
  for (const path of paths) list.insert(parseBranch(path, workingDirectory(), complain), -1)
  return list.finish({ readOnly: false, nativelyReadOnly: () => false })
    .map(spec => ({ ...spec, wh: true, fmt: format === 'auto' ? spec.fmt : format }))
}

/** The branches by their real paths. @throws MountError with exit code 2 for what leads nowhere */
async function realPaths(branches: readonly BranchSpec[]): Promise<BranchSpec[]> {
  const { realPath, codeOf } = await import('../../daemon/check-branches.js')
  return branches.map((spec) => {
    const tried = `branch ${spec.path}`
    try {
      return { ...spec, path: realPath(tried, spec.path) }
    } catch (error) {
      throw new MountError(tried, codeOf(error), 'it cannot be reached; correct the path', EXIT.USAGE)
    }
  })
}

async function check(paths: readonly string[], flags: Flags): Promise<number> {
  const branches = specs(paths, flags.format)
  const real = await realPaths(branches)
  const { checkStack } = await import('../../check/check.js')
  const { describe } = await import('../../check/finding.js')
  const tally = { found: 0, repaired: 0, notes: 0 }
  const show = (finding: Finding): void => {
    if (flags.json === true) writeText(`${tally.found + tally.notes === 0 ? '[' : ','}\n${JSON.stringify(toJson(finding))}`)
    else print(`${finding.severity.padEnd(7)} ${finding.branch}: ${finding.path === '' ? '.' : finding.path}: ${describe(finding)}`)
    if (finding.severity === 'note') tally.notes++
    else tally.found++
    if (finding.repaired) tally.repaired++
  }
  try {
    checkStack({ branches: real, repair: flags.repair === true }, show)
  } catch (error) {
    if (!(error instanceof Errno)) throw error
    throw refused(error)
  }
  if (flags.json === true) print(tally.found + tally.notes === 0 ? '[]' : '\n]')
  else print(`${tally.found} found, ${tally.repaired} repaired`)
  return tally.found > tally.repaired ? EXIT.FAILED : EXIT.OK
}

function toJson({ code, severity, branch, path, detail, repaired }: Finding): object {
  return { code, severity, branch: readable(branch), path: readable(path), detail: readable(detail), repaired }
}

function refused(error: Errno): MountError {
  const advice = error.code === 'EBUSY' && error.syscall === 'flock'
    ? 'a mount writes to it; unmount that one first'
    : `${error.syscall} failed; it cannot be checked`
  return new MountError(`branch ${error.path}`, errnoName(error.errno), advice, EXIT.USAGE)
}
