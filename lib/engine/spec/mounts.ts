/**
 * `-v`, `--mount`, `--tmpfs`, `--volumes-from`: what people write, as MountSpec. Source: docker-run(1); docs.docker.com, "Bind
 * mounts", "Volumes"; for `:O` podman-run(1).
 */
import { existsSync, mkdirSync, realpathSync } from 'node:fs'
import type { Bytes } from '../../os/native.js'
import { absolute } from '../../config/syntax.js'
import { codeOf, failure, usage } from '../error.js'
import { fsPath } from '../text.js'
import type { MountSpec } from '../store/record.js'
import { checkVolumeName } from '../store/volumes.js'

const PROPAGATION = /^r?(private|shared|slave)$/
/** Words that mean something to SELinux or to macOS, and nothing here. */
const IGNORED = new Set(['rw', 'z', 'Z', 'cached', 'delegated', 'consistent', 'default'])

/** A place in the container. @throws MountError for one that is none */
export function mountTarget(flag: string, path: Bytes): Bytes {
  if (!path.startsWith('/')) throw usage(flag, `invalid mount path: '${path}' mount path must be absolute`)
  const plain = absolute(path, '/')
  if (plain.split('/').includes('..')) throw usage(flag, `invalid mount path: '${path}' has '..' in it`)
  if (plain === '/') throw usage(flag, `invalid specification: destination can't be '/'`)
  return plain
}

/**
 * One `-v [SOURCE:]TARGET[:OPTIONS]`: a path of the host, a volume by name, or a new volume.
 * @param cwd that a relative path begins at
 */
export function parseVolume(text: Bytes, cwd: Bytes): MountSpec {
  const flag = `--volume ${text}`
  const parts = text.split(':')
  const [source, to, words = '', more] = parts.length === 1 ? ['', ...parts] : parts
  if (more !== undefined || to === undefined || to === '' || (source === '' && parts.length > 1)) {
    throw usage(flag, `invalid volume specification: '${text}'; write HOST-DIR:TARGET[:OPTIONS], NAME:TARGET[:OPTIONS] or TARGET`)
  }
  const isPath = /^[./~]/.test(source!)
  const { readOnly, options, overlay, noCopy } = volumeWords(flag, words, isPath)
  const common = { target: mountTarget(flag, to), readOnly, options }
  if (isPath) return { type: overlay ? 'overlay' : 'bind', source: absolute(source!, cwd), ...common }
  if (source !== '') checkVolumeName(flag, source!)
  return { type: 'volume', source: '', ...common, volume: { name: source!, noCopy } }
}

function volumeWords(flag: string, text: string, isPath: boolean): { readOnly: boolean, options: string[], overlay: boolean, noCopy: boolean } {
  const to = { readOnly: false, options: [] as string[], overlay: false, noCopy: false }
  for (const word of text === '' ? [] : text.split(',')) {
    if (word === 'ro') to.readOnly = true
    else if (word === 'O' && isPath) to.overlay = true
    else if (word === 'nocopy' && !isPath) to.noCopy = true
    else if (isPath && (PROPAGATION.test(word) || word === 'rro')) to.options.push(word)
    else if (/^no(exec|suid|dev)$/.test(word)) to.options.push(word)
    else if (word === 'U') throw usage(flag, "owners of the host's files are not changed; use chown, or a volume by name", 'EOPNOTSUPP')
    else if (!IGNORED.has(word)) {
      throw usage(flag, `invalid mode: ${word}; there are ro, rw, ${isPath ? 'O, [r]shared, [r]slave, [r]private' : 'nocopy'}`)
    }
  }
  if (to.overlay && (to.options.length > 0 || to.readOnly)) throw usage(flag, 'invalid mode: O stands alone: what is written goes to the container')
  return to
}

/** A field of `--mount`, which may be quoted as in CSV. */
function csvFields(text: Bytes): Bytes[] {
  return [...text.matchAll(/(?:^|,)("(?:[^"]|"")*"|[^,]*)/g)].map(([, field = '']) => (
    field.startsWith('"') ? field.slice(1, -1).replaceAll('""', '"') : field))
}

