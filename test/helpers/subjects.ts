/** The same configuration run by tsaufs-init, runc and crun, so that a row says what each of them does. */
import { spawn, spawnSync } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ContainerPlanInput, OciConfig } from '../../lib/engine/oci.js'
import { start, type Running } from './container.js'

/** What a run came to. `code` 125..127 with `error` when the program never ran. */
export interface Answer {
  code: number
  out: string
  error: string
}

export type Subject = 'tsaufs' | 'runc' | 'crun'

/** Versions the rows were written for; with others a different answer is no failure. */
const VERSIONS = { runc: 'runc version 1.1.5', crun: 'crun version 1.8.1' } as const

/** Why a subject cannot be asked, or false. */
export function cannotAsk(subject: 'runc' | 'crun'): string | false {
  const { stdout, error } = spawnSync(subject, ['--version'], { encoding: 'utf8' })
  if (error) return `${subject} is not installed`
  return stdout.startsWith(VERSIONS[subject]) ? false : `${subject} is not the version the rows are for`
}

/** A failed step as an error, a program that ran as its code and output. */
export function answerOf(it: Running): Answer {
  const failure = it.failure
  if (failure !== undefined) return { code: failure.exit, out: it.stdout, error: `${failure.what} ${failure.path}: ${failure.errno}` }
  return { code: it.exit?.code ?? -1, out: it.stdout + it.stderr, error: '' }
}

/** Run by tsaufs-init. A configuration that cannot be planned is an answer, too. */
export async function askTsaufs(dir: string, config: OciConfig, extras: Partial<ContainerPlanInput> = {}): Promise<Answer> {
  let it
  try {
    it = start(dir, config, extras)
  } catch (error) {
    return { code: 125, out: '', error: (error as Error).message }
  }
  return answerOf(await it.done)
}

let count = 0

/** Run by runc or crun, in a bundle below `dir`; nothing of it is left. crun is not shown the hybrid cgroup v2. */
export async function askOther(subject: 'runc' | 'crun', dir: string, config: OciConfig): Promise<Answer> {
  const bundle = join(dir, `bundle-${count++}`)
  const state = join(bundle, 'state')
  const id = `tsaufs-test-${process.pid}-${count}`
  mkdirSync(bundle)
  writeFileSync(join(bundle, 'config.json'), JSON.stringify({ ...config, process: { terminal: false, ...config.process } }))
  const hide = 'umount /sys/fs/cgroup/unified 2>/dev/null; exec "$@"'
  const words = (...rest: string[]): string[] => ['unshare', '-m', 'sh', '-c', subject === 'crun' ? hide : 'exec "$@"', 'sh', subject, '--root', state, ...rest]
  const command = words('run', '--bundle', bundle, id)
  const answer = await new Promise<Answer>(resolve => {
    const child = spawn(command[0]!, command.slice(1), { stdio: ['ignore', 'pipe', 'pipe'], timeout: 20_000, env: { PATH: process.env['PATH'] ?? '' } })
    let out = ''
    let error = ''
    child.stdout.setEncoding('latin1').on('data', part => { out += part })
    child.stderr.setEncoding('latin1').on('data', part => { error += part })
    child.on('close', code => resolve({ code: code ?? -1, out: out + error, error: code === 0 ? '' : error }))
  })
  const over = words('delete', '--force', id)
  spawnSync(over[0]!, over.slice(1))
  rmSync(bundle, { recursive: true, force: true })
  return answer
}
