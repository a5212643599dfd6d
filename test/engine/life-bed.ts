/**
 * A place to run containers in: a root of busybox, a state root and a run directory of its own. Nothing of it is left when the test
 * ends, and what is left by a container is a failure.
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { PROGRAM, REPO } from '../cli/sandbox.js'
import { cannotRun } from '../helpers/container.js'

/** Why containers cannot be run here, or false. */
export const CANNOT_RUN = cannotRun()

/** TSAUFS_TEST_WARM=1: everything by processes that wait (docs/decisions/0014). */
const WARM = process.env['TSAUFS_TEST_WARM'] === '1'
/** `tsaufs`, without its words. */
export const COMMAND = (WARM ? [join(REPO, 'bin/tsaufs')] : [process.execPath, PROGRAM]) as readonly [string, ...string[]]
/** The command lines of processes that wait, or are on their way. */
const WAITING = /^tsaufs (warm|spare) |\0container-warm\0|\0spare\0\d|\/tsaufs-start\0/

/** What a command did. */
export interface Done {
  readonly exit: number | null
  readonly out: string
  readonly err: string
}

export class LifeBed {
  readonly path = realpathSync(mkdtempSync(join(tmpdir(), 'tsaufs-life-')))
  /** The layer: busybox and what every system has. */
  readonly layer = join(this.path, 'R')
  readonly env: NodeJS.ProcessEnv = {
    ...process.env, TSAUFS_SPARE: WARM ? '60' : '0', TSAUFS_ROOT: join(this.path, 'root'), TSAUFS_RUN_DIR: join(this.path, 'run'),
  }

  constructor(t: Test) {
    for (const dir of ['bin', 'etc', 'root', 'tmp', 'data']) mkdirSync(join(this.layer, dir), { recursive: true })
    copyFileSync('/bin/busybox', join(this.layer, 'bin/busybox'))
    spawnSync('chroot', [this.layer, '/bin/busybox', '--install', '-s', '/bin'])
    writeFileSync(join(this.layer, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\nbob:x:1000:1000::/home/bob:/bin/sh\n')
    writeFileSync(join(this.layer, 'etc/group'), 'root:x:0:\nwheel:x:10:root\nbob:x:1000:\nextra:x:1001:bob\n')
    writeFileSync(join(this.layer, 'data/file'), 'of the layer\n')
    t.teardown(() => this.#clear())
  }

  /** `tsaufs WORDS`, with this text to read. */
  run(words: readonly string[], input = ''): Done {
    this.waitForWarm()
    const { status, stdout, stderr } = spawnSync(COMMAND[0], [...COMMAND.slice(1), ...words], {
      cwd: this.path, env: this.env, encoding: 'latin1', input, timeout: 60_000,
    })
    return { exit: status, out: stdout, err: stderr }
  }

  /** `tsaufs run` of a shell script, without a network. */
  sh(script: string, ...flags: readonly string[]): Done {
    return this.run(['run', '--network', 'none', ...flags, '--rootfs', 'R', 'sh', '-c', script])
  }

  /** The same in the background. @returns its id */
  detached(t: Test, script: string, ...flags: readonly string[]): string {
    const { exit, out, err } = this.sh(script, '-d', ...flags)
    t.equal(exit, 0, `started ${err}`)
    return out.trim()
  }

  /** A command that is not waited for. */
  start(words: readonly string[]): ChildProcess {
    this.waitForWarm()
    return spawn(COMMAND[0], [...COMMAND.slice(1), ...words], { cwd: this.path, env: this.env, stdio: ['pipe', 'pipe', 'pipe'] })
  }

  /** With TSAUFS_TEST_WARM: until somebody waits for the next command, if a command was run before it. */
  waitForWarm(): void {
    const place = join(this.path, 'run/.warm')
    for (let i = 0; WARM && i < 200 && existsSync(place) && !existsSync(join(place, 'sock')); i++) pause()
  }

  /** One value of `inspect`. */
  inspect(ref: string, format: string): string {
    return this.run(['inspect', '-f', format, ref]).out.trim()
  }

  /** The directory of a container. */
  dir(id: string): string {
    return join(this.path, 'root/containers', id)
  }

  /** What containers have here that is not to be: it may take a moment to go. @param kept ids of those whose directories stay */
  remains(...kept: readonly string[]): string[] {
    for (let i = 0; ; i++) {
      const found = this.#remains().filter((line) => !kept.includes(line))
      if (found.length === 0 || i === 500) return found
      pause()
    }
  }

  /** Mounts, daemons, monitors, groups, directories. */
  #remains(): string[] {
    const mounts = readFileSync('/proc/self/mountinfo', 'latin1').split('\n').filter((line) => line.includes(this.path))
    const groups = this.#groups()
    const containers = existsSync(join(this.path, 'root/containers')) ? readdirSync(join(this.path, 'root/containers')) : []
    return [...mounts, ...groups, ...containers, ...this.processes().map((pid) => `process ${pid}`)]
  }

  /** Processes that work in our directories: monitors, daemons, commands. */
  processes(): number[] {
    return readdirSync('/proc').map(Number).filter((pid) => {
      if (!(pid > 0) || pid === process.pid) return false
      try {
        const ours = readFileSync(`/proc/${pid}/environ`, 'latin1').includes(`TSAUFS_ROOT=${this.path}/root`)
        return ours && !(WARM && WAITING.test(readFileSync(`/proc/${pid}/cmdline`, 'latin1')))
      } catch {
        return false
      }
    })
  }

  #groups(): string[] {
    const { stdout } = spawnSync('find', ['/sys/fs/cgroup', '-type', 'd', '-path', '*/tsaufs/*', '-name', '[0-9a-f]*'], { encoding: 'latin1' })
    return stdout.split('\n').filter((line) => this.#ids.has(line.split('/').at(-1) ?? ''))
  }

  readonly #ids = new Set<string>()

  /** Groups of this container count as ours. */
  watch(id: string): void {
    this.#ids.add(id)
  }

  #clear(): void {
    const ids = this.run(['ps', '-aq']).out.split('\n').filter((line) => line !== '')
    if (ids.length > 0) this.run(['rm', '-f', ...ids])
    for (const pid of this.processes()) process.kill(pid, 'SIGKILL')
    const mounts = readFileSync('/proc/self/mountinfo', 'latin1').split('\n').filter((line) => line.includes(this.path))
    for (const line of mounts.reverse()) spawnSync('umount', ['-l', line.split(' ')[4] ?? ''])
    rmSync(this.path, { recursive: true, force: true })
  }
}

function pause(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10)
}

/** All that a process writes, and its exit code. */
export function finished(child: ChildProcess): Promise<Done> {
  return new Promise((resolve) => {
    let [out, err] = ['', '']
    child.stdout?.setEncoding('latin1').on('data', (text: string) => { out += text })
    child.stderr?.setEncoding('latin1').on('data', (text: string) => { err += text })
    child.on('close', (exit) => resolve({ exit, out, err }))
  })
}
