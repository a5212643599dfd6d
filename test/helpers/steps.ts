/**
 * Steps: file-system calls as data. They are made by `steps.py`, another process than ours and than any daemon, as real
 * system calls on byte names; here they are sent, and judged.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isDeepStrictEqual } from 'node:util'

/**
 * `[operation, argument...]`, then what is expected: nothing (any success), an errno name, or the value.
 * The operations and their arguments are the `op_` functions of `steps.py`; how many there are of them stands in ARITY.
 */
export type Step = readonly [op: string, ...rest: unknown[]]

/** What became of a step: a value, an errno, or trouble in the test itself. */
export type Result = { readonly v?: unknown; readonly e?: string; readonly x?: string }

/** The fields of `stat` an expectation may name; see judgeFields for the words it understands. */
export type Fields = Readonly<Record<string, string | number>>

/** Number of arguments; `+` allows one more if it is a number (a mode), `*` takes all there are. */
const ARITY: Readonly<Record<string, string>> = {
  write: '2', create: '1+', append: '2', rewrite: '2', read: '1', sha: '1', pwrite: '3', fill: '3', rename: '2', rename2: '3',
  link: '2', symlink: '2', readlink: '1', mkdir: '1+', rmdir: '1', unlink: '1', chmod: '2', chown: '3', utimes: '3',
  truncate: '2', getxattr: '2', setxattr: '3+', listxattr: '1', removexattr: '2', umask: '1', chdir: '1', access: '2',
  mknod: '2+', stat: '1', fstat: '1', statfs: '1', readdir: '1', open: '3+', reopen: '3', close: '1', fread: '3', next: '2',
  fwrite: '2', fpwrite: '3', fchmod: '2', fchown: '3', futimes: '3', fsetxattr: '3', fgetxattr: '2', ftruncate: '2',
  fsync: '1', fdatasync: '1', syncfs: '1', fallocate: '4', seek: '3', flistdir: '1', openat: '4', linkfd: '2',
  copyrange: '5', sendfile: '3', flock: '2', setlk: '4', getflags: '1', setflags: '2', mmap: '5', mread: '3', mwrite: '3',
  msync: '1', munmap: '1', dwrite: '4', dread: '3', opendir: '2', dirnext: '2', dirrest: '1', telldir: '2', seekdir: '2',
  rewinddir: '1', closedir: '1', dircookies: '1', rmwhilelisting: '1', listen: '2', connect: '1', deep: '2', exec: '*',
  dropcaches: '0', sync: '0', wait: '1', settle: '1', rlimit: '2', repeat: '2', as: '2', parallel: '*',
}

const ERRNO = /^E[A-Z0-9]{2,}$/

/** An expectation that more than one outcome meets, each as in a step. */
export class OneOf {
  readonly outcomes: readonly unknown[]

  constructor(...outcomes: readonly unknown[]) {
    this.outcomes = outcomes
  }
}

/** A step without its expectation, and the expectation (undefined: any success). */
export function splitStep(step: Step): { call: unknown[]; expected: unknown } {
  const arity = ARITY[step[0]]
  if (arity === undefined) throw new Error(`no such operation: ${step[0]}`)
  if (arity === '*') return { call: [...step], expected: undefined }
  let count = 1 + parseInt(arity)
  if (arity.endsWith('+') && typeof step[count] === 'number') count++
  const call = step.slice(0, count)
  if (step[0] === 'as' || step[0] === 'repeat') call[2] = (step[2] as Step[]).map((s) => splitStep(s).call)
  return { call, expected: step[count] }
}

/** Steps as `steps.py` takes them. */
export function toCalls(steps: readonly Step[]): unknown[] {
  return steps.map((step) =>
    step[0] === 'parallel' ? ['parallel', ...(step.slice(1) as Step[][]).map(toCalls)] : splitStep(step).call)
}

/** Values saved by `'=name'` in one row, to be compared with later. */
export type Saved = Map<string, string>

/** Compare results with what the steps expected; one text per disagreement, each naming its step. */
export function judge(steps: readonly Step[], results: readonly Result[], saved: Saved = new Map()): string[] {
  const problems: string[] = []
  steps.forEach((step, i) => {
    const result = results[i] ?? { x: 'no result' }
    const { expected } = splitStep(step)
    const say = (text: string): void => void problems.push(`step ${i} ${show(step)}: ${text}`)
    if (step[0] === 'parallel') {
      ;(step.slice(1) as Step[][]).forEach((list, k) =>
        problems.push(...judge(list, (result.v as Result[][])?.[k] ?? [], saved).map((p) => `step ${i}.${k} ${p}`)))
    } else if (step[0] === 'as') {
      problems.push(...judge(step[2] as Step[], (result.v as Result[]) ?? [], saved).map((p) => `step ${i} as ${show(step[1])} ${p}`))
    } else if (expected instanceof OneOf) {
      if (!expected.outcomes.some((one) => judge([[...step.slice(0, -1), one] as unknown as Step], [result], saved).length === 0)) {
        say(`expected one of ${show(expected.outcomes)}, got ${show(result.e ?? result.x ?? result.v)}`)
      }
    } else if (typeof expected === 'string' && ERRNO.test(expected)) {
      if (result.e !== expected) say(`expected ${expected}, got ${show(result.e ?? result.x ?? result.v)}`)
    } else if (result.x !== undefined || result.e !== undefined) {
      say(result.x ?? result.e ?? '')
    } else if (expected !== undefined && typeof expected === 'object' && expected !== null && !Array.isArray(expected)) {
      judgeFields(expected as Fields, result.v as Record<string, string | number>, saved).forEach(say)
    } else if (expected !== undefined && !isDeepStrictEqual(result.v, expected)) {
      say(`expected ${show(expected)}, got ${show(result.v)}`)
    }
  })
  return problems
}

