/**
 * The programs that are asked to set up the network: ip, nft, nsenter. Each gets a whole batch of what is to be done.
 */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { MountError } from '../../config/mount-error.js'

export interface Outcome {
  /** Exit code; -1 when a signal ended it. */
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** What to install when a program is not there. */
const PACKAGES: Readonly<Record<string, string>> = { ip: 'iproute2', nft: 'nftables', nsenter: 'util-linux' }
/** Where administrators' programs are, which an ordinary PATH leaves out. */
const PATHS = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
const EXIT = 125

/** A step of the network that failed, as one line. @param said what the program said */
export function networkError(tried: string, code: string, advice: string): MountError {
  return new MountError(tried, code, advice, EXIT)
}

/** The programs for the bridge are installed: without them there has never been one. */
export function hasTools(): boolean {
  return ['ip', 'nft'].every(name => PATHS.split(':').some(dir => existsSync(`${dir}/${name}`)))
}

/** Run a program with `input`, and wait for it. @throws MountError ENOENT when it is not installed */
export function runTool(name: string, args: readonly string[], input = ''): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(name, args, { stdio: ['pipe', 'pipe', 'pipe'], env: { PATH: PATHS, LC_ALL: 'C' } })
    const said = { stdout: '', stderr: '' }
    for (const key of ['stdout', 'stderr'] as const) child[key].setEncoding('utf8').on('data', (text: string) => { said[key] += text })
    child.on('error', (error: NodeJS.ErrnoException) => {
      reject(networkError('network', error.code ?? 'EIO', `${name} cannot be run; install ${PACKAGES[name] ?? name}, or use --network none or host`))
    })
    child.on('close', code => resolve({ code: code ?? -1, ...said }))
    // A program that ends before it has read everything says by itself why.
    child.stdin.on('error', () => undefined)
    child.stdin.end(input)
  })
}

/** Lines of ip(8), in the namespace of a process when `pid` is given. It stops at the first that fails. */
export function ipBatch(lines: readonly string[], pid?: number): Promise<Outcome> {
  const input = `${lines.join('\n')}\n`
  return pid === undefined ? runTool('ip', ['-batch', '-'], input)
    : runTool('nsenter', [`--net=/proc/${pid}/ns/net`, 'ip', '-batch', '-'], input)
}

/** What `ip -j` answers; an empty list when the thing asked about is not there. */
export async function ipJson(...args: readonly string[]): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const { code, stdout } = await runTool('ip', ['-j', ...args])
  return code !== 0 || stdout.trim() === '' ? [] : JSON.parse(stdout) as Readonly<Record<string, unknown>>[]
}

/** The first line of what went wrong, for people. */
export function firstLine({ code, stderr }: Outcome): string {
  const line = stderr.split('\n').find(each => each.trim() !== '')?.trim() ?? `exit code ${code}`
  return line.replace(/^(RTNETLINK answers|Error): /, '')
}
