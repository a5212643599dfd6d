/** An ordinary user's place to run containers in: a root of busybox that is his, some files in it of other ids. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { chownSync, copyFileSync, existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { OrdinaryUser } from '../rootless/ordinary-user.js'
import { cannotRun } from '../helpers/container.js'
import type { Done } from './life-bed.js'

/** Why this cannot be tested here, or false. */
export const CANNOT_RUN = cannotRun()

export class RootlessBed {
  readonly user: OrdinaryUser
  /** The uid of the host that user 1 of his containers is. */
  readonly first: number

  constructor(name?: string, subids = true) {
    this.user = new OrdinaryUser(name, subids)
    const layer = join(this.user.home, 'R')
    for (const dir of ['bin', 'etc', 'root', 'tmp', 'data']) mkdirSync(join(layer, dir), { recursive: true })
    copyFileSync('/bin/busybox', join(layer, 'bin/busybox'))
    spawnSync('chroot', [layer, '/bin/busybox', '--install', '-s', '/bin'])
    writeFileSync(join(layer, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\nbob:x:1000:1000::/home/bob:/bin/sh\n')
    writeFileSync(join(layer, 'etc/group'), 'root:x:0:\nwheel:x:10:root\nbob:x:1000:\nextra:x:1001:bob\n')
    writeFileSync(join(layer, 'data/file'), 'of the layer\n')
    writeFileSync(join(layer, 'data/of-five'), 'of five\n', { mode: 0o600 })
    spawnSync('chown', ['-hR', `${this.user.uid}:${this.user.gid}`, layer])
    const login = spawnSync('id', ['-un', String(this.user.uid)], { encoding: 'utf8' }).stdout.trim()
    const range = readFileSync('/etc/subuid', 'utf8').split('\n').find((line) => line.startsWith(`${login}:`))
    this.first = Number(range?.split(':')[1] ?? NaN)
    if (subids) chownSync(join(layer, 'data/of-five'), this.first + 4, this.first + 4)
  }

  #environment(more: Readonly<Record<string, string>> = {}): Record<string, string> {
    return this.user.environment({ TSAUFS_SPARE: '0', ...more })
  }

  /** A command as him, in his directory. */
  exec(words: readonly string[], input = '', env?: Readonly<Record<string, string>>): Done {
    const { status, stdout, stderr } = spawnSync('setpriv', this.user.words(words), {
      cwd: this.user.home, env: this.#environment(env), encoding: 'latin1', input, timeout: 60_000,
    })
    return { exit: status, out: stdout, err: stderr }
  }

  /** `tsaufs WORDS` as him. */
  run(words: readonly string[], input = '', env?: Readonly<Record<string, string>>): Done {
    return this.exec(this.#tsaufs(words), input, env)
  }

  /** The same, after root has done what `script` says about the process ($$). */
  runAfter(script: string, words: readonly string[]): Done {
    const command = ['-c', `${script}; exec setpriv "$@"`, 'sh', ...this.user.words(this.#tsaufs(words))]
    const { status, stdout, stderr } = spawnSync('sh', command, { cwd: this.user.home, env: this.#environment(), encoding: 'latin1', timeout: 60_000 })
    return { exit: status, out: stdout, err: stderr }
  }

  /** The same, not waited for. */
  start(words: readonly string[]): ChildProcess {
    return spawn('setpriv', this.user.words(this.#tsaufs(words)), { cwd: this.user.home, env: this.#environment(), stdio: ['pipe', 'pipe', 'pipe'] })
  }

  /** In a terminal: test/engine/in-terminal.py. */
  inTerminal(helper: string, words: readonly string[], ...steps: readonly (readonly [wait: string, type: string])[]): Done {
    const { status, stdout } = spawnSync('python3', [helper, JSON.stringify(steps), 'setpriv', ...this.user.words(this.#tsaufs(words))], {
      cwd: this.user.home, env: this.#environment(), encoding: 'latin1', timeout: 60_000,
    })
    return { exit: status, out: stdout, err: '' }
  }

  /** `tsaufs run --rm` of a shell script, without a network. */
  sh(script: string, ...flags: readonly string[]): Done {
    return this.run(['run', '--rm', '--network', 'none', ...flags, '--rootfs', 'R', 'sh', '-c', script])
  }

  /** A container in the background. @returns its id */
  detached(name: string, script: string, ...flags: readonly string[]): string {
    const { exit, out, err } = this.run(['run', '-d', '--name', name, '--network', 'none', ...flags, '--rootfs', 'R', 'sh', '-c', script])
    if (exit !== 0) throw new Error(`run -d: ${err}`)
    return out.trim()
  }

  inspect(ref: string, format: string): string {
    return this.run(['inspect', '-f', format, ref]).out.trim()
  }

  monitorPid(name: string): number {
    const dir = join(this.root, 'containers', this.inspect(name, '{{.Id}}'))
    return (JSON.parse(readFileSync(join(dir, 'monitor.json'), 'utf8')) as { monitor: { pid: number } }).monitor.pid
  }

  #tsaufs(words: readonly string[]): string[] {
    return [this.user.node, join(this.user.repository, 'bin/tsaufs.js'), ...words]
  }

  /** His state root. */
  get root(): string {
    return join(this.user.home, '.local/share/tsaufs')
  }

  /** Processes of his whose command line has this. */
  processes(word: string): number[] {
    return this.user.processes().filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes(word)
      } catch {
        return false
      }
    })
  }

  /** What stays though nothing runs: processes, also of his subordinate ids, containers, mounts, the keeper's file. */
  async remains(): Promise<string[]> {
    const processes = await this.user.remains()
    const others = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && this.#isOfRange(`/proc/${name}`))
    const list = (dir: string): string[] => (existsSync(join(this.root, dir)) ? readdirSync(join(this.root, dir)) : [])
    return [...processes, ...others, ...list('containers'), ...list('names'), ...list('userns'), ...this.user.mounts()]
  }

  #isOfRange(path: string): boolean {
    const { uid } = lstatSync(path, { throwIfNoEntry: false }) ?? { uid: -1 }
    return uid >= this.first && uid < this.first + 65536
  }

  /** Nothing of it stays. */
  end(): void {
    this.user.end()
  }
}