/**
 * Compare fields. A number or text is compared as it is; times given as numbers are seconds. Words:
 * `=x` save as x, or equal to what was saved; `!x` not equal; `>x` greater; `now` a time of this run; `kept` a time of
 * the given trees (before 2010).
 */
function judgeFields(expected: Fields, got: Record<string, string | number>, saved: Saved): string[] {
  const out: string[] = []
  for (const [key, want] of Object.entries(expected)) {
    const have = got[key]
    const name = String(want).slice(1)
    let ok: boolean
    if (typeof want === 'string' && want.startsWith('=')) {
      if (!saved.has(name)) saved.set(name, String(have))
      ok = saved.get(name) === String(have)
    } else if (typeof want === 'string' && want.startsWith('!')) ok = saved.get(name) !== String(have)
    else if (typeof want === 'string' && want.startsWith('>')) ok = BigInt(have ?? 0) > BigInt(saved.get(name) ?? 0)
    else if (typeof want === 'string' && want.startsWith('<')) ok = Number(have) < Number(name)
    else if (want === 'now') ok = Math.abs(Number(BigInt(have ?? 0) / 1000000n) - Date.now()) < 600_000
    else if (want === 'kept') ok = Number(BigInt(have ?? 0) / 1000000000n) < 1262304000
    else if (/^[amc]time$/.test(key) && typeof want === 'number') ok = Number(BigInt(have ?? 0) / 1000000000n) === want
    else ok = have === want
    if (!ok) out.push(`${key}: expected ${show(want)}${saved.has(name) ? ` (${saved.get(name)})` : ''}, got ${show(have)}`)
  }
  return out
}

/** A value on one line, not too long. */
export function show(value: unknown): string {
  const text = JSON.stringify(value) ?? 'undefined'
  return text.length > 300 ? `${text.slice(0, 300)}…` : text
}

/** The directory of package.json. */
export function repositoryRoot(): string {
  let dir = dirname(fileURLToPath(import.meta.url))
  while (!existsSync(join(dir, 'package.json'))) dir = dirname(dir)
  return dir
}

/** A running `steps.py`. Requests are answered in order; one that takes longer than its limit ends the process. */
export class StepServer {
  private child: ChildProcess | null = null
  private waiting: { done: (answer: Record<string, unknown>) => void; fail: (e: Error) => void }[] = []

  private start(): ChildProcess {
    const child = spawn('python3', [join(repositoryRoot(), 'test/helpers/steps.py')], { stdio: ['pipe', 'pipe', 'inherit'], cwd: '/' })
    createInterface({ input: child.stdout! }).on('line', (line) => this.waiting.shift()?.done(JSON.parse(line)))
    child.on('exit', () => {
      if (this.child === child) this.child = null
      for (const w of this.waiting.splice(0)) w.fail(new Error('the step server ended'))
    })
    return child
  }

  /** Send one request (see steps.py) and wait for its answer; rejects after `limitMs`, killing the server. */
  async ask(request: Record<string, unknown>, limitMs = 60_000): Promise<Record<string, unknown>> {
    const child = (this.child ??= this.start())
    let timer: NodeJS.Timeout | undefined
    const answer = await new Promise<Record<string, unknown>>((done, fail) => {
      this.waiting.push({ done, fail })
      timer = setTimeout(() => {
        child.kill('SIGKILL')
        this.child = null
        for (const w of this.waiting.splice(0)) w.fail(new Error(`no answer within ${limitMs} ms`))
      }, limitMs)
      child.stdin!.write(`${JSON.stringify(request)}\n`)
    }).finally(() => clearTimeout(timer))
    if (answer['error'] !== undefined) throw new Error(String(answer['error']))
    return answer
  }

  /** Run steps in `cwd`; open files and maps are closed after them unless `keep`. */
  async run(cwd: string, steps: readonly Step[], options: { keep?: boolean; limitMs?: number } = {}): Promise<Result[]> {
    const answer = await this.ask({ run: toCalls(steps), cwd, keep: options.keep ?? false }, options.limitMs)
    return answer['results'] as Result[]
  }

  /** End the process. */
  stop(): void {
    this.child?.stdin?.end()
    this.child = null
  }
}
