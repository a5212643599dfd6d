/**
 * A mount request in whichever of its two languages it is written.
 */
import type { Bytes } from '../os/native.js'
import { parseOverlay } from './overlay.js'
import { parseMount, type MountRequest, type ParsedMount } from './parse.js'

/** The configuration that is asked for: parseMount, or parseOverlay for a drop-in. @throws MountError */
export function parseRequest(request: MountRequest, nativelyReadOnly: (path: Bytes) => boolean): ParsedMount {
  return request.dropIn === true ? parseOverlay(request) : parseMount(request, nativelyReadOnly)
}
