/**
 * Ids and names of containers, as docker has them.
 */
import { randomBytes, randomInt } from 'node:crypto'
import { usage } from '../error.js'

/** A whole id. */
export const ID = /^[0-9a-f]{64}$/

/** Source: docker, daemon/names: RestrictedNameChars. */
const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/
const NAME_MAX = 200

/** A new id: 64 hexadecimal digits, not all of them decimal in the first twelve, which some program would take for a number. */
export function newId(): string {
  for (;;) {
    const id = randomBytes(32).toString('hex')
    if (!/^\d+$/.test(id.slice(0, 12))) return id
  }
}

/** What people see of an id. */
export function shortId(id: string): string {
  return id.slice(0, 12)
}

/** @throws MountError for a name that is none */
export function checkName(name: string): void {
  if (NAME.test(name) && name.length <= NAME_MAX) return
  throw usage(
    `name ${name}`,
    `Invalid container name (${name}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed, at least two and at most ${NAME_MAX}`,
  )
}

const MOODS = [
  'able', 'bold', 'brisk', 'calm', 'clever', 'cosy', 'eager', 'early', 'fair', 'fond', 'frank', 'gentle', 'glad', 'happy', 'keen', 'kind',
  'lively', 'lucid', 'merry', 'mild', 'neat', 'nimble', 'plain', 'polite', 'proud', 'quick', 'quiet', 'ready', 'sharp', 'sober', 'steady',
  'sunny', 'sure', 'swift', 'tidy', 'warm', 'wise', 'witty', 'young', 'zesty',
]
const LAYERS = [
  'agate', 'amber', 'basalt', 'beryl', 'chalk', 'chert', 'clay', 'coral', 'diorite', 'dolomite', 'flint', 'gabbro', 'garnet', 'gneiss',
  'granite', 'gravel', 'gypsum', 'jade', 'jasper', 'lava', 'lime', 'loam', 'marble', 'marl', 'mica', 'obsidian', 'onyx', 'opal', 'peat',
  'pumice', 'quartz', 'ruby', 'sand', 'schist', 'shale', 'silt', 'slate', 'topaz', 'tuff', 'zircon',
]

const pick = (words: readonly string[]): string => words[randomInt(words.length)]!

/** A name for a container that was not given one. @param attempt from 0; later ones end in a number */
export function randomName(attempt: number): string {
  return `${pick(MOODS)}_${pick(LAYERS)}${attempt === 0 ? '' : String(randomInt(10 ** Math.min(attempt, 6)))}`
}
