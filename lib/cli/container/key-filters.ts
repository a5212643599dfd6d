/** `--filter KEY=VALUE` of commands that list or prune. */
import { usage } from '../../engine/error.js'

/** By key: whether a thing is meant by a value. */
export type KeyFilters<T> = Readonly<Record<string, (thing: T, value: string) => boolean>>

/** All filters as one: those of one key are alternatives, those of different keys, and labels, must all hold. @throws MountError */
export function keyFilters<T>(command: string, entries: readonly string[], known: KeyFilters<T>): (thing: T) => boolean {
  const groups = new Map<string, ((thing: T) => boolean)[]>()
  for (const entry of entries) {
    const at = entry.indexOf('=')
    const key = at < 0 ? entry : entry.slice(0, at)
    const holds = Object.hasOwn(known, key) ? known[key] : undefined
    if (at < 0 || holds === undefined) {
      throw usage(`${command} --filter ${entry}`, `invalid filter '${key}'; write ${Object.keys(known).map((name) => `${name}=`).join(', ')}`)
    }
    const group = key.startsWith('label') ? entry : key
    groups.set(group, [...groups.get(group) ?? [], (thing) => holds(thing, entry.slice(at + 1))])
  }
  return (thing) => [...groups.values()].every((group) => group.some((holds) => holds(thing)))
}

/** `NAME` or `NAME=value` among labels. */
export function hasLabel(labels: Readonly<Record<string, string>>, wanted: string): boolean {
  const [key = '', ...rest] = wanted.split('=')
  return Object.hasOwn(labels, key) && (rest.length === 0 || labels[key] === rest.join('='))
}
