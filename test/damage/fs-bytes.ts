/** node:fs with names as latin1 bytes, as far as the damage needs it. */
import * as fs from 'node:fs'
import { sys } from '../../lib/os/native.js'

const raw = (path: string): Buffer => Buffer.from(path, 'latin1')
const { S_IFIFO, S_IFSOCK, S_IFCHR } = sys.constants as Record<string, number>

export const lstatSync = (path: string): fs.Stats => fs.lstatSync(raw(path))
export const linkSync = (from: string, to: string): void => fs.linkSync(raw(from), raw(to))
export const mkdirSync = (path: string): void => void fs.mkdirSync(raw(path))
export const renameSync = (from: string, to: string): void => fs.renameSync(raw(from), raw(to))
export const symlinkSync = (target: string, path: string): void => fs.symlinkSync(raw(target), raw(path))
export const rmSync = (path: string): void => fs.rmSync(raw(path), { recursive: true })
export const readdirSync = (path: string): string[] => fs.readdirSync(raw(path), { encoding: 'latin1' }).sort()

/** A file with this text and exactly this mode. */
export function writeFileSync(path: string, text: string, mode = 0o644): void {
  fs.writeFileSync(raw(path), text)
  fs.chmodSync(raw(path), mode)
}

/** A fifo, a socket, or a character device 0:0. */
export function mknod(path: string, kind: 'fifo' | 'socket' | 'char'): void {
  const mode = { fifo: S_IFIFO!, socket: S_IFSOCK!, char: S_IFCHR! }[kind]
  const rc = sys.mknodat(-100, path, mode | 0o600, 0)
  if (rc < 0) throw new Error(`mknod ${path}: ${rc}`)
}
