/**
 * A mount whose daemon has the native double in it (native-double.ts): two branches `R=rw` and `L=ro+wh` in a scratch
 * directory of its own, and a line to the double.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, unlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { STARTER } from '../../lib/os/native.js'
import { unmountUnion } from '../../lib/daemon/unmount-union.js'
import { isAlive, mountsAt, runProgram, unmountAt, until } from '../scenario/subjects/subject.js'
import type { Arm, Crash, Report } from './native-double.js'
import type { Result } from './steps.js'

const DOUBLE = new URL('./native-double.js', import.meta.url).href

/** Errnos that only a dead daemon gives. */
const DEAD = new Set(['ENOTCONN', 'ECONNABORTED', 'ECONNREFUSED'])

/** Does a step's result say that the daemon is dead? */
export function saysDead({ e }: Result): boolean {
  return e !== undefined && DEAD.has(e)
}

/** Branches, mount point and what belongs to them; mounted and unmounted as often as a test wants. */
export class DoubledMount {
  readonly work: string
  readonly upper: string
  /** A second writable branch below it, '' without one. */
  readonly middle: string
  readonly lower: string
  readonly mountpoint: string
  /** What the daemon said at the last mount: repairs. */
  said: string[] = []
  pid = 0
  #socket: Socket | null = null
  #answers: ((line: string) => void)[] = []

  readonly #perm: string

  /**
   * @param perm of the upper branch
   * @param twice whether there is a second writable one, `M`, of the same kind
   */
  constructor(perm = 'rw', twice = false) {
    this.#perm = perm
    this.work = mkdtempSync(join(tmpdir(), 'tsaufs-fault-'))
    this.upper = join(this.work, 'R')
    this.lower = join(this.work, 'L')
    this.mountpoint = join(this.work, 'mnt')
    this.middle = twice ? join(this.work, 'M') : ''
    for (const dir of [this.upper, this.lower, this.mountpoint, join(this.work, 'run'), ...(twice ? [this.middle] : [])]) mkdirSync(dir)
  }

  /** @param options further mount options, e.g. `udba=none` */
  async mount(options: readonly string[] = []): Promise<void> {
    const control = join(this.work, 'double.sock')
    if (existsSync(control)) unlinkSync(control)
    const writable = [this.upper, this.middle].filter(path => path !== '').map(path => `${path}=${this.#perm}`)
    const text = [`dirs=${[...writable, `${this.lower}=ro+wh`].join(':')}`, ...options].join(',')
    this.said = []
    const env = {
      ...process.env, TSAUFS_NODE: process.execPath, TSAUFS_RUN_DIR: join(this.work, 'run'), TSAUFS_DOUBLE_SOCKET: control,
      NODE_OPTIONS: `${process.env['NODE_OPTIONS'] ?? ''} --enable-source-maps --import ${DOUBLE}`,
    }
    await this.#start(text, env)
    await this.#connect(control)
  }

  /** As `tsaufs mount` does it. */
  async #start(options: string, env: NodeJS.ProcessEnv): Promise<void> {
    const words = ['request', '', options, 'none', this.mountpoint]
    const starter = spawn(STARTER, words, { cwd: this.work, env, stdio: ['ignore', 'ignore', 'pipe'] })
    let text = ''
    starter.stderr.setEncoding('latin1').on('data', (part: string) => { text += part })
    const [code] = await once(starter, 'close') as [number | null]
    const lines = text.split('\n').filter(line => line !== '').map(line => line.replace(/^tsaufs: /, ''))
    if (code !== 0) throw new Error(lines.join('; '))
    this.said = lines
    const run = join(this.work, 'run')
    const pids = readdirSync(run).filter(name => name.startsWith('si_')).map(name => Number(readFileSync(join(run, name, 'pid'), 'utf8')))
    this.pid = pids.find(isAlive) ?? 0
  }

  async #connect(path: string): Promise<void> {
    const socket = connect(path)
    let text = ''
    socket.setEncoding('utf8').on('data', (part) => {
      const lines = (text + String(part)).split('\n')
      text = lines.pop() ?? ''
      for (const line of lines) this.#answers.shift()?.(line)
    })
    const gone = (): void => {
      if (this.#socket === socket) this.#socket = null
      for (const answer of this.#answers.splice(0)) answer('')
    }
    socket.on('error', gone).on('close', gone)
    await new Promise<void>(resolve => { socket.once('connect', () => resolve()).once('close', () => resolve()) })
    this.#socket = socket
  }

  /** Is the daemon serving? */
  get alive(): boolean {
    return isAlive(this.pid)
  }

  async #tell(command: object): Promise<Report> {
    if (this.#socket === null) throw new Error('the daemon is gone')
    const line = await new Promise<string>((resolve) => {
      this.#answers.push(resolve)
      this.#socket?.write(`${JSON.stringify(command)}\n`)
    })
    if (line === '') throw new Error('the daemon died')
    return JSON.parse(line) as Report
  }

  async arm(arm: Arm): Promise<void> {
    await this.#tell({ arm })
  }

  async crashAt(crash: Crash): Promise<void> {
    await this.#tell({ crash })
  }

  /** Stop counting and failing; what happened since. */
  disarm(): Promise<Report> {
    return this.#tell({ disarm: {} })
  }

  /** Unmount in good order; answers what was left behind. */
  async unmount(): Promise<string[]> {
    this.#socket?.destroy()
    try {
      await unmountUnion(this.mountpoint, this.work, false, () => undefined)
    } catch (error) {
      return [String(error), ...this.#threads(), ...(await unmountAt(this.mountpoint))]
    }
    if (!(await until(() => !this.alive))) return ['the daemon did not end']
    const left = readdirSync(join(this.work, 'run')).filter(name => name.startsWith('si_'))
    return left.map(name => `left in the run directory: ${name}`)
  }

  /** Where each thread of a daemon that does not end is. */
  #threads(): string[] {
    if (!this.alive) return []
    return readdirSync(`/proc/${this.pid}/task`).map((task) => {
      const dir = `/proc/${this.pid}/task/${task}`
      const [comm, wchan] = ['comm', 'wchan'].map(file => readFileSync(join(dir, file), 'latin1').trim())
      return `thread ${task} ${comm}: ${wchan}`
    })
  }

  /** Mount anew after a trial: what is left of a daemon that died is taken away, one that lives is unmounted. @returns what went wrong */
  async remount(died: boolean): Promise<string[]> {
    const problems: string[] = []
    if (died) {
      await this.detach()
    } else {
      await this.disarm()
      problems.push(...(await this.unmount()))
    }
    await this.mount()
    return problems
  }

  /** After the daemon was killed: take the dead mount away. */
  async detach(): Promise<void> {
    this.#socket?.destroy()
    await until(() => !this.alive)
    await runProgram(['umount', '-l', '-i', this.mountpoint])
  }

  /** End the daemon if it is still there, and remove everything. */
  async remove(): Promise<void> {
    this.#socket?.destroy()
    if (mountsAt(this.mountpoint).length > 0) await unmountAt(this.mountpoint)
    if (this.pid !== 0 && !(await until(() => !this.alive, 3000))) process.kill(this.pid, 'SIGKILL')
    rmSync(this.work, { recursive: true, force: true })
  }
}
