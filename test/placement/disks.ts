/** File systems of their own for branches: ext4 on loop devices, of any size. They go with their sandbox. */
import { spawnSync } from 'node:child_process'
import { mkdirSync, statfsSync, truncateSync, writeFileSync } from 'node:fs'
import type { Test } from 'tap'
import type { Sandbox } from '../cli/sandbox.js'

const M = 2 ** 20

/** Make an ext4 of so many MiB, without journal and without reserve, and mount it on `name` in the sandbox. */
export function disk(t: Test, box: Sandbox, name: string, sizeM: number): void {
  const image = box.at(`${name}.img`)
  writeFileSync(image, '')
  truncateSync(image, sizeM * M)
  mkdirSync(box.at(name), { recursive: true })
  for (const words of [
    ['mkfs.ext4', '-q', '-m', '0', '-O', '^has_journal', '-b', '1024', image],
    ['mount', '-o', 'loop', image, box.at(name)],
    ['rmdir', box.at(name, 'lost+found')],
  ]) {
    const { status, stderr } = spawnSync(words[0]!, words.slice(1), { encoding: 'utf8' })
    t.equal(status, 0, `${words[0]} ${stderr}`)
  }
}

/** Bytes that may still be written. */
export function freeBytes(path: string): number {
  const { bavail, bsize } = statfsSync(path)
  return bavail * bsize
}
