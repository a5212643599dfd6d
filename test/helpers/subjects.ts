/** The same configuration run by tsaufs-init, runc and crun, so that a row says what each of them does. */
import { spawn, spawnSync } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { ContainerPlanInput, OciConfig } from '../../lib/engine/oci.js'
import { defaultProfile } from '../../lib/engine/seccomp/default-profile.js'
import type { Circumstances } from '../../lib/engine/seccomp/profile.js'
import { kernelVersion } from '../../lib/engine/seccomp/seccomp.js'
import { DOCKER_CAPABILITIES, start, throughShell, type Running } from './container.js'

/** What a run came to. `code` 125..127 with `error` when the program never ran. */
export interface Answer {
  code: number
  out: string
  error: string
}

export type Subject = 'tsaufs' | 'runc' | 'crun'
export const OTHERS = ['runc', 'crun'] as const

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

/** Who calls a launcher. */
export interface Caller {
  /** A shell script before it, which runs it as `"$@"`, in a mount namespace of its own. */
  readonly through?: string
  /** He has a terminal; `both`: the program gets one as well. */
  readonly terminal?: 'caller' | 'both'
  /** What the container is called, instead of a name of ours; not with tsaufs-init, which knows no names. */
  readonly id?: string
}

/** Runs a command in a terminal, and prints what it shows. */
const IN_TERMINAL = ['python3', fileURLToPath(new URL('../../../test/engine/in-terminal.py', import.meta.url)), '[]']

/** Run by tsaufs-init. A configuration that cannot be planned is an answer, too. */
export async function askTsaufs(dir: string, config: OciConfig, extras: Partial<ContainerPlanInput> = {}, { through, terminal }: Caller = {}): Promise<Answer> {
  const before = [...terminal === undefined ? [] : IN_TERMINAL, ...through === undefined ? [] : ['unshare', '-m']]
  const words = through === undefined ? before : throughShell(through, {}, before).words
  let it
  try {
    it = start(dir, config, { ...terminal === 'both' ? { io: { kind: 'tty', stdin: false } } : {}, ...extras, through: { words, env: SECRET } })
  } catch (error) {
    return { code: 125, out: '', error: (error as Error).message }
  }
  return answerOf(await it.done)
}

/** In the environment of every launcher; no container may have it. */
export const SECRET = { TSAUFS_TEST_SECRET: 'of the host' }

let count = 0

/** docker's default profile as runc and crun take it. */
export function seccompOfOthers(): object {
  const [major, minor] = kernelVersion()
  const holds = ({ caps, arches, minKernel: [a, b] = [0, 0] }: Circumstances): boolean =>
    caps.every(each => DOCKER_CAPABILITIES.includes(each)) && (arches.length === 0 || arches.includes('amd64')) && (major > a || major === a && minor >= b)
  const excluded = ({ caps }: Circumstances): boolean => caps.some(each => DOCKER_CAPABILITIES.includes(each))
  return {
    defaultAction: 'SCMP_ACT_ERRNO', architectures: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_X32'],
    syscalls: defaultProfile().rules.filter(({ includes, excludes }) => holds(includes) && !excluded(excludes)).map(({ names, action, conditions }) => ({
      names, action: `SCMP_ACT_${action.name}`, ...action.name === 'ERRNO' ? { errnoRet: action.data } : {},
      args: conditions.map(({ index, op, value, valueTwo }) => ({ index, op: `SCMP_CMP_${op}`, value: Number(value), valueTwo: Number(valueTwo) })),
    })),
  }
}

interface Bundle {
  words: (...rest: string[]) => string[]
  id: string
  path: string
  remove: () => void
}

/** A bundle below `dir` for runc or crun. crun is not shown the hybrid cgroup v2. */
function makeBundle(subject: 'runc' | 'crun', dir: string, config: OciConfig, { through = 'exec "$@"', terminal, id: given }: Caller = {}): Bundle {
  const path = join(dir, `bundle-${count++}`)
  const id = given ?? `tsaufs-test-${process.pid}-${count}`
  mkdirSync(path)
  writeFileSync(join(path, 'config.json'), JSON.stringify({ ...config, process: { terminal: terminal === 'both', ...config.process } }))
  const script = subject === 'crun' ? `umount /sys/fs/cgroup/unified 2>/dev/null; ${through}` : through
  const words = (...rest: string[]): string[] => [
    ...terminal === undefined ? [] : IN_TERMINAL, 'unshare', '-m', 'sh', '-c', script, 'sh', subject, '--root', join(path, 'state'), ...rest]
  const remove = (): void => {
    const [command, ...rest] = words('delete', '--force', id)
    spawnSync(command!, rest)
    rmSync(path, { recursive: true, force: true })
    // One that was killed half-way is not known to be one, and its groups stay.
    spawnSync('find', ['/sys/fs/cgroup', '-depth', '-type', 'd', '-name', id, '-exec', 'rmdir', '{}', ';'], { stdio: 'ignore' })
  }
  return { words, id, path, remove }
}

/** Run by runc or crun; nothing of it is left. */
export async function askOther(subject: 'runc' | 'crun', dir: string, config: OciConfig, caller: Caller = {}): Promise<Answer> {
  const bundle = makeBundle(subject, dir, config, caller)
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

/** One more program in a container. */
export interface Exec {
  readonly cwd: string
  readonly args: readonly string[]
}

/** Programs executed, one after the other, in a container of runc or crun that runs. */
export function askOtherExec(subject: 'runc' | 'crun', dir: string, config: OciConfig, execs: readonly Exec[]): Answer[] {
  const bundle = makeBundle(subject, dir, config)
  const run = (...rest: string[]): Answer => {
    const [command, ...words] = bundle.words(...rest)
    const { status, stdout, stderr } = spawnSync(command!, words, { encoding: 'latin1', stdio: ['ignore', 'pipe', 'pipe'], timeout: 20_000 })
    return { code: status ?? -1, out: stdout, error: stderr }
  }
  const [command, ...words] = bundle.words('run', '--detach', '--bundle', bundle.path, bundle.id)
  spawnSync(command!, words, { stdio: 'ignore', timeout: 20_000 })
  const answers = execs.map(({ cwd, args }) => run('exec', '--cwd', cwd, bundle.id, ...args))
  bundle.remove()
  return answers
}
