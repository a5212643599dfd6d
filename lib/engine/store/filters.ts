/** `ps --filter`. Source: docker-ps(1). */
import { usage } from '../error.js'
import { textOf } from '../text.js'
import { findContainer } from './containers.js'
import type { Container } from './record.js'
import type { StateRoot } from './root.js'
import type { ContainerState } from './status.js'

/** One container as a filter sees it. */
export interface Seen {
  readonly container: Container
  readonly state: ContainerState
}

type Filter = (value: string, root: StateRoot) => (seen: Seen) => boolean

const STATES = ['created', 'restarting', 'running', 'removing', 'paused', 'exited', 'dead']

function matches(value: string, text: string): boolean {
  try {
    return new RegExp(value).test(text)
  } catch {
    return text.includes(value)
  }
}

const FILTERS: Readonly<Record<string, Filter>> = {
  id: (value) => ({ container }) => container.record.id.startsWith(value),
  name: (value) => ({ container }) => matches(value, container.record.name) || matches(value, `/${container.record.name}`),
  label: (value) => ({ container: { record } }) => {
    const [key = '', ...rest] = value.split('=')
    return Object.hasOwn(record.config.labels, key) && (rest.length === 0 || record.config.labels[key] === rest.join('='))
  },
  status: (value) => {
    if (!STATES.includes(value)) throw usage(`--filter status=${value}`, `invalid value; there are ${STATES.join(', ')}`)
    return ({ state }) => state.status === value
  },
  exited: (value) => ({ state }) => state.status === 'exited' && state.exitCode === Number(value),
  ancestor: (value) => ({ container }) => textOf(container.record.image) === value,
  before: (value, root) => {
    const { record } = findContainer(root, value, 'ps --filter before')
    return ({ container }) => container.record.created < record.created
  },
  since: (value, root) => {
    const { record } = findContainer(root, value, 'ps --filter since')
    return ({ container }) => container.record.created > record.created
  },
  volume: (value) => ({ container }) => container.record.host.mounts.some(({ source, target, volume }) => [source, target, volume?.name].includes(value)),
  network: (value) => ({ container }) => container.record.network.mode === value,
  'is-task': (value) => () => value === 'false' || value === '0',
}

/** All of `KEY=VALUE`: those of one key are alternatives (labels are not), those of different keys must all hold. */
export function parseFilters(entries: readonly string[], root: StateRoot): (seen: Seen) => boolean {
  const byKey = new Map<string, ((seen: Seen) => boolean)[]>()
  for (const entry of entries) {
    const at = entry.indexOf('=')
    const key = at < 0 ? entry : entry.slice(0, at)
    const filter = Object.hasOwn(FILTERS, key) ? FILTERS[key] : undefined
    if (at < 0 || filter === undefined) throw usage(`--filter ${entry}`, `invalid filter '${key}'; write ${Object.keys(FILTERS).map((name) => `${name}=`).join(', ')}`)
    const group = key === 'label' ? entry : key
    byKey.set(group, [...(byKey.get(group) ?? []), filter(entry.slice(at + 1), root)])
  }
  return (seen) => [...byKey.values()].every((group) => group.some((each) => each(seen)))
}

/** Some filters ask about containers that do not run. */
export function asksForAll(entries: readonly string[]): boolean {
  return entries.some((entry) => /^(status|exited)=/.test(entry))
}
