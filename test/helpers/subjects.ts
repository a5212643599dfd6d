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
    it = start(dir, config, { ...extras, through: { words: [], env: SECRET } })
  } catch (error) {
    return { code: 125, out: '', error: (error as Error).message }
  }
  return answerOf(await it.done)
}

/** In the environment of every launcher; no container may have it. */
export const SECRET = { TSAUFS_TEST_SECRET: 'of the host' }

let count = 0

interface Bundle {
  words: (...rest: string[]) => string[]
  id: string
  path: string
  remove: () => void
}

/** A bundle below `dir` for runc or crun. crun is not shown the hybrid cgroup v2. */
function makeBundle(subject: 'runc' | 'crun', dir: string, config: OciConfig): Bundle {
  const path = join(dir, `bundle-${count++}`)
  const id = `tsaufs-test-${process.pid}-${count}`
  mkdirSync(path)
  writeFileSync(join(path, 'config.json'), JSON.stringify({ ...config, process: { terminal: false, ...config.process } }))
  const script = subject === 'crun' ? 'umount /sys/fs/cgroup/unified 2>/dev/null; exec "$@"' : 'exec "$@"'
  const words = (...rest: string[]): string[] => ['unshare', '-m', 'sh', '-c', script, 'sh', subject, '--root', join(path, 'state'), ...rest]
  const remove = (): void => {
    const [command, ...rest] = words('delete', '--force', id)
    spawnSync(command!, rest)
    rmSync(path, { recursive: true, force: true })
  }
  return { words, id, path, remove }
}

/** Run by runc or crun; nothing of it is left. */
export async function askOther(subject: 'runc' | 'crun', dir: string, config: OciConfig): Promise<Answer> {
  const bundle = makeBundle(subject, dir, config)
  const [command, ...words] = bundle.words('run', '--bundle', bundle.path, bundle.id)
  const answer = await new Promise<Answer>(resolve => {
    const child = spawn(command!, words, { stdio: ['ignore', 'pipe', 'pipe'], timeout: 20_000, env: { PATH: process.env['PATH'] ?? '', ...SECRET } })
    let out = ''
    let error = ''
    child.stdout.setEncoding('latin1').on('data', part => { out += part })
    child.stderr.setEncoding('latin1').on('data', part => { error += part })
    child.on('close', code => resolve({ code: code ?? -1, out: out + error, error: code === 0 ? '' : error }))
  })
  bundle.remove()
  return answer
}

/** `pwd` executed in a container of runc or crun that runs, in each of `directories`. */
export function askOtherExec(subject: 'runc' | 'crun', dir: string, config: OciConfig, directories: readonly string[]): Answer[] {
  const bundle = makeBundle(subject, dir, config)
  const run = (...rest: string[]): Answer => {
    const [command, ...words] = bundle.words(...rest)
    const { status, stdout, stderr } = spawnSync(command!, words, { encoding: 'latin1', stdio: ['ignore', 'pipe', 'pipe'], timeout: 20_000 })
    return { code: status ?? -1, out: stdout, error: stderr }
  }
  const [command, ...words] = bundle.words('run', '--detach', '--bundle', bundle.path, bundle.id)
  spawnSync(command!, words, { stdio: 'ignore', timeout: 20_000 })
  const answers = directories.map(each => run('exec', '--cwd', each, bundle.id, 'pwd'))
  bundle.remove()
  return answers
}
