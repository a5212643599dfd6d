/** A row of the benchmark: what is done to a mounted tree, and how the answer is to be read. */
import type { Mounted, Subject } from './subjects.js'
import type { Programs } from './programs.js'

/** One measurement. `serverNs`: processor time of the serving process for one operation; null for the kernel. */
export interface Sample {
  readonly value: number
  readonly serverNs: number | null
}

/** What `ops` printed, per operation. */
export interface Timed {
  readonly medianNs: number
  readonly meanNs: number
  readonly serverNs: number | null
}

/** What a row has to work with. */
export interface Bed {
  readonly subject: Subject
  readonly mounted: Mounted
  readonly programs: Programs
  /** An empty directory for files that are not of the tree. */
  readonly scratch: string
  /** What counts of steps and files are multiplied with. */
  readonly scale: number
  /** A number of steps or files, scaled; at least 2. */
  count(n: number): number
  /** One operation of ops.c in the mounted tree; in another directory if `dir` is given. */
  ops(op: string, n: number, args?: readonly string[], dir?: string): Promise<Timed>
  /** A shell command in the mounted tree, as one operation; it gets these variables too. */
  shell(script: string, env?: Readonly<Record<string, string>>): Promise<Timed>
  /** One more mount of the same read-only branches, with a writable one of its own; it is unmounted after the row. */
  mountAgain(): Promise<Mounted>
}

export type Group = 'micro' | 'macro' | 'scale'

export interface Row {
  readonly name: string
  readonly group: Group
  /** What one operation is. */
  readonly about: string
  /** Name of the trees below; see fixtures.ts. */
  readonly fixture: string
  /** `ns`: time per operation; `bytes`. */
  readonly unit: 'ns' | 'bytes'
  /** Whether it changes the tree: then the plain directory is a fresh copy. */
  readonly writes: boolean
  /** Whether the kernel's caches are dropped first. */
  readonly cold: boolean
  /** Whether the server that does nothing can take part. */
  readonly floor: boolean
  /** Subjects that cannot do this, with the reason. */
  readonly without: Readonly<Record<string, string>>
  run(bed: Bed): Promise<Sample>
}
