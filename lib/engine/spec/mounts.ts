/**
 * `-v`, `--mount`, `--tmpfs`: what people write, as MountSpec. Source: docker-run(1); docs.docker.com, "Bind mounts".
 */
import { existsSync, mkdirSync, realpathSync } from 'node:fs'
import type { Bytes } from '../../os/native.js'
import { absolute } from '../../config/syntax.js'
import { codeOf, failure, usage } from '../error.js'
import { fsPath } from '../text.js'
import type { MountSpec } from '../store/record.js'

const PROPAGATION = /^r?(private|shared|slave)$/
/** Words that mean something to SELinux, to Docker's volumes or to macOS, and nothing here. */
const IGNORED = new Set(['z', 'Z', 'cached', 'delegated', 'consistent', 'default', 'nocopy'])

function target(flag: string, path: Bytes): Bytes {
  if (!path.startsWith('/')) throw usage(flag, `invalid mount path: '${path}' mount path must be absolute`)
  const plain = absolute(path, '/')
  if (plain.split('/').includes('..')) throw usage(flag, `invalid mount path: '${path}' has '..' in it`)
  if (plain === '/') throw usage(flag, `invalid specification: destination can't be '/'`)
  return plain
}

/**
 * One `-v SOURCE:TARGET[:OPTIONS]`. Named and anonymous volumes are not kept by this engine.
 * @param cwd that a relative source begins at
 */
export function parseVolume(text: Bytes, cwd: Bytes): MountSpec {
  const flag = `--volume ${text}`
  const [source = '', to, words = '', more] = text.split(':')
  if (to === undefined) throw usage(flag, 'an anonymous volume is not kept by this engine; give a directory of the host: HOST-DIR:TARGET')
  if (more !== undefined || source === '' || to === '') throw usage(flag, `invalid volume specification: '${text}'; write HOST-DIR:TARGET[:OPTIONS]`)
  if (!/^[./~]/.test(source)) throw usage(flag, `'${source}' would be a named volume, which this engine does not keep; give a path, ./${source} or absolute`)
  let readOnly = false
  const options: string[] = []
  for (const word of words === '' ? [] : words.split(',')) {
    if (word === 'ro') readOnly = true
    else if (PROPAGATION.test(word) || word === 'rro') options.push(word)
    else if (word !== 'rw' && !IGNORED.has(word)) throw usage(flag, `invalid mode: ${word}; there are ro, rw and ${'[r]shared, [r]slave, [r]private'}`)
  }
  return { type: 'bind', source: absolute(source, cwd), target: target(flag, to), readOnly, options }
}

/** A field of `--mount`, which may be quoted as in CSV. */
function csvFields(text: Bytes): Bytes[] {
  return [...text.matchAll(/(?:^|,)("(?:[^"]|"")*"|[^,]*)/g)].map(([, field = '']) => (
    field.startsWith('"') ? field.slice(1, -1).replaceAll('""', '"') : field))
}

const isTrue = (value: string | undefined): boolean => value === undefined || value === 'true' || value === '1'

/** One `--mount type=bind,source=DIR,target=DIR,readonly`. */
export function parseMount(text: Bytes, cwd: Bytes): MountSpec {
  const flag = `--mount ${text}`
  let type = 'volume'
  let source = ''
  let to = ''
  let readOnly = false
  const options: string[] = []
  for (const field of csvFields(text)) {
    const at = field.indexOf('=')
    const key = (at < 0 ? field : field.slice(0, at)).toLowerCase()
    const value = at < 0 ? undefined : field.slice(at + 1)
    if (key === 'type') type = value ?? ''
    else if (key === 'source' || key === 'src') source = value ?? ''
    else if (key === 'target' || key === 'dst' || key === 'destination') to = value ?? ''
    else if (key === 'readonly' || key === 'ro') readOnly = isTrue(value)
    else if (key === 'bind-propagation' && PROPAGATION.test(value ?? '')) options.push(value!)
    else if (key === 'bind-nonrecursive') options.push(...(isTrue(value) ? ['bind'] : []))
    else if (key === 'tmpfs-size') options.push(`size=${value ?? ''}`)
    else if (key === 'tmpfs-mode') options.push(`mode=${value ?? ''}`)
    else if (key !== 'consistency') throw usage(flag, `unexpected key '${key}' in '${field}'; there are type, source, target, readonly, bind-propagation, bind-nonrecursive, tmpfs-size, tmpfs-mode`)
  }
  if (to === '') throw usage(flag, 'target is required')
  if (type === 'tmpfs' && source !== '') throw usage(flag, 'a tmpfs has no source')
  if (type === 'tmpfs') return { type, source, target: target(flag, to), readOnly, options }
  if (type !== 'bind') throw usage(flag, `mounts of type ${type} are not kept by this engine; there are type=bind and type=tmpfs`)
  if (source === '') throw usage(flag, 'source is required for type=bind')
  const mount: MountSpec = { type, source: absolute(source, cwd), target: target(flag, to), readOnly, options }
  if (!existsSync(fsPath(mount.source))) throw usage(flag, `bind source path does not exist: ${mount.source}`, 'ENOENT')
  return mount
}

/** One `--tmpfs TARGET[:OPTIONS]`. */
export function parseTmpfs(text: Bytes): MountSpec {
  const at = text.indexOf(':')
  const words = at < 0 ? [] : text.slice(at + 1).split(',').filter((word) => word !== '')
  for (const word of words) {
    if (/^(bind|rbind|move|remount)$/.test(word)) throw usage(`--tmpfs ${text}`, `invalid option ${word}`)
  }
  return {
    type: 'tmpfs', source: '', target: target(`--tmpfs ${text}`, at < 0 ? text : text.slice(0, at)), readOnly: words.includes('ro'),
    options: words.filter((word) => word !== 'ro' && word !== 'rw'),
  }
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
