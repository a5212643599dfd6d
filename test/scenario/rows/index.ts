/** All rows, by what they are about. */
import type { Row } from '../row.js'
import { branchRows } from './branches.js'
import { cacheRows } from './cache.js'
import { copyUpRows } from './copy-up.js'
import { createRows } from './create.js'
import { formatRows } from './formats.js'
import { ioRows } from './io.js'
import { linkRows } from './link.js'
import { permRows } from './perms.js'
import { placementRows } from './placement.js'
import { readdirRows } from './readdir.js'
import { renameRows } from './rename.js'
import { timeRows } from './times.js'
import { unlinkedRows } from './unlinked.js'
import { vectorRows } from './vectors.js'
import { xattrRows } from './xattr.js'

export const allRows: readonly Row[] = [
  ...vectorRows, ...createRows, ...renameRows, ...linkRows, ...xattrRows, ...permRows, ...copyUpRows, ...readdirRows, ...unlinkedRows,
  ...ioRows, ...timeRows, ...cacheRows, ...branchRows, ...formatRows, ...placementRows,
]
