/**
 * `tsaufs remount`: change the branches of a live mount.
 */
import { Command } from 'commander'
import { usage } from '../../config/mount-error.js'
import { complain, print, printJson, readable } from '../output.js'
import { planRemount, remountUnion, type PlannedChange } from '../remount-union.js'
import { collect } from './mount.js'

interface Flags {
  readonly options: readonly string[]
  readonly verbose?: true
  readonly plan?: true
  readonly json?: true
}

/** Build the command. */
export function remountCommand(): Command {
  return new Command('remount')
    .description('change a live mount: options are taken from left to right, all or none')
    .usage('[-v] [--plan [--json]] -o OPTIONS MOUNTPOINT')
    .argument('<mountpoint>')
    .option('-o, --options <options>', 'add:N:BRANCH, append:BRANCH, prepend:BRANCH, del:PATH, mod:PATH=PERM, ro, rw, ...', collect, [])
    .option('-v, --verbose', 'show the branches after the change')
    .option('--plan', 'change nothing; show which names would change, and which processes are in the way')
    .option('--json', 'with --plan: for programs')
    .action(async (mountpoint: string, flags: Flags) => {
      if (flags.options.length === 0) throw usage(`remount ${mountpoint}`, 'nothing to change; give -o OPTIONS')
      const options = flags.options.join(',')
      if (flags.plan !== true) return remountUnion(options, mountpoint, flags.verbose === true)
      const planned = await planRemount(options, mountpoint)
      if (flags.json === true) printJson(deepReadable(planned))
      else show(planned)
    })
}

/** A line per name and per process in the way. */
function show({ lines, names, blocks, cut }: PlannedChange): void {
  for (const line of lines) complain(line)
  for (const { path, from, to } of names) {
    const word = from === null ? 'appears' : to === null ? 'vanishes' : 'changes'
    const where = from === null || to === null ? from ?? to : `${from} -> ${to}`
    print(`${word.padEnd(9)} ${path}  (${where})`)
  }
  for (const { pid, command, how, path } of blocks) print(`blocked   ${path}  (${how} by ${pid} ${command})`)
  if (cut) complain('there may be more: the walk over the branches was ended at its bound')
}

/** The same with proper text in place of bytes. */
function deepReadable(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value), (_, each: unknown) => (typeof each === 'string' ? readable(each) : each))
}
