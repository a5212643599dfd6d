/** containers/fuse-overlayfs, the C program. */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { isAlive, mountsAt, runProgram, unmountAt, until, type Subject } from './subject.js'
import { overlayOptions } from './overlayfs.js'

export const fuseOverlayfs: Subject = {
  name: 'fuse-overlayfs',
  format: 'overlay',
  weak: {
    nlink: 'reports the names it has seen so far',
    groups: 'copy-up breaks hard links',
    mtime: 'with its writeback cache, times of written files change at a remount',
    ino: 'numbers are those of the branch or of the mount',
    d_ino: 'd_ino is not st_ino for merged directories',
  },
  async unavailable() {
    if (!existsSync('/dev/fuse')) return 'no /dev/fuse'
    return (await runProgram(['fuse-overlayfs', '--version'])).code === 0 ? null : 'not installed'
  },
  async mount(setup) {
    const options = `${overlayOptions(setup)},allow_other`
    const child = spawn('fuse-overlayfs', ['-f', '-o', options, setup.mountpoint], { stdio: ['ignore', 'ignore', 'pipe'] })
    let err = ''
    child.stderr.on('data', (d: Buffer) => (err += d.toString('latin1')))
    if (!(await until(() => mountsAt(setup.mountpoint).length > 0 || child.exitCode !== null)) || child.exitCode !== null) {
      child.kill('SIGKILL')
      throw new Error(`fuse-overlayfs: ${err.trim()}`)
    }
    const pid = child.pid!
    return {
      pid,
      async unmount() {
        const problems = await unmountAt(setup.mountpoint)
        if (!(await until(() => !isAlive(pid)))) {
          problems.push('the process did not end')
          child.kill('SIGKILL')
        }
        return problems
      },
    }
  },
}
