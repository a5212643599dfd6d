/** How much disk containers and volumes take. */
import { lstatSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Bytes } from '../../os/native.js'
import { bytesOf, fsPath } from '../text.js'
import type { Container } from './record.js'

/** Bytes that the files below a directory occupy, each hard link once; links are not followed, what is removed meanwhile counts as nothing. */
export function diskUsage(dir: Bytes): number {
  let total = 0
  const seen = new Set<string>()
  const walk = (path: Buffer): void => {
    const stat = lstatSync(path, { throwIfNoEntry: false })
    if (stat === undefined) return
    const key = `${stat.dev}:${stat.ino}`
    if (stat.nlink > 1 && !stat.isDirectory()) {
      if (seen.has(key)) return
      seen.add(key)
    }
    total += stat.blocks * 512
    if (stat.isDirectory()) for (const name of readdirSync(path, { encoding: 'buffer' })) walk(Buffer.concat([path, Buffer.from('/'), name]))
  }
  walk(fsPath(dir))
  return total
}

/** What a container has written. */
export function containerSize({ dir }: Container): number {
  return diskUsage(bytesOf(join(dir, 'rw')))
}
