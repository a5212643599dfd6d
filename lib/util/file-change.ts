/** Waiting for somebody else's writes. */
import { watch } from 'node:fs'

/** Resolved when the file or directory changes, or after `atMostMs`, when it is time to look anyway. */
export function fileChange(path: string, atMostMs: number): Promise<void> {
  return new Promise((resolve) => {
    const watcher = watch(path)
    const timer = setTimeout(done, atMostMs)
    function done(): void {
      clearTimeout(timer)
      watcher.close()
      resolve()
    }
    watcher.once('change', done).once('error', done)
  })
}
