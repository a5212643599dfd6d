/**
 * `tsaufs mount`: make a union and return when it answers.
 */
import { Command } from 'commander'
import { mountUnion } from '../mount-union.js'
import { remountUnion } from '../remount-union.js'
import { optionsHelp } from '../options-help.js'
import { workingDirectory } from '../raw-args.js'
import { usage } from '../../config/mount-error.js'
import { asksRemount } from '../../config/remount.js'

interface Flags {
  readonly options: readonly string[]
  readonly foreground?: true
  readonly verbose?: true
}

/** For an option that may be given more than once. */
export const collect = (value: string, all: readonly string[]): string[] => [...all, value]

/** Build the command. */
export function mountCommand(): Command {
  return new Command('mount')
    .description('mount a union of directories; returns when it answers')
    .usage('[-f] [-v] -o OPTIONS [SOURCE] MOUNTPOINT')
    .argument('<mountpoint...>', 'the mount point; before it what /proc/mounts shows as the source (none)')
    .option('-o, --options <options>', 'mount options; may be given more than once', collect, [])
    .option('-f, --foreground', 'serve in this process until unmounted')
    .option('-v, --verbose', 'say what is done')
    .addHelpText('after', () => `\n${optionsHelp()}`)
    .action(async (where: readonly string[], flags: Flags) => {
      if (where.length > 2) throw usage(`mount ${where.join(' ')}`, 'too many arguments; give [SOURCE] MOUNTPOINT')
      const [source, mountpoint] = where.length === 2 ? where : ['none', ...where]
      const options = flags.options.join(',')
      if (asksRemount(options)) return remountUnion(options, mountpoint ?? '', flags.verbose === true)
      await mountUnion(
        {
          options, source: source ?? 'none', mountpoint: mountpoint ?? '', cwd: workingDirectory(),
        },
        { foreground: flags.foreground === true, verbose: flags.verbose === true },
      )
    })
}
