/**
 * Every form at once: what fuse-overlayfs writes (depending on its rights, and for an opaque directory several marks side
 * by side), and what a store holds that several programs have written to. What we write ourselves is aufs's form, which
 * all of them read. Source: containers/fuse-overlayfs, main.c.
 */
import { aufs } from './aufs.js'
import type { WhiteoutFormat } from './format.js'

export const every: WhiteoutFormat = { ...aufs, name: 'fuse-overlayfs', inPlace: true, attributes: true }
