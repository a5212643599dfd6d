/**
 * An ordinary user to test as: `tsaufs-test`, or another, made if there is none, with a range of subordinate ids, a directory of his
 * own and a program he can read. All of it, and the mode of /dev/fuse, is as before when the process ends, however it does.
 */
import { spawn, spawnSync } from 'node:child_process'
import {
  accessSync, chmodSync, chownSync, constants, cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync,
  realpathSync, rmSync, statSync, writeFileSync,
} from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { openFuseToUsers } from '../helpers/fuse-device.js'
import { repositoryRoot } from '../helpers/steps.js'

const NAME = 'tsaufs-test'
const SUBIDS = ['/etc/subuid', '/etc/subgid'] as const
const SUBID_COUNT = 65536
/** What of the repository the tests run. */
const PARTS = ['package.json', 'bin', 'dist', 'build/Release/tsaufs.node', 'build/Release/tsaufs-start', 'build/Release/tsaufs-init', 'node_modules', 'test/helpers']

/** What a command did. */
export interface Outcome {
  readonly code: number | null
  readonly out: string
  /** Lines of stderr. */
  readonly err: readonly string[]
}

/** Why there is no testing as another user here, or false. */
export function unavailable(): string | false {
  if (process.geteuid?.() !== 0) return 'needs root, to become another user'
  if (!existsSync('/dev/fuse')) return 'no /dev/fuse'
  return spawnSync('sh', ['-c', 'command -v newuidmap']).status === 0 ? false : 'no newuidmap'
}

function must(...words: string[]): string {
  const { status, stdout, stderr } = spawnSync(words[0]!, words.slice(1), { encoding: 'utf8' })
  if (status !== 0) throw new Error(`${words.join(' ')}: exit ${status}: ${stderr}`)
  return stdout
}

/** Deeds to undo, the last first. */
class Undo {
  #deeds: (() => void)[] = []

  constructor() {
    process.once('exit', () => this.run())
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(1))
  }

  push(deed: () => void): void {
    this.#deeds.push(deed)
  }

  run(): void {
    for (const deed of this.#deeds.splice(0).reverse()) {
      try {
        deed()
      } catch (error) {
        process.stderr.write(`undo: ${String(error)}\n`)
      }
    }
  }
}

const allLines = (file: string): string[] => (existsSync(file) ? readFileSync(file, 'utf8').split('\n').filter((line) => line !== '') : [])

/** What a file of subordinate ids says of a user. */
function linesOf(file: string, name: string): string[] {
  return allLines(file).filter((line) => line.startsWith(`${name}:`))
}

/** Let it say this; what it says of others stays. */
function setLines(file: string, name: string, lines: readonly string[]): void {
  if (linesOf(file, name).join() === lines.join()) return
  writeFileSync(file, [...allLines(file).filter((line) => !line.startsWith(`${name}:`)), ...lines].map((line) => `${line}\n`).join(''))
}

function firstFree(file: string): number {
  return Math.max(100_000, ...allLines(file).map((line) => line.split(':')).map(([, first, count]) => Number(first ?? 0) + Number(count ?? 0)))
}

export class OrdinaryUser {
  readonly uid: number
  readonly gid: number
  /** A directory all can enter; removed in the end. */
  readonly base: string
  /** His own, in `base`. */
  readonly home: string
  /** XDG_RUNTIME_DIR. */
  readonly runtime: string
  /** Where the program lies for him. */
  readonly repository: string
  readonly node: string
  readonly #undo = new Undo()

  /** @param subids he has subordinate ids */
  constructor(name = NAME, subids = true) {
    this.#undo.push(openFuseToUsers())
    this.#makeAccount(name, subids)
    this.uid = Number(must('id', '-u', name))
    this.gid = Number(must('id', '-g', name))
    // Short names: a socket's path has 107 bytes at most.
    this.base = realpathSync(mkdtempSync(join(tmpdir(), 'tr-')))
    this.#undo.push(() => rmSync(this.base, { recursive: true, force: true }))
    this.#undo.push(() => this.#endProcesses())
    chmodSync(this.base, 0o755)
    this.home = this.#own('h', 0o755)
    this.runtime = this.#own('run', 0o700)
    this.node = this.#readable(process.execPath) ? process.execPath : this.#copy(process.execPath, basename(process.execPath))
    this.repository = this.#readableRepository()
  }

  /** Give everything back. Also done when the process ends. */
  end(): void {
    this.#undo.run()
  }

