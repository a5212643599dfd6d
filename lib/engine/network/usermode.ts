/**
 * A network without privileges: slirp4netns or pasta passes on, as an ordinary program of the user, what comes out of a tap device
 * in the container's namespace.
 */
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { accessSync, constants, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { startTime } from '../../daemon/process-id.js'
import { bootId, isAlive } from '../store/status.js'
import { choosePort } from './free-port.js'
import { outside } from './ports.js'
import type { PublishedPort } from './ports.js'
import type { NetworkRequest } from './request.js'
import type { NetworkState } from './state.js'
import { networkError } from './tools.js'

export type UserMode = 'slirp4netns' | 'pasta'

/** What slirp4netns gives. Source: slirp4netns(1), "--configure". */
const SLIRP = { address: '10.0.2.100', prefix: 24, gateway: '10.0.2.2' }
const TUN = '/dev/net/tun'
const PACKAGES: Readonly<Record<UserMode, string>> = { slirp4netns: 'slirp4netns', pasta: 'passt' }

/** The file of a program on PATH, or undefined. */
export function programFile(name: string): string | undefined {
  const dirs = (process.env['PATH'] ?? '').split(':').concat('/usr/local/bin', '/usr/bin', '/bin')
  return dirs.filter(dir => dir.startsWith('/')).map(dir => join(dir, name)).find(file => existsSync(file))
}

/** Why a mode cannot be had; undefined when it can. */
export function missing(mode: UserMode): { readonly code: string, readonly advice: string } | undefined {
  if (programFile(mode) === undefined) return { code: 'ENOENT', advice: `${mode} is not installed; install ${PACKAGES[mode]}, or use --network none or host` }
  try {
    accessSync(TUN, constants.R_OK | constants.W_OK)
    return undefined
  } catch (error) {
    return { code: (error as NodeJS.ErrnoException).code ?? 'EIO', advice: `${mode} needs ${TUN}, which cannot be opened; 'chmod 666 ${TUN}' as root, or use --network none or host` }
  }
}

/** The last line of what a helper says before it ends. */
function lastLine(child: ChildProcess): () => Promise<string> {
  let text = ''
  child.stderr!.setEncoding('utf8').on('data', (chunk: string) => { text += chunk })
  const closed = new Promise(resolve => child.once('close', resolve))
  return async () => {
    await closed
    return text.trim().split('\n').at(-1) ?? ''
  }
}

/** Ask slirp4netns for something by its socket. @returns its answer */
function askSlirp(socket: string, question: object): Promise<{ error?: { desc?: string } }> {
  return new Promise((resolve, reject) => {
    const client = connect(socket).once('error', reject)
    let answer = ''
    client.setEncoding('utf8').on('data', (text: string) => { answer += text }).on('end', () => resolve(JSON.parse(answer) as { error?: { desc?: string } }))
    client.end(JSON.stringify(question))
  })
}

/** Start slirp4netns for a process's namespaces, and wait until its device is there. */
async function startSlirp(pid: number, socket: string): Promise<number> {
  const args = ['--configure', '--mtu=65520', '--disable-host-loopback', '--enable-sandbox', '--enable-seccomp', `--api-socket=${socket}`, '--ready-fd=3']
  const child = spawn(programFile('slirp4netns')!, [...args, String(pid), 'tap0'], { detached: true, stdio: ['ignore', 'ignore', 'pipe', 'pipe'] })
  const ready = child.stdio[3] as Readable
  const said = lastLine(child)
  const first = await new Promise<string>(resolve => {
    ready.once('data', chunk => resolve(String(chunk))).once('end', () => resolve(''))
    child.once('error', () => resolve(''))
  })
  if (first === '') throw networkError('network slirp4netns', 'EIO', `it ended: ${await said()}`)
  // Nothing of ours holds this command back: it lives as long as the container.
  ready.destroy()
  child.stderr!.destroy()
  child.unref()
  return child.pid!
}

/** Start pasta, which goes into the background by itself when it is ready. */
async function startPasta(pid: number, ports: readonly PublishedPort[], pidFile: string): Promise<number> {
  const published = (protocol: string, flag: string): string[] => {
    const list = ports.filter(port => port.protocol === protocol).map(({ ip, hostPort, port }) => `${ip === '' ? '' : `${ip}/`}${hostPort}:${port}`)
    return list.length === 0 ? [flag, 'none'] : list.flatMap(each => [flag, each])
  }
  const args = ['--config-net', '--quiet', '--no-map-gw', '--pid', pidFile, '-T', 'none', '-U', 'none', ...published('tcp', '-t'), ...published('udp', '-u'), String(pid)]
  const child = spawn(programFile('pasta')!, args, { stdio: ['ignore', 'ignore', 'pipe'] })
  const said = lastLine(child)
  const code = await new Promise<number>(resolve => child.once('error', () => resolve(-1)).once('exit', exit => resolve(exit ?? -1)))
  if (code !== 0) throw networkError('network pasta', 'EIO', `it ended: ${await said()}`)
  child.stderr.destroy()
  return Number(readFileSync(pidFile, 'latin1'))
}

/**
 * Connect the namespaces of a process that waits to go on, as the user who owns them.
 *
 * @throws MountError; nothing is left then
 */
export async function connectUserMode(mode: UserMode, request: NetworkRequest, pid: number): Promise<NetworkState> {
  const reason = missing(mode)
  if (reason !== undefined) throw networkError(`network ${mode}`, reason.code, reason.advice)
  const ports: PublishedPort[] = []
  for (const each of request.ports) ports.push(await choosePort(each, ports))
  // Paths of sockets are short, and those of state roots need not be.
  const scratch = mkdtempSync(join(tmpdir(), 'tsaufs-net-'))
  let helper: number | undefined
  try {
    if (mode === 'pasta') {
      helper = await startPasta(pid, ports, join(scratch, 'pid'))
    } else {
      const socket = join(scratch, 's')
      helper = await startSlirp(pid, socket)
      for (const port of ports) await forwardSlirp(socket, port)
    }
  } catch (error) {
    if (helper !== undefined) process.kill(helper, 'SIGKILL')
    throw error
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
  return { mode, ...mode === 'slirp4netns' ? SLIRP : { address: '', prefix: 0, gateway: '' }, mac: '', ports, helper: { pid: helper, start: startTime(helper) ?? '0' }, boot: bootId() }
}

async function forwardSlirp(socket: string, published: PublishedPort): Promise<void> {
  const { ip, hostPort, port, protocol } = published
  if (protocol === 'sctp') throw networkError(`publish ${port}/sctp`, 'EPROTONOSUPPORT', 'slirp4netns knows tcp and udp only')
  const { error } = await askSlirp(socket, {
    execute: 'add_hostfwd', arguments: { proto: protocol, host_addr: ip === '' ? '0.0.0.0' : ip, host_port: hostPort, guest_addr: SLIRP.address, guest_port: port },
  })
  if (error !== undefined) throw networkError(`publish ${outside(published)}:${port}/${protocol}`, 'EADDRINUSE', error.desc ?? 'slirp4netns refuses')
}

/** End the helper of a container, if it still is the same process. Idempotent. */
export function endHelper({ helper, boot }: NetworkState): void {
  if (helper === undefined || boot !== bootId() || !isAlive(helper)) return
  try {
    process.kill(helper.pid, 'SIGTERM')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}
