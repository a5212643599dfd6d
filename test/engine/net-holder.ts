/**
 * Processes that hold a network namespace as a container does, and programs in it.
 */
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { connectNetwork, disconnectNetwork, networkRequest } from '../../lib/engine/network/index.js'
import type { NetworkFlags } from '../../lib/engine/network/index.js'
import type { Networked } from '../../lib/engine/network/state.js'
import { readState } from '../../lib/engine/network/state.js'

/** The first line that a child says, which it does when it is ready. */
async function firstLine(child: ChildProcess): Promise<string> {
  let text = ''
  child.stdout!.setEncoding('utf8')
  for await (const chunk of child.stdout!) {
    text += String(chunk)
    if (text.includes('\n')) return text.slice(0, text.indexOf('\n'))
  }
  throw new Error(`ended without a word: ${child.exitCode}`)
}

/** A container as the network sees it. */
export class Holder {
  readonly name: string
  readonly networked: Networked
  readonly notes: string[] = []
  readonly #unshare: readonly string[]
  #sleeper: ChildProcess | undefined
  #programs: ChildProcess[] = []

  /** @param unshare words of unshare(1): which namespaces */
  constructor(base: string, name: string, flags: NetworkFlags = {}, unshare: readonly string[] = ['--net']) {
    this.name = name
    this.#unshare = unshare
    const dir = join(base, name)
    mkdirSync(dir, { recursive: true })
    this.networked = { dir, record: { id: name.padEnd(64, '0'), network: networkRequest(flags, true) } }
  }

  get pid(): number {
    return this.#sleeper!.pid!
  }

  get address(): string {
    return readState(this.networked.dir)!.address
  }

  /** Port of the host for one of ours. */
  hostPort(port: number): number {
    return readState(this.networked.dir)!.ports.find(each => each.port === port)!.hostPort
  }

  async up(): Promise<this> {
    this.#sleeper = spawn('unshare', [...this.#unshare, 'sh', '-c', 'echo ready; exec sleep 1000'], { stdio: ['ignore', 'pipe', 'inherit'] })
    await firstLine(this.#sleeper)
    await connectNetwork(this.networked, this.pid, line => this.notes.push(line))
    return this
  }

  #enter(script: string): ChildProcess {
    return spawn('nsenter', [`--net=/proc/${this.pid}/ns/net`, process.execPath, '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  }

  /** A web server on a port of ours; answers with its name and the address of who asks. */
  async serve(port: number): Promise<this> {
    const program = this.#enter(`require('node:http').createServer((q, s) => s.end('${this.name} ' + q.socket.remoteAddress)).listen(${port}, '0.0.0.0', () => console.log('ready'))`)
    this.#programs.push(program)
    await firstLine(program)
    return this
  }

  /** What a web server answers us; an errno name, or TIMEOUT. */
  async get(host: string, port: number): Promise<string> {
    return firstLine(this.#enter(`(${get.toString()})('${host}', ${port}).then(text => console.log(text))`))
  }

  /** The last line a script prints in our namespace. */
  async run(script: string): Promise<string> {
    return firstLine(this.#enter(script))
  }

  /** Everything ends at once, and nobody cleans up. */
  async kill(): Promise<void> {
    for (const child of [...this.#programs, this.#sleeper]) {
      if (child === undefined || child.exitCode !== null || child.signalCode !== null) continue
      child.kill('SIGKILL')
      await once(child, 'exit')
    }
    this.#programs = []
  }

  async down(): Promise<void> {
    await this.kill()
    await disconnectNetwork(this.networked)
  }
}

/** What a web server answers; an errno name, or TIMEOUT. Also sent to other processes as text: it needs nothing from here. */
export function get(host: string, port: number): Promise<string> {
  return import('node:http').then(({ default: http }) => new Promise(resolve => {
    const request = http.get({ host, port, path: '/', agent: false, timeout: 1500 }, response => {
      let text = ''
      response.setEncoding('utf8').on('data', (chunk: string) => { text += chunk }).on('end', () => resolve(text))
    })
    request.on('timeout', () => {
      resolve('TIMEOUT')
      request.destroy()
    }).on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'error'))
  }))
}