  /** The account, and ranges of subordinate ids where useradd(8) gives none. */
  #makeAccount(name: string, subids: boolean): void {
    const before = SUBIDS.map((file) => linesOf(file, name))
    this.#undo.push(() => SUBIDS.forEach((file, i) => setLines(file, name, before[i]!)))
    if (spawnSync('id', [name]).status !== 0) {
      must('useradd', '--no-create-home', '--home-dir', '/nonexistent', '--shell', '/bin/sh', name)
      // Before the lines are put back: userdel(8) takes the ranges away itself.
      this.#undo.push(() => void must('userdel', '--force', name))
    }
    for (const file of SUBIDS) {
      if (!subids) setLines(file, name, [])
      else if (linesOf(file, name).length === 0) setLines(file, name, [`${name}:${firstFree(file)}:${SUBID_COUNT}`])
    }
  }

  #own(name: string, mode: number): string {
    const path = join(this.base, name)
    mkdirSync(path)
    chownSync(path, this.uid, this.gid)
    chmodSync(path, mode)
    return path
  }

  #readable(path: string): boolean {
    return this.spawnSync(['test', '-r', path]).code === 0
  }

  #copy(from: string, to: string): string {
    const path = join(this.base, 'copy', to)
    cpSync(from, path, { recursive: true, verbatimSymlinks: true })
    must('chmod', '-R', 'a+rX', join(this.base, 'copy'))
    return path
  }

  /** The repository itself if all of it that we run can be read, else a copy. */
  #readableRepository(): string {
    const repository = repositoryRoot()
    const files = [...PARTS, 'dist/test/scenario/run.test.js', 'bin/tsaufs.js', 'node_modules/tap/package.json', 'test/helpers/steps.py']
    if (files.every((file) => this.#readable(join(repository, file)))) return repository
    for (const part of PARTS) this.#copy(join(repository, part), part)
    return join(this.base, 'copy')
  }

  /** The environment of a login: nothing of ours but the way to programs. */
  environment(more: Readonly<Record<string, string>> = {}): Record<string, string> {
    const path = process.env['PATH'] ?? '/usr/sbin:/usr/bin:/sbin:/bin'
    return { PATH: path, HOME: this.home, TMPDIR: this.home, XDG_RUNTIME_DIR: this.runtime, LANG: 'C.UTF-8', ...more }
  }

  /** The words that setpriv(1) runs a command of his by. */
  words(words: readonly string[]): string[] {
    return ['--reuid', String(this.uid), '--regid', String(this.gid), '--clear-groups', ...words]
  }

  /** A command as him, in his directory or another; he goes there himself, since it may be a mount that root cannot enter. */
  spawnSync(words: readonly string[], cwd = this.home): Outcome {
    const command = this.words(['sh', '-c', 'cd "$0" && exec "$@"', cwd, ...words])
    const { status, stdout, stderr } = spawnSync('setpriv', command, { cwd: '/', env: this.environment(), encoding: 'utf8', timeout: 60_000 })
    return { code: status, out: stdout, err: stderr.split('\n').filter((line) => line !== '') }
  }

  /** `tsaufs WORDS...` as him. */
  tsaufs(...words: string[]): Outcome {
    return this.spawnSync([this.node, join(this.repository, 'bin/tsaufs.js'), ...words])
  }

  /** The same as a command line for root, who may want to run it in a namespace; the environment is not his then. */
  tsaufsCommand(...words: string[]): string[] {
    return ['setpriv', ...this.words([this.node, join(this.repository, 'bin/tsaufs.js'), ...words])]
  }

  /** Run a compiled test of the repository as him; `prefix` is a command to run it by. */
  async test(file: string, words: readonly string[], prefix: readonly string[], environment: Readonly<Record<string, string>>): Promise<Outcome> {
    const command = [...prefix, this.node, join(this.repository, 'dist/test', file), ...words]
    const child = spawn('setpriv', this.words(command), { cwd: this.home, env: this.environment(environment), stdio: ['ignore', 'pipe', 'pipe'] })
    let out = ''
    let err = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text))
    const kill = (): void => void child.kill('SIGKILL')
    process.once('exit', kill)
    const code = await new Promise<number | null>((done) => child.on('close', done))
    process.off('exit', kill)
    return { code, out, err: err.split('\n').filter((line) => line !== '') }
  }

  /** Command lines of his processes that are still there after some seconds. */
  async remains(): Promise<string[]> {
    for (let i = 0; i < 100 && this.processes().length > 0; i++) await sleep(50)
    return this.processes().map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ')
      } catch {
        return 'has just ended'
      }
    })
  }

  /** His processes; every one was started here. */
  processes(): number[] {
    return readdirSync('/proc').map(Number).filter((pid) => {
      try {
        return pid > 0 && statSync(`/proc/${pid}`).uid === this.uid
      } catch {
        return false
      }
    })
  }

  /** Mount points below his directory, in our namespace. */
  mounts(): string[] {
    return readFileSync('/proc/self/mountinfo', 'utf8').split('\n').map((line) => line.split(' ')[4] ?? '').filter((path) => path.startsWith(this.base))
  }

  #endProcesses(): void {
    for (const path of this.mounts().reverse()) spawnSync('umount', ['-l', path])
    for (const pid of this.processes()) {
      try {
        process.kill(pid, 'SIGKILL')
      } catch {
        // It ended by itself.
      }
    }
  }
}

/** Whether a file can be read by us: false where the kernel says EACCES. */
export function canRead(path: string): boolean {
  try {
    accessSync(path, constants.R_OK)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EACCES') throw error
    return false
  }
}