function truth(flag: string, key: string, value: string | undefined): boolean {
  if (value === undefined || value === 'true' || value === '1') return true
  if (value === 'false' || value === '0') return false
  throw usage(flag, `invalid value for ${key}: ${value}; it is true or false`)
}

/** What `--mount` says, before it is known which of it belongs together. */
interface Draft {
  type: string
  source: Bytes
  target: Bytes
  readOnly: boolean
  noCopy: boolean
  readonly options: string[]
  readonly labels: Record<string, string>
  readonly driver: Record<string, string>
}

type Setter = (draft: Draft, value: string | undefined, flag: string, key: string) => void

function pair(to: Record<string, string>, value: string | undefined, flag: string, key: string): void {
  const [, name, rest] = /^([^=]+)(?:=(.*))?$/s.exec(value ?? '') ?? []
  if (name === undefined) throw usage(flag, `invalid value for ${key}: write ${key}=NAME=VALUE`)
  to[name] = rest ?? ''
}

const source: Setter = (draft, value = '') => { draft.source = value }
const target: Setter = (draft, value = '') => { draft.target = value }
const readOnly: Setter = (draft, value, flag, key) => { draft.readOnly = truth(flag, key, value) }

/** By key; those with a type before the first `-` are for mounts of this type. */
const KEYS: Readonly<Record<string, Setter>> = {
  type: (draft, value = '') => { draft.type = value },
  source, src: source, target, dst: target, destination: target, readonly: readOnly, ro: readOnly,
  consistency: () => undefined,
  'bind-propagation': (draft, value = '', flag) => {
    if (!PROPAGATION.test(value)) throw usage(flag, `invalid propagation: ${value}; there are [r]shared, [r]slave, [r]private`)
    draft.options.push(value)
  },
  'bind-nonrecursive': (draft, value, flag, key) => { if (truth(flag, key, value)) draft.options.push('bind') },
  'bind-recursive': (draft, value = '', flag) => {
    const words: Readonly<Record<string, readonly string[]>> = { enabled: [], disabled: ['bind'], writable: ['ro-top'], readonly: [] }
    if (!Object.hasOwn(words, value)) throw usage(flag, `invalid value for bind-recursive: ${value}; there are ${Object.keys(words).join(', ')}`)
    draft.options.push(...words[value]!)
  },
  'volume-nocopy': (draft, value, flag, key) => { draft.noCopy = truth(flag, key, value) },
  'volume-label': (draft, value, flag, key) => pair(draft.labels, value, flag, key),
  'volume-opt': (draft, value, flag, key) => pair(draft.driver, value, flag, key),
  'volume-driver': (_, value = '', flag) => {
    if (value !== 'local') throw usage(flag, `volume driver ${value} not found; there is local`, 'ENOENT')
  },
  'tmpfs-size': (draft, value = '', flag) => {
    if (!/^\d+[bkmg]?$/i.test(value)) throw usage(flag, `invalid value for tmpfs-size: ${value}; give a number with k, m or g behind it`)
    draft.options.push(`size=${value.replace(/b$/i, '')}`)
  },
  'tmpfs-mode': (draft, value = '', flag) => {
    if (!/^[0-7]{1,4}$/.test(value)) throw usage(flag, `invalid value for tmpfs-mode: ${value}; it is octal`)
    draft.options.push(`mode=${value}`)
  },
}

