/** `tsaufs events` of containers, as docker tells them. */
import { usage } from '../../engine/error.js'
import { followEvents, type ContainerEvent } from '../../engine/store/events.js'
import type { StateRoot } from '../../engine/store/root.js'
import { parseMoment, parseTime } from '../../engine/store/times.js'
import { textOf } from '../../engine/text.js'
import { EXIT } from '../exit-codes.js'
import { oneLineOfText, writeBytes } from '../output.js'
import { compileTemplate } from './template.js'

/** The flags by commander's names. */
export interface ContainerEventFlags {
  readonly since?: string
  readonly until?: string
  readonly filter?: readonly string[]
  readonly format?: string
}

const FILTERS: Readonly<Record<string, (event: ContainerEvent, value: string) => boolean>> = {
  container: ({ id, attributes }, value) => id.startsWith(value) || attributes['name'] === value,
  event: ({ action }, value) => action === value,
  image: ({ attributes }, value) => attributes['image'] === value,
  type: (_, value) => value === 'container',
}

/** Tell them until `--until`, or for ever. */
export async function followContainers(root: StateRoot, { since, until, filter = [], format }: ContainerEventFlags): Promise<void> {
  const filters = filter.map((entry) => {
    const [key = '', ...rest] = entry.split('=')
    const holds = Object.hasOwn(FILTERS, key) && rest.length > 0 ? FILTERS[key] : undefined
    if (holds === undefined) throw usage(`events --filter ${entry}`, `invalid filter '${key}'; write ${Object.keys(FILTERS).map((name) => `${name}=`).join(', ')}`)
    return { key, holds: (event: ContainerEvent) => holds(event, rest.join('=')) }
  })
  // Those of one key are alternatives.
  const holds = (event: ContainerEvent): boolean => filters.every(({ key }) => filters.some((each) => each.key === key && each.holds(event)))
  const render = format === undefined || format === 'json' ? undefined : compileTemplate(format)
  const sinceMs = since === undefined ? Date.now() : moment('since', since)
  const untilMs = until === undefined ? undefined : moment('until', until)
  await followEvents(root, { sinceMs, untilMs }, (event) => {
    if (!holds(event)) return true
    const line = format === undefined ? lineOf(event) : render === undefined ? JSON.stringify(shapeOf(event)) : render(shapeOf(event))
    // Who read it has gone.
    if (!writeBytes(1, Buffer.from(`${format === undefined ? oneLineOfText(line) : line}\n`))) process.exit(EXIT.OK)
    return true
  })
}

function moment(flag: string, text: string): number {
  const time = parseMoment(text)
  if (time === undefined) throw usage(`events --${flag} ${text}`, 'invalid value: give RFC 3339, seconds since 1970, or how long ago as 1h30m')
  return time
}

const attributesOf = ({ attributes }: ContainerEvent): Record<string, string> => (
  Object.fromEntries(Object.entries(attributes).map(([key, value]) => [key, textOf(value)])))

function lineOf(event: ContainerEvent): string {
  const attributes = Object.entries(attributesOf(event)).map(([key, value]) => `${key}=${value}`)
  return `${event.time} container ${event.action} ${event.id} (${attributes.sort().join(', ')})`
}

/** docker's JSON. */
function shapeOf(event: ContainerEvent): Record<string, unknown> {
  const ms = parseTime(event.time)
  const attributes = attributesOf(event)
  return {
    status: event.action, id: event.id, from: attributes['image'], Type: 'container', Action: event.action, Actor: { ID: event.id, Attributes: attributes },
    scope: 'local', time: Math.floor(ms / 1000), timeNano: Math.floor(ms) * 1_000_000,
  }
}
