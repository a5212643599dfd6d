/**
 * Telling one process from a later one with the same number. Source: proc_pid_stat(5), field 22.
 */
import { readFileSync } from 'node:fs'

/** Start time of a process in clock ticks since boot, as text; undefined when there is none (or it is only a zombie). */
export function startTime(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // The second field is the program's name in parentheses and may hold anything, so fields are counted after its end.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19]
  } catch {
    return undefined
  }
}
