/** Containers for tests: a root of busybox, a configuration as docker's, and tsaufs-init run on it. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { ContainerPlanInput, ExecPlanInput, OciConfig, OciProcess } from '../../lib/engine/oci.js'
import { compileContainer, compileExec } from '../../lib/engine/plan/compile.js'

export const initProgram = fileURLToPath(new URL('../../../build/Release/tsaufs-init', import.meta.url))
const busybox = '/bin/busybox'

const APPLETS = ['sh', 'ash', 'cat', 'cut', 'dd', 'echo', 'env', 'false', 'find', 'grep', 'head', 'hostname', 'id', 'kill', 'ln', 'ls', 'md5sum', 'mkdir', 'mknod', 'mount',
  'mv', 'printf', 'ps', 'pwd', 'readlink', 'rm', 'setsid', 'sleep', 'sort', 'stat', 'stty', 'su', 'tail', 'touch', 'tr', 'true', 'tty', 'umount', 'unshare', 'wc']

/** Why containers cannot run here, or false. */
export function cannotRun(): string | false {
  if (process.getuid?.() !== 0) return 'needs root'
  if (!existsSync(initProgram)) return 'build/Release/tsaufs-init is not built'
  if (!existsSync(busybox)) return 'needs busybox-static'
  const { status } = spawnSync('unshare', ['-m', 'true'])
  return status === 0 ? false : 'no namespaces here'
}

/** A directory with a root of busybox in `root`; `remove` takes it away again. */
export function makeRoot(name: string): { dir: string, root: string, remove: () => void } {
  const dir = mkdtempSync(join(tmpdir(), `tsaufs-${name}-`))
  const root = join(dir, 'root')
  for (const each of ['bin', 'etc', 'tmp', 'proc', 'sys', 'dev']) mkdirSync(join(root, each), { recursive: true })
  copyFileSync(busybox, join(root, 'bin/busybox'))
  for (const applet of APPLETS) symlinkSync('busybox', join(root, 'bin', applet))
  return { dir, root, remove: () => rmSync(dir, { recursive: true, force: true }) }
}

export const DOCKER_CAPABILITIES = ['CHOWN', 'DAC_OVERRIDE', 'FSETID', 'FOWNER', 'MKNOD', 'NET_RAW', 'SETGID', 'SETUID', 'SETFCAP', 'SETPCAP',
  'NET_BIND_SERVICE', 'SYS_CHROOT', 'KILL', 'AUDIT_WRITE'].map(name => `CAP_${name}`)

/** The process docker would make of `args`. */
export function dockerProcess(args: string[], change: Partial<OciProcess> = {}): OciProcess {
  const sets = { bounding: DOCKER_CAPABILITIES, effective: DOCKER_CAPABILITIES, permitted: DOCKER_CAPABILITIES }
  return { cwd: '/', args, env: ['PATH=/usr/sbin:/usr/bin:/sbin:/bin'], user: { uid: 0, gid: 0 }, capabilities: sets, noNewPrivileges: true, ...change }
}

/** The configuration docker would make, as far as it can be had without it. */
export function dockerConfig(root: string, args: string[], change: Partial<OciProcess> = {}): OciConfig {
  return {
    ociVersion: '1.0.2',
    process: dockerProcess(args, change),
    root: { path: root },
    hostname: 'box',
    mounts: [
      { destination: '/proc', type: 'proc', source: 'proc', options: ['nosuid', 'noexec', 'nodev'] },
      { destination: '/dev', type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'strictatime', 'mode=755', 'size=65536k'] },
      { destination: '/dev/pts', type: 'devpts', source: 'devpts', options: ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', 'gid=5'] },
      { destination: '/dev/shm', type: 'tmpfs', source: 'shm', options: ['nosuid', 'noexec', 'nodev', 'mode=1777', 'size=65536k'] },
      { destination: '/dev/mqueue', type: 'mqueue', source: 'mqueue', options: ['nosuid', 'noexec', 'nodev'] },
      { destination: '/sys', type: 'sysfs', source: 'sysfs', options: ['nosuid', 'noexec', 'nodev', 'ro'] },
    ],
    linux: {
      namespaces: [{ type: 'mount' }, { type: 'pid' }, { type: 'network' }, { type: 'ipc' }, { type: 'uts' }, { type: 'cgroup' }],
      maskedPaths: ['/proc/acpi', '/proc/asound', '/proc/kcore', '/proc/keys', '/proc/latency_stats', '/proc/timer_list', '/proc/timer_stats',
        '/proc/sched_debug', '/proc/scsi', '/proc/interrupts', '/sys/firmware', '/sys/devices/virtual/powercap'],
      readonlyPaths: ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'],
    },
  }
}

/** What stands before tsaufs-init on its command line. */
export interface Through {
  words: string[]
  env: Record<string, string>
}

/** A shell that prepares something and ends with `exec "$@"`. */
export function throughShell(script: string, env: Record<string, string> = {}, before: string[] = []): Through {
  return { words: [...before, 'sh', '-c', script, 'sh'], env }
}

