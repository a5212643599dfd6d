/** The C programs of the benchmark: compiled when they are missing or older than their source. */
import { existsSync, mkdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { repositoryRoot } from '../test/helpers/steps.js'
import { runProgram } from '../test/scenario/subjects/subject.js'

export const repository = repositoryRoot()

export interface Programs {
  /** One operation, many times: see native/ops.c. */
  readonly ops: string
  /** The FUSE server that does nothing. */
  readonly nothing: string
}

async function compile(name: string): Promise<string> {
  const source = join(repository, 'bench/native', `${name}.c`)
  const program = join(repository, 'build/bench', name)
  if (existsSync(program) && statSync(program).mtimeMs > statSync(source).mtimeMs) return program
  mkdirSync(join(repository, 'build/bench'), { recursive: true })
  const argv = [process.env['CC'] ?? 'cc', '-O2', '-Wall', '-Wextra', '-Werror', '-o', program, source]
  const { code, err } = await runProgram(argv)
  if (code !== 0) throw new Error(`${argv.join(' ')}: ${err.trim()}; a C compiler is needed (apt-get install gcc libc6-dev)`)
  return program
}

/** Compile what is needed. @throws Error when there is no C compiler. */
export async function buildPrograms(): Promise<Programs> {
  return { ops: await compile('ops'), nothing: await compile('null') }
}
