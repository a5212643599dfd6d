/** All subjects. The plain directory comes first: the others are compared with what it did. */
import type { Subject } from './subject.js'
import { plain } from './plain.js'
import { overlayfs } from './overlayfs.js'
import { fuseOverlayfs } from './fuse-overlayfs.js'
import { fuseNative } from './fuse-native.js'
import { tsaufsSubjects } from './tsaufs.js'

export const subjects: readonly Subject[] = [plain, overlayfs, fuseOverlayfs, ...tsaufsSubjects, fuseNative]
