/**
 * `mount.tsaufs`: what mount(8) runs for `-t tsaufs`. Source: mount(8), "EXTERNAL HELPERS":
 * `mount.<suffix> SPEC DIR [-sfnv] [-N namespace] [-o options] [-t type.subtype]`.
 */
import { asksRemount } from '../config/remount.js'
import { mountUnion } from './mount-union.js'
import { remountUnion } from './remount-union.js'
import { rawArguments, workingDirectory } from './raw-args.js'
import { reportFailure } from './output.js'
import { usage } from '../config/mount-error.js'
import type { Bytes } from '../os/native.js'

/** What the helper was asked for. */
export interface HelperCall {
  readonly source: Bytes
  readonly mountpoint: Bytes
  readonly options: Bytes
  readonly sloppy: boolean
  readonly fake: boolean
  readonly verbose: boolean
}

/** Read the helper's arguments. @throws MountError (exit 2) for others than those of the convention */
export function parseHelperArguments(args: readonly Bytes[]): HelperCall {
  const places: Bytes[] = []
  const options: Bytes[] = []
  const flags = new Set<string>()
  for (let i = 0; i < args.length; i++) {
    const arg = args[i] as Bytes
    if (!/^-./.test(arg)) places.push(arg)
    else if (/^-[sfnv]+$/.test(arg)) for (const letter of arg.slice(1)) flags.add(letter)
    else if (/^-[oNt]$/.test(arg)) {
      const value = args[++i]
      if (value === undefined) throw usage(`mount.tsaufs ${arg}`, 'it needs a value')
      if (arg === '-N') throw usage(`mount.tsaufs -N ${value}`, 'not here; use nsenter --mount=FILE mount ...', 'EOPNOTSUPP')
      if (arg === '-o') options.push(value)
    } else throw usage(`mount.tsaufs ${arg}`, 'unknown argument; usage: mount.tsaufs SOURCE DIR [-sfnv] [-o OPTIONS]')
  }
  const [source, mountpoint] = places
  if (source === undefined || mountpoint === undefined || places.length > 2) {
    throw usage('mount.tsaufs', 'usage: mount.tsaufs SOURCE DIR [-sfnv] [-o OPTIONS]')
  }
  return {
    source, mountpoint, options: options.join(','), sloppy: flags.has('s'), fake: flags.has('f'), verbose: flags.has('v'),
  }
}

/** Run the command line of this process and set its exit code. */
export async function main(): Promise<void> {
  try {
    const call = parseHelperArguments(rawArguments())
    if (asksRemount(call.options)) {
      if (!call.fake) await remountUnion(call.options, call.mountpoint, call.verbose)
      return
    }
    await mountUnion(
      { ...call, cwd: workingDirectory() },
      { foreground: false, verbose: call.verbose, dryRun: call.fake },
    )
  } catch (error) {
    process.exitCode = reportFailure(error)
  }
}
