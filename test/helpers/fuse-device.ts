/** The mode of /dev/fuse and /dev/net/tun: udev opens them to everybody, a bare container often does not. */
import { chmodSync, statSync } from 'node:fs'

/** Open a device to all users. @returns what gives it back the mode it had; also done when the process ends */
export function openToUsers(device: string): () => void {
  const mode = statSync(device).mode & 0o7777
  chmodSync(device, 0o666)
  const giveBack = (): void => chmodSync(device, mode)
  process.once('exit', giveBack)
  return giveBack
}

/** The same for /dev/fuse. */
export const openFuseToUsers = (): (() => void) => openToUsers('/dev/fuse')
