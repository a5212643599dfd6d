/**
 * Runs the compiled tests and counts. Each file of dist/test is a program that speaks TAP (it uses the library tap);
 * files below test/unit run two at a time, all others, which mount things, one after the other.
 *
 * usage: node scripts/test.mjs [WORD...]      only files whose path has one of the words
 *        TEST_VERBOSE=1 shows everything the files say
 *
 * The last line is "N passed, N failed, N skipped". The exit code is 0 only if something ran, nothing failed, and every
 * skip is one of test/allowed-skips.json: [{ "match": REGULAR EXPRESSION over "FILE: NAME # REASON", "reason": WHY }].
 */
import { spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const compiled = join(root, 'dist', 'test')
const FILE_TIMEOUT_MS = 30 * 60 * 1000
const verbose = process.env.TEST_VERBOSE !== undefined
const allowedSkips = JSON.parse(readFileSync(join(root, 'test', 'allowed-skips.json'), 'utf8')).map(({ match }) => new RegExp(match))

/** Compiled test files that still have their source: a deleted test must not run on from dist/. */
function testFiles(words) {
  return readdirSync(compiled, { recursive: true })
    .filter((file) => file.endsWith('.test.js') && existsSync(join(root, 'test', file.replace(/\.js$/, '.ts'))))
    .filter((file) => words.length === 0 || words.some((word) => file.includes(word)))
    .sort()
}

/** Run one file. Answers { code, output }; its whole process group ends when it takes too long. */
function run(file) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ['--enable-source-maps', join(compiled, file)], {
      cwd: root, detached: true, stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, TAP: '1', TAP_TIMEOUT: process.env.TAP_TIMEOUT ?? '300' },
    })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => { output += text })
    const timer = setTimeout(() => {
      output += `\n# took more than ${FILE_TIMEOUT_MS / 60000} minutes\n`
      process.kill(-child.pid, 'SIGKILL')
    }, FILE_TIMEOUT_MS)
    child.on('close', (code, signal) => {
      clearTimeout(timer)
      resolve({ code: code ?? signal, output })
    })
  })
}

/** What the TAP of a file says. Tests are its outermost points; a skip counts wherever it stands. */
function count({ code, output }) {
  let passed = 0
  let failed = 0
  const skips = []
  for (const line of output.split('\n')) {
    const plan = /^1\.\.0 # (?:SKIP )?(.*)$/.exec(line)
    if (plan) skips.push(`the whole file # ${plan[1]}`)
    const point = /^( *)(not )?ok \d+(?: - )?(.*)$/.exec(line)
    if (!point) continue
    const [, indent, bad, name] = point
    const skip = / # SKIP\b/i.test(name)
    if (skip) skips.push(name)
    else if (indent === '') bad ? failed++ : passed++
  }
  if (code !== 0 && failed === 0) failed++
  return { passed, failed, skips }
}

/** The lines worth reading of a file that failed. */
function digest(output) {
  const lines = output.split('\n').filter((line) => !/^ *ok \d/.test(line) && line.trim() !== '')
  return lines.slice(0, 200).join('\n')
}

async function main(words) {
  const total = { passed: 0, failed: 0, skipped: 0 }
  let forbidden = 0
  const one = async (file) => {
    const startedMs = Date.now()
    const result = await run(file)
    const { passed, failed, skips } = count(result)
    total.passed += passed
    total.failed += failed
    total.skipped += skips.length
    const seconds = ((Date.now() - startedMs) / 1000).toFixed(1)
    console.log(`${failed > 0 ? 'FAIL' : 'ok  '} ${file} (${passed} passed, ${failed} failed, ${skips.length} skipped, ${seconds} s)`)
    for (const skip of skips) {
      const allowed = allowedSkips.some((pattern) => pattern.test(`${file}: ${skip}`))
      if (!allowed) forbidden++
      console.log(`     ${allowed ? 'skipped' : 'SKIPPED WITHOUT LEAVE'}: ${skip}`)
    }
    if (verbose) console.log(result.output)
    else if (failed > 0) console.log(digest(result.output))
  }
  const files = testFiles(words)
  const unit = files.filter((file) => file.startsWith('unit/'))
  const worker = async () => { for (let file; (file = unit.shift()) !== undefined;) await one(file) }
  await Promise.all([worker(), worker()])
  for (const file of files.filter((file) => !file.startsWith('unit/'))) await one(file)

  if (forbidden > 0) console.log(`${forbidden} skips are not in ${relative(root, join(root, 'test', 'allowed-skips.json'))}`)
  console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`)
  process.exitCode = total.passed + total.failed === 0 || total.failed > 0 || forbidden > 0 ? 1 : 0
}

await main(process.argv.slice(2))
