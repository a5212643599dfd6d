/**
 * Runs a test file again in network and mount namespaces of its own, so that no device and no rule of it is ever on the host.
 */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const MARK = 'TSAUFS_TEST_NETWORK'

/** true in the namespaces. Otherwise the file has been run in them, its output was passed on and the exit code is set. */
export function inOwnNetwork(url: string): boolean {
  if (process.env[MARK] === 'own') return true
  const words = ['--net', '--mount', process.execPath, ...process.execArgv, fileURLToPath(url)]
  const { status } = spawnSync('unshare', words, { stdio: 'inherit', env: { ...process.env, [MARK]: 'own' } })
  process.exitCode = status ?? 1
  return false
}
