/**
 * `tsaufs fhsm`: cold files go down from the fast branches of a mount (tiering), now and then or once.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { Command } from 'commander'
import { formatSize } from '../../config/size.js'
import { usage } from '../../config/mount-error.js'
import { ask } from '../../daemon/client.js'
import { isAlive } from '../../daemon/rundir.js'
import { runTiering, tiers, type Marks, type TierReport } from '../../daemon/tiering.js'
import { mountNamed } from '../mount-named.js'
import { print } from '../output.js'

interface Flags {
  readonly once?: true
  readonly high: string
  readonly low: string
}

/** @throws MountError EINVAL */
function marksOf({ high, low }: Flags): Marks {
  const percent = (text: string): number => (/^\d{1,3}%?$/.test(text) ? parseInt(text, 10) : NaN)
  const marks = { high: percent(high), low: percent(low) }
  if (marks.low >= 0 && marks.low <= marks.high && marks.high <= 100) return marks
  throw usage(`fhsm --high ${high} --low ${low}`, 'give whole percents, 0 <= low <= high <= 100')
}

function show({ from, to, files, bytes, refused }: TierReport): void {
  if (files > 0) print(`${from} -> ${to}: ${files} file${files === 1 ? '' : 's'}, ${formatSize(bytes)}`)
  const left = Object.entries(refused).map(([code, count]) => `${count} ${code}`)
  if (left.length > 0) print(`${from} -> ${to}: not moved: ${left.join(', ')}`)
}

/** Build the command. */
export function fhsmCommand(): Command {
  return new Command('fhsm')
    .description('move cold files down from the +fhsm branches of a mount that are fuller than the high mark')
    .argument('<mountpoint>')
    .option('--once', 'look once; else every fhsm_sec seconds, as long as it is mounted')
    .option('--high <percent>', 'a branch that is fuller than this is relieved', '75')
    .option('--low <percent>', 'until it is no fuller than this', '50')
    .action(async (mountpoint: string, flags: Flags) => {
      const marks = marksOf(flags)
      const record = mountNamed('fhsm', mountpoint)
      tiers(record)
      do {
        for (const report of await runTiering(record, marks)) show(report)
        if (flags.once === true) break
        const { sec } = await ask(record, 'fhsm') as { sec: number }
        await sleep(sec * 1000)
      } while (isAlive(record))
    })
}
