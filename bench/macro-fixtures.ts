/** Trees for the macro rows: a Debian, a source repository, a python package. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { runProgram } from '../test/scenario/subjects/subject.js'
import { repository } from './programs.js'
import { scaled } from './scaled.js'

export const debianScript = join(repository, 'bench/steps/debian.sh')

async function run(argv: readonly string[]): Promise<string> {
  const { code, out, err } = await runProgram(argv)
  if (code !== 0) throw new Error(`${argv.join(' ')}: ${err.trim().split('\n').slice(-2).join(' ')}`)
  return out
}

/** Paths in the cache of scripts/real-tree.sh; what is not there is fetched and made. */
export interface DebianCache {
  readonly debs: string
  readonly npm: string
}

let found: Promise<DebianCache> | undefined

/** Where the cached tree's packages are. */
export function debianCache(): Promise<DebianCache> {
  found ??= run([debianScript, 'find']).then((out) => {
    const [, debs, npm] = out.trim().split('\n')
    return { debs: debs!, npm: npm! }
  })
  return found
}

/** The tree that scripts/real-tree.sh works in. */
export async function makeDebian(dir: string): Promise<void> {
  await debianCache()
  await run([debianScript, 'unpack', dir])
}

/** The same with a compiler, git, sqlite and PostgreSQL installed. */
export async function makeDebianTools(dir: string): Promise<void> {
  await debianCache()
  await run([debianScript, 'tools', dir])
}

/** A git repository with two branches, and its files as a tar. */
export async function makeSource(dir: string, scale: number): Promise<void> {
  await run(['bash', join(repository, 'bench/steps/source.sh'), dir, String(scaled(5000, scale))])
}

/** A python package of 1,200 modules, each with some functions, that imports them all. */
export function makePython(dir: string, scale: number): Promise<void> {
  const modules = scaled(1200, scale)
  const body = Array.from({ length: 20 }, (_, i) => `def function_${i}(x):\n    return x + ${i}\n`).join('\n')
  const top: string[] = []
  mkdirSync(join(dir, 'large'))
  for (let i = 0; i < modules; i++) {
    const folder = `part_${i % 30}`
    mkdirSync(join(dir, 'large', folder), { recursive: true })
    writeFileSync(join(dir, 'large', folder, '__init__.py'), '')
    writeFileSync(join(dir, 'large', folder, `module_${i}.py`), body)
    top.push(`import large.${folder}.module_${i}`)
  }
  writeFileSync(join(dir, 'large', '__init__.py'), `${top.join('\n')}\n`)
  return Promise.resolve()
}

/** A project with npm's cache filled for it, not yet installed. */
export async function makeNpm(dir: string): Promise<void> {
  const { npm } = await debianCache()
  await run(['cp', '-r', `${repository}/test/real/npm/.`, dir])
  await run(['bash', '-c', `cd "$1" && ${npmCi} && rm -rf node_modules`, 'npm', dir, npm])
}

/** Shell: install what the lock file says; $2 is npm's cache. */
export const npmCi = 'npm ci --ignore-scripts --no-audit --no-fund --prefer-offline --cache "$2" --loglevel error'
