/** tsaufs itself, by its command line, in the ways its data and its caches can be run. */
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { identity } from '../../helpers/identity.js'
import { repositoryRoot } from '../../helpers/steps.js'
import { isAlive, mountsAt, runProgram, unmountAt, until, type Mounted, type Setup, type Subject, type SubjectName } from './subject.js'

const program = join(repositoryRoot(), 'bin/tsaufs.js')

/** `dirs=PATH=perm:...` of a stack, with the characters of the grammar escaped. */
function dirsOption(setup: Setup): string {
  return `dirs=${setup.branches.map((b) => `${b.path.replace(/[,:=\\]/g, '\\$&')}=${b.perm}`).join(':')}`
}

function tsaufs(name: SubjectName, modeOptions: readonly string[]): Subject {
  return {
    name,
    format: 'aufs',
    weak: identity === 'root' ? {} : { specialIno: 'user.* attributes, which keep the number, cannot be set on symbolic links, fifos, sockets' },
    async unavailable() {
      if (!existsSync('/dev/fuse')) return 'no /dev/fuse'
      const { code, err } = await runProgram([process.execPath, program, '--help'])
      return code === 0 ? null : `tsaufs does not start: ${err.trim().split('\n')[0] ?? ''}`
    },
    mount: (setup) => mountUnion({ ...setup, options: [...modeOptions, ...setup.options] }),
  }
}

/**
 * Mount a union by the command line.
 * @param files how many descriptors the daemon may have at most; 0 leaves it what it can get
 * @throws Error with what the command said
 */
export async function mountUnion(setup: Setup, files = 0): Promise<Mounted> {
  const run = join(setup.scratch, 'run')
  mkdirSync(run, { recursive: true })
  // Its own temporary directory too: nothing of a test lies outside its scratch.
  const env = { TSAUFS_RUN_DIR: run, TSAUFS_STRICT: '1' }
  const options = [dirsOption(setup), ...setup.options].join(',')
  const limit = files === 0 ? [] : ['prlimit', `--nofile=${files}:${files}`]
  const { code, err } = await runProgram([...limit, process.execPath, program, 'mount', '-o', options, 'none', setup.mountpoint], env)
  if (code !== 0) throw new Error(`tsaufs mount -o ${options}: exit ${code}: ${err.trim()}`)
  return mounted(setup, run, env)
}

function mounted(setup: Setup, run: string, env: Record<string, string>): Mounted {
  const state = readdirSync(run).find((n) => n.startsWith('si_'))
  const pid = state === undefined ? null : Number(readFileSync(join(run, state, 'pid'), 'latin1'))
  return {
    pid,
    async unmount() {
      const problems: string[] = []
      if (state === undefined) problems.push('no state directory while mounted')
      if (pid !== null && !isAlive(pid)) problems.push('the daemon died')
      const { code, err } = await runProgram([process.execPath, program, 'umount', setup.mountpoint], env)
      if (code !== 0) problems.push(`tsaufs umount: exit ${code}: ${err.trim()}`)
      if (mountsAt(setup.mountpoint).length > 0) problems.push('still mounted', ...(await unmountAt(setup.mountpoint)))
      if (pid !== null && !(await until(() => !isAlive(pid)))) {
        problems.push('the daemon did not end')
        process.kill(pid, 'SIGKILL')
      }
      const left = readdirSync(run).filter((n) => n.startsWith('si_'))
      if (left.length > 0) problems.push(`left in the run directory: ${left.join(' ')}`)
      return problems
    },
  }
}

export const tsaufsSubjects: readonly Subject[] = [
  tsaufs('tsaufs-cached', ['io=cached', 'udba=none']),
  tsaufs('tsaufs-cached-reval', ['io=cached', 'udba=reval']),
  // inotify tells of our own changes too.
  tsaufs('tsaufs-cached-notify', ['io=cached', 'udba=notify', 'watch=inotify']),
  tsaufs('tsaufs-passthrough', ['io=passthrough', 'udba=none']),
]
