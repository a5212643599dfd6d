/** The mode of /dev/fuse: udev opens it to everybody, a bare container often does not. */
import { chmodSync, statSync } from 'node:fs'

/** Open /dev/fuse to all users. @returns what gives it back the mode it had; also done when the process ends */
export function openFuseToUsers(): () => void {
  const mode = statSync('/dev/fuse').mode & 0o7777
  chmodSync('/dev/fuse', 0o666)
  const giveBack = (): void => chmodSync('/dev/fuse', mode)
  process.once('exit', giveBack)
  return giveBack
}
