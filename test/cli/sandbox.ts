/**
 * A place to mount in: a directory of its own with branches, its own state directory, and the commands run as a user
 * would run them. Everything mounted below it is gone after the test.
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'

let root = dirname(fileURLToPath(import.meta.url))
while (!existsSync(join(root, 'package.json'))) root = dirname(root)

/** The repository. */
export const REPO = root
/** `bin/tsaufs.js`. */
export const PROGRAM = join(REPO, 'bin', 'tsaufs.js')
/** For tests that mount as root: `skip: NEEDS_ROOT`. */
export const NEEDS_ROOT = process.geteuid?.() === 0 ? false : 'needs root'

/** What a command did. */
export interface Outcome {
  readonly exit: number | null
  readonly stdout: string
  /** Without the `tsaufs: ` before each line, and with the sandbox's path written as `@`. */
  readonly complaints: readonly string[]
}

export class Sandbox {
  /** Real path. */
  readonly path: string
  readonly env: NodeJS.ProcessEnv

  /** A fresh directory with empty `a`, `b`, `mnt`; removed, with all mounts in it, when `t` ends. */
  constructor(t: Test) {
    this.path = realpathSync(mkdtempSync(join(tmpdir(), 'tsaufs-cli-')))
    this.env = { ...process.env, TSAUFS_RUN_DIR: join(this.path, 'run') }
    for (const name of ['a', 'b', 'mnt']) mkdirSync(join(this.path, name))
    t.teardown(() => this.#clear())
  }

  /** A path in the sandbox. */
  at(...names: string[]): string {
    return join(this.path, ...names)
  }

  /** Write files, text by path; directories on the way are made. */
  files(tree: Readonly<Record<string, string>>): this {
    for (const [name, text] of Object.entries(tree)) {
      mkdirSync(dirname(this.at(name)), { recursive: true })
      writeFileSync(this.at(name), text)
    }
    return this
  }

  /** `tsaufs WORDS...` in the sandbox. */
  run(...words: string[]): Outcome {
    return this.exec(process.execPath, PROGRAM, ...words)
  }

  /** Any command in the sandbox. */
  exec(command: string, ...words: string[]): Outcome {
    const { status, stdout, stderr } = spawnSync(command, words, { cwd: this.path, env: this.env, encoding: 'latin1', timeout: 60_000 })
    const lines = stderr.split('\n').filter((line) => line !== '')
    return { exit: status, stdout, complaints: lines.map((line) => line.replace(/^tsaufs: /, '').replaceAll(this.path, '@')) }
  }

  /** A command as nobody. */
  asUser(...words: string[]): Outcome {
    return this.exec('setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups', ...words)
  }

  /** `tsaufs WORDS...` as nobody. */
  user(t: Test, ...words: string[]): Outcome {
    return this.asUser(process.execPath, this.programForUsers(t), ...words)
  }

  /** `bin/tsaufs.js` of a copy of the program: the repository may lie where only root can read. */
  programForUsers(t: Test): string {
    return join(programForAll(t), 'bin', 'tsaufs.js')
  }

  /** A shell script in the sandbox; `$tsaufs` runs the program, for arguments that are not UTF-8 (`$(printf '\377')`). */
  sh(script: string): Outcome {
    return this.exec('/bin/sh', '-c', `tsaufs="${process.execPath} ${PROGRAM}"; ${script}`)
  }

  /** A command in the background, with the sandbox as its directory unless said otherwise. */
  start(words: readonly string[], cwd = this.path): ChildProcess {
    return spawn(words[0] as string, words.slice(1), { cwd, env: this.env, stdio: ['pipe', 'pipe', 'pipe'] })
  }

  /** `tsaufs mount` that must succeed. @returns the daemon's pid */
  mount(t: Test, ...words: string[]): number {
    const { exit, complaints } = this.run('mount', ...(words.length === 0 ? ['-o', 'dirs=a:b', 'mnt'] : words))
    t.equal(exit, 0, `mounted ${complaints.join('; ')}`)
    return this.pid()
  }

  /** The daemon of the only mount. */
  pid(): number {
    const record = this.records().find((name) => name.startsWith('si_'))
    return Number(readFileSync(this.at('run', record ?? 'none', 'pid'), 'utf8'))
  }

  /** State directories. */
  records(): string[] {
    return existsSync(this.at('run')) ? readdirSync(this.at('run')) : []
  }

  /** Lines of mountinfo about the sandbox. */
  mounts(): string[] {
    return readFileSync('/proc/self/mountinfo', 'latin1').split('\n').filter((line) => line.includes(this.path))
  }

  /** Mounts, state directories and processes that have the sandbox in their command line: nothing, if all is over. */
  remains(): string[] {
    return [...this.mounts(), ...this.records(), ...this.#processes().map(String)]
  }

  /** The processes that wait for a mount. */
  spares(): number[] {
    return this.#processes(`tsaufs spare ${this.path}`)
  }

  /** The processes that wait for a command. */
  waiting(): number[] {
    return this.#processes(`tsaufs warm ${this.path}`)
  }

  /** Processes that a command of the sandbox has left, whatever they are about to become. */
  descendants(): number[] {
    return this.#processes(`TSAUFS_RUN_DIR=${this.at('run')}`, 'environ')
  }

  #processes(words = this.path, file = 'cmdline'): number[] {
    return readdirSync('/proc').map(Number).filter((pid) => {
      if (!(pid > 0) || pid === process.pid) return false
      try {
        return readFileSync(`/proc/${pid}/${file}`, 'latin1').includes(words)
      } catch {
        return false
      }
    })
  }

  #clear(): void {
    for (const line of this.mounts().reverse()) {
      spawnSync('umount', ['-l', (line.split(' ')[4] ?? '').replace(/\\([0-7]{3})/g, (_, o: string) => String.fromCharCode(parseInt(o, 8)))])
    }
    rmSync(this.path, { recursive: true, force: true })
  }
}

let copied: string | undefined

/** A copy of what is needed to run, readable for everybody; removed when the test program ends. */
function programForAll(t: Test): string {
  if (copied !== undefined) return copied
  const copy = mkdtempSync(join(tmpdir(), 'tsaufs-copy-'))
  copied = copy
  process.once('exit', () => rmSync(copy, { recursive: true, force: true }))
  const { dependencies } = JSON.parse(readFileSync(join(REPO, 'package.json'), 'utf8')) as { dependencies: Record<string, string> }
  const modules = [...Object.keys(dependencies), 'ms'].map((name) => `node_modules/${name}`)
  for (const part of ['package.json', 'bin', 'dist/lib', 'build/Release/tsaufs.node', 'build/Release/tsaufs-start', ...modules]) {
    cpSync(join(REPO, part), join(copy, part), { recursive: true })
  }
  t.equal(spawnSync('chmod', ['-R', 'a+rX', copy]).status, 0, 'a copy for everybody')
  return copy
}

/** Wait for something to become true; false when it did not within 20 s. */
export async function until(condition: () => boolean): Promise<boolean> {
  for (let i = 0; i < 2000; i++) {
    if (condition()) return true
    await sleep(10)
  }
  return condition()
}

/** The process is gone, or only its exit status is left for a parent that does not ask. */
export function isGone(pid: number): boolean {
  try {
    return /^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return true
  }
}