/** A container (or an exec) under way. */
export class Running {
  readonly process: ChildProcess
  stdout = ''
  stderr = ''
  /** What the monitor reported, line by line. */
  readonly reports: Record<string, unknown>[] = []
  /** The exit record a client was told, or null when it never ran. */
  exit: { code: number, signal: number, oom: boolean } | null = null
  readonly #waiting: (() => void)[] = []
  readonly done: Promise<this>
  readonly #client: Socket
  readonly #go: Socket

  constructor(verb: 'monitor' | 'exec', plan: Buffer, cwd: string, through: Through = { words: [], env: {} }) {
    mkdirSync(cwd, { recursive: true })
    const [command, ...words] = [...through.words, initProgram, verb]
    const stdio = ['ignore', 'ignore', 'inherit', 'pipe', 'pipe', 'pipe', 'pipe'] as const
    this.process = spawn(command!, words, { cwd, stdio: [...stdio], env: { PATH: process.env['PATH'] ?? '', ...through.env } })
    const [, , , planEnd, reports, go, client] = this.process.stdio as unknown as Socket[]
    this.#client = client!
    this.#go = go!
    // Whoever is told to end closes its sides at once.
    for (const stream of [planEnd!, reports!, client!, go!]) stream.on('error', () => {})
    planEnd!.end(plan)
    let text = ''
    reports!.setEncoding('utf8').on('data', (part: string) => {
      text += part
      for (let at; (at = text.indexOf('\n')) >= 0; text = text.slice(at + 1)) this.reports.push(JSON.parse(text.slice(0, at)) as Record<string, unknown>)
      this.#wake()
    })
    this.#readFrames(client!)
    this.done = new Promise(resolve => this.process.on('close', () => {
      this.#wake()
      resolve(this)
    }))
  }

  #wake(): void {
    for (const each of this.#waiting.splice(0)) each()
  }

  #readFrames(client: Socket): void {
    let rest = Buffer.alloc(0)
    client.on('data', (part: Buffer) => {
      rest = Buffer.concat([rest, part])
      while (rest.length >= 8 && rest.length >= 8 + rest.readUInt32BE(4)) {
        const data = rest.subarray(8, 8 + rest.readUInt32BE(4)).toString('latin1')
        if (rest[0] === 1) this.stdout += data
        else if (rest[0] === 2) this.stderr += data
        else if (rest[0] === 3) this.exit = JSON.parse(data) as { code: number, signal: number, oom: boolean }
        rest = rest.subarray(8 + rest.readUInt32BE(4))
      }
      this.#wake()
    })
  }

  /** Resolve when `when` holds; reject when the monitor ends before it does. */
  async until(when: (it: this) => boolean): Promise<this> {
    while (!when(this)) {
      if (this.process.exitCode !== null || this.process.signalCode !== null) throw new Error(`ended: ${JSON.stringify([this.reports, this.stdout, this.stderr])}`)
      await new Promise<void>(resolve => this.#waiting.push(resolve))
    }
    return this
  }

  /** The pid of the program once it runs. */
  async pid(): Promise<number> {
    await this.until(it => it.reports.some(each => 'pid' in each || 'step' in each))
    return this.reports.find(each => 'pid' in each)!['pid'] as number
  }

  /** Send a frame of a client. */
  send(type: number, data: Buffer | string = ''): void {
    const body = Buffer.from(data)
    const head = Buffer.alloc(8)
    head[0] = type
    head.writeUInt32BE(body.length, 4)
    this.#client.write(Buffer.concat([head, body]))
  }

  /** The client goes away once all it sent is taken. */
  hangUp(): void {
    this.#client.end()
  }

  go(): void {
    this.#go.write('g')
  }

  /** Go away without it. */
  cancel(): void {
    this.#go.destroy()
  }

  /** The report of a step that failed, or undefined. */
  get failure(): { step: number, exit: number, errno: string, what: string, path: string } | undefined {
    return this.reports.find(each => 'step' in each) as never
  }
}

const defaults = { io: { kind: 'pipes' as const, stdin: false }, log: false, attached: true, cgroupProcs: [] as string[] }

/** Start a container in `dir`/state. */
export function start(dir: string, config: OciConfig, extras: Partial<ContainerPlanInput> & { through?: Through } = {}): Running {
  const { through, ...rest } = extras
  return new Running('monitor', compileContainer({ ...defaults, config, ...rest }), join(dir, 'state'), through)
}

/** One more program in it. */
export function startExec(dir: string, pid: number, process: OciProcess, extras: Partial<ExecPlanInput> = {}): Running {
  const input = { ...defaults, process, target: extras.target ?? { pid, start: startOf(pid) }, ...extras }
  return new Running('exec', compileExec(input), join(dir, `exec-${Math.random().toString(16).slice(2)}`))
}

/** Field 22 of /proc/PID/stat. */
export function startOf(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]!.split(' ')[19])
}

/** Attach to a monitor's socket. */
export function attach(dir: string): Socket {
  return connect(join(dir, 'attach.sock'))
}
