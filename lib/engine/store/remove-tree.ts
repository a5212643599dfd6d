/** Removing what a container has written, however it has written it. */
import { spawnSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { failure } from '../error.js'

/**
 * Remove a path of ours with all below it; fine when it is not there.
 * Directories nested deeper than a path is long, or than JavaScript's stack, are rm(1)'s, which goes down by descriptors: a
 * container could not be removed otherwise that has made some thousand of them.
 * @throws Error of node:fs, MountError of rm
 */
export function removeTree(path: string): void {
  try {
    rmSync(path, { recursive: true, force: true })
  } catch (error) {
    if (!(error instanceof RangeError) && (error as NodeJS.ErrnoException).code !== 'ENAMETOOLONG') throw error
    const { status, stderr } = spawnSync('rm', ['-rf', '--', path], { encoding: 'latin1' })
    if (status !== 0) throw failure(`remove ${path}`, 'EIO', `rm failed: ${(stderr ?? '').trim().split('\n')[0]}`)
  }
}
