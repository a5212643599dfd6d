/** The kernel's overlayfs with what it has for renames, hard links and inode numbers switched on. */
import { mkdirSync } from 'node:fs'
import { readFileSync } from 'node:fs'
import { runProgram, unmountAt, type Setup, type Subject } from './subject.js'

/** `lowerdir=...,upperdir=...,workdir=...` for a stack whose first branch is writable. */
export function overlayOptions(setup: Setup): string {
  const [top, ...lower] = setup.branches
  const work = `${setup.scratch}/work`
  mkdirSync(work, { recursive: true })
  return `lowerdir=${lower.map((b) => b.path).join(':')},upperdir=${top!.path},workdir=${work}`
}

export const overlayfs: Subject = {
  name: 'overlayfs',
  format: 'overlay',
  weak: {},
  async unavailable() {
    if (process.getuid!() !== 0) return 'needs root'
    await runProgram(['modprobe', 'overlay'])
    return readFileSync('/proc/filesystems', 'latin1').includes('\toverlay\n') ? null : 'the kernel has no overlayfs'
  },
  async mount(setup) {
    const options = `${overlayOptions(setup)},redirect_dir=on,index=on,xino=auto`
    const { code, err } = await runProgram(['mount', '-t', 'overlay', 'overlay', '-o', options, setup.mountpoint])
    if (code !== 0) throw new Error(`mount: ${err.trim()}`)
    return { pid: null, unmount: () => unmountAt(setup.mountpoint) }
  },
}
