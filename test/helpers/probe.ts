/** test/engine/probe.c, built once per test file. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const source = fileURLToPath(new URL('../../../test/engine/probe.c', import.meta.url))
let built: string | undefined

/** Path of the static program; it goes when this process does. */
export function probeProgram(): string {
  if (built !== undefined) return built
  const dir = mkdtempSync(join(tmpdir(), 'tsaufs-probe-'))
  process.on('exit', () => rmSync(dir, { recursive: true, force: true }))
  built = join(dir, 'probe')
  execFileSync(process.env['CC'] ?? 'cc', ['-static', '-O1', '-o', built, source])
  return built
}
