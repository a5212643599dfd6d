/** Creating and removing. */
import type { Row } from '../row.js'

export const createRows: readonly Row[] = [
  {
    name: 'create a file beside a lower one',
    given: { L1: { a: 'A' } },
    steps: [['write', 'b', 'B'], ['readdir', '.', ['a', 'b']]],
    merged: { a: 'A', b: 'B' },
    top: { aufs: ['b'], overlay: ['b'] },
  },
]
