/** All rows, by what they are about. */
import type { Row } from '../row.js'
import { createRows } from './create.js'
import { vectorRows } from './vectors.js'

export const allRows: readonly Row[] = [...vectorRows, ...createRows]