/** One `--mount type=bind,source=DIR,target=DIR,readonly`. */
export function parseMount(text: Bytes, cwd: Bytes): MountSpec {
  const flag = `--mount ${text}`
  const draft: Draft = { type: 'volume', source: '', target: '', readOnly: false, noCopy: false, options: [], labels: {}, driver: {} }
  const seen: string[] = []
  for (const field of csvFields(text)) {
    const at = field.indexOf('=')
    const key = (at < 0 ? field : field.slice(0, at)).toLowerCase()
    const set = Object.hasOwn(KEYS, key) ? KEYS[key] : undefined
    if (set === undefined) throw usage(flag, `unexpected key '${key}' in '${field}'; there are ${Object.keys(KEYS).join(', ')}`)
    seen.push(key)
    set(draft, at < 0 ? undefined : field.slice(at + 1), flag, key)
  }
  const { type } = draft
  if (!['bind', 'volume', 'tmpfs'].includes(type)) throw usage(flag, `mount type unknown: ${type}; there are bind, volume, tmpfs`)
  if (draft.target === '') throw usage(flag, 'target is required')
  const foreign = seen.find((key) => /^(bind|volume|tmpfs)-/.test(key) && !key.startsWith(`${type}-`))
  if (foreign !== undefined) throw usage(flag, `cannot mix '${foreign.replace(/-.*/, '-*')}' options with mount type '${type}'`)
  return finished(flag, draft, cwd)
}

function finished(flag: string, draft: Draft, cwd: Bytes): MountSpec {
  const { type, source: from, options, readOnly: isReadOnly } = draft
  const common = { target: mountTarget(flag, draft.target), readOnly: isReadOnly, options }
  if (type === 'tmpfs') {
    if (from !== '') throw usage(flag, 'a tmpfs has no source')
    return { type, source: '', ...common }
  }
  if (type === 'volume') {
    if (from !== '') checkVolumeName(flag, from)
    return { type, source: '', ...common, volume: { name: from, noCopy: draft.noCopy, labels: draft.labels, options: draft.driver } }
  }
  if (from === '') throw usage(flag, 'source is required for type=bind')
  const path = absolute(from, cwd)
  if (!existsSync(fsPath(path))) throw usage(flag, `bind source path does not exist: ${path}`, 'ENOENT')
  return { type: 'bind', source: path, ...common }
}

/** One `--tmpfs TARGET[:OPTIONS]`. */
export function parseTmpfs(text: Bytes): MountSpec {
  const at = text.indexOf(':')
  const words = at < 0 ? [] : text.slice(at + 1).split(',').filter((word) => word !== '')
  for (const word of words) {
    if (/^(bind|rbind|move|remount)$/.test(word)) throw usage(`--tmpfs ${text}`, `invalid option ${word}`)
  }
  return {
    type: 'tmpfs', source: '', target: mountTarget(`--tmpfs ${text}`, at < 0 ? text : text.slice(0, at)), readOnly: words.includes('ro'),
    options: words.filter((word) => word !== 'ro' && word !== 'rw'),
  }
}

/** `CONTAINER[:ro|rw|z|Z]` of --volumes-from. */
export function parseVolumesFrom(text: string): { readonly container: string, readonly readOnly: boolean } {
  const [container = '', mode = 'rw', more] = text.split(':')
  if (container === '') throw usage(`--volumes-from ${text}`, 'malformed volumes-from specification; write CONTAINER[:ro|rw]')
  if (more !== undefined || !/^(ro|rw|z|Z)(,(ro|rw|z|Z))*$/.test(mode)) throw usage(`--volumes-from ${text}`, `invalid mode: ${mode}; there are ro, rw`)
  return { container, readOnly: mode.split(',').includes('ro') }
}

/** @throws MountError when two mounts want one place */
export function checkMounts(mounts: readonly MountSpec[]): void {
  const seen = new Set<Bytes>()
  for (const mount of mounts) {
    if (seen.has(mount.target)) throw usage(`mount ${mount.target}`, `Duplicate mount point: ${mount.target}`)
    seen.add(mount.target)
  }
}

/** The source of a bind mount, whose links lead where they lead now; `-v` makes a directory of one that is not there, as docker does. */
export function bindSource(mount: MountSpec): Bytes {
  try {
    if (!existsSync(fsPath(mount.source))) mkdirSync(fsPath(mount.source), { recursive: true, mode: 0o755 })
    return realpathSync.native(fsPath(mount.source), { encoding: 'latin1' })
  } catch (error) {
    throw failure(`mount ${mount.source} on ${mount.target}`, codeOf(error) ?? 'EIO', 'the directory of the host cannot be used')
  }
}
