/** The truth: one ordinary directory holding what a user of the union would see. */
import type { Subject } from './subject.js'

export const plain: Subject = {
  name: 'plain',
  format: null,
  weak: {},
  unavailable: () => Promise.resolve(null),
  mount: () => Promise.resolve({ pid: null, unmount: () => Promise.resolve([]) }),
}
