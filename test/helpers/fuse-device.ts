/** The mode of /dev/fuse and /dev/net/tun: udev opens them to everybody, a bare container often does not. */
import { chmodSync, statSync } from 'node:fs'

/** Devices that are open to users now: the mode they had, and by how many that was asked for. */
const opened = new Map<string, { readonly mode: number, holders: number }>()

/** Open a device to all users. @returns what gives it back the mode it had, with the last one; also done when the process ends */
export function openToUsers(device: string): () => void {
  const state = opened.get(device) ?? { mode: statSync(device).mode & 0o7777, holders: 0 }
  opened.set(device, state)
  state.holders++
  chmodSync(device, 0o666)
  let held = true
  const giveBack = (): void => {
    if (!held) return
    held = false
    if (--state.holders > 0) return
    opened.delete(device)
    chmodSync(device, state.mode)
  }
  process.once('exit', giveBack)
  return giveBack
}

/** The same for /dev/fuse. */
export const openFuseToUsers = (): (() => void) => openToUsers('/dev/fuse')
