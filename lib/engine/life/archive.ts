/** Parts of a container's root as tar streams: `cp CONTAINER:PATH -`, `cp - CONTAINER:PATH`, `export`. */
import type { Readable, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { Errno } from '../../os/errno.js'
import type { Bytes } from '../../os/native.js'
import { sys } from '../../os/native.js'
import { S_IFDIR } from '../../os/stat.js'
import { codeOf, failure } from '../error.js'
import { Inside } from '../rootfs/inside.js'
import { isMounted, rootfsPath } from '../rootfs/mount.js'
import { TarReader } from '../rootfs/tar-in.js'
import { TarWriter } from '../rootfs/tar-out.js'
import type { Container } from '../store/record.js'
import { baseName, shift, withRoot } from './copy.js'

/** The library is loaded when it is needed: most commands never do. */
const library = (): Promise<typeof import('tar-stream')> => import('tar-stream')

/** Write a file or a directory as a tar stream. @throws MountError */
export async function packPath(container: Container, path: Bytes, followLink: boolean, out: Writable): Promise<void> {
  const tried = `cp ${container.record.name}:${path} -`
  await withRoot(container, (root, maps) => inRoot(root, tried, async (inside) => {
    const place = inside.locate(path, followLink || /(^|\/)\.?$/.test(path))
    try {
      if (place.kind === undefined) throw failure(tried, 'ENOENT', `Could not find the file ${path} in container ${container.record.name}`)
      if (place.kind !== S_IFDIR && path.endsWith('/')) throw failure(tried, 'ENOTDIR', `${path} is no directory`)
      const name = baseName(path)
      await pack(out, maps === undefined ? undefined : shift(maps, false), (writer) => (
        writer.put(place.dirfd, place.name, ['', '..'].includes(name) ? '.' : name)))
    } finally {
      sys.close(place.dirfd)
    }
  }))
}

/** Write all of a container's root, without what is mounted in it. @throws MountError */
export async function exportRoot(container: Container, out: Writable): Promise<void> {
  const tried = `export ${container.record.name}`
  const { idMaps } = container.record.host
  const write = (root: Bytes, shifted: boolean): Promise<void> => inRoot(root, tried, async (inside) => {
    const { dirfd } = inside.locate('/', true)
    try {
      await pack(out, shifted && idMaps !== undefined ? shift(idMaps, false) : undefined, (writer) => writer.put(dirfd, '', ''))
    } finally {
      sys.close(dirfd)
    }
  })
  // The mount of one that runs is seen by its own namespace with more in it; here it is bare.
  if (isMounted(container.dir)) return write(rootfsPath(container.dir), true)
  await withRoot(container, (root) => write(root, false))
}

/** Unpack a tar stream into a directory of the container's. @throws MountError when there is none, or the stream is none */
export async function unpackInto(container: Container, path: Bytes, archive: boolean, input: Readable): Promise<void> {
  const tried = `cp - ${container.record.name}:${path}`
  await withRoot(container, (root, maps) => inRoot(root, tried, async (inside) => {
    const place = inside.locate(path, true)
    sys.close(place.dirfd)
    if (place.kind === undefined) throw failure(tried, 'ENOENT', `no such directory: ${path}`)
    if (place.kind !== S_IFDIR) throw failure(tried, 'ENOTDIR', `extraction point is not a directory: ${path}`)
    const reader = new TarReader(inside, path, { archive, ...(maps === undefined ? {} : { ids: shift(maps, true) }) })
    const { extract } = await library()
    const entries = extract({ filenameEncoding: 'latin1' })
    const fed = pipeline(input, entries)
    // Whoever fails first destroys the other, and is told below.
    fed.catch(() => undefined)
    for await (const entry of entries) await reader.take(entry.header, entry)
    await fed
    reader.finish()
  }))
}

/** @param put puts trees into the stream */
async function pack(out: Writable, ids: ConstructorParameters<typeof TarWriter>[1], put: (writer: TarWriter) => Promise<void>): Promise<void> {
  const stream = (await library()).pack()
  const gone = pipeline(stream, out, { end: false })
  gone.catch(() => undefined)
  try {
    await put(new TarWriter(stream, ids))
    stream.finalize()
  } catch (error) {
    stream.destroy(error as Error)
    throw error
  }
  await gone
}

/** What the system, the stream or the library refuse, in a line. */
async function inRoot(root: Bytes, tried: string, work: (inside: Inside) => Promise<void>): Promise<void> {
  const inside = new Inside(root)
  try {
    await work(inside)
  } catch (error) {
    if (error instanceof Errno) throw failure(tried, error.code, `${error.syscall} ${error.path} failed`)
    const code = codeOf(error)
    // Who read it has enough.
    if (code === 'EPIPE' || code === 'ERR_STREAM_PREMATURE_CLOSE') throw failure(tried, 'EPIPE', 'the stream ended in the middle')
    if (error instanceof Error && /tar header|Unexpected end of data/i.test(error.message) && error.name === 'Error') throw failure(tried, 'EINVAL', `this is no tar stream: ${error.message}`)
    throw error
  } finally {
    inside.close()
  }
}
