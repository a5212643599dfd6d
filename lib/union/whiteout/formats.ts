/** The registry of formats, by the name `+fmt=` gives them. */
import type { FormatName } from '../../config/config.js'
import { aufs } from './aufs.js'
import { every } from './every.js'
import type { WhiteoutFormat } from './format.js'
import { overlay } from './overlay.js'

export const formats: Readonly<Record<FormatName, WhiteoutFormat>> = { auto: every, aufs, overlay, 'fuse-overlayfs': every }
