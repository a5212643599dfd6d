/** One value that goes into one file of a group. */
export interface Setting {
  readonly controller: string
  /** The first that the kernel has is written. */
  readonly files: readonly string[]
  readonly value: string
  /** What asked for it, for people: `--memory`. */
  readonly option: string
  /** What is written when the kernel has none of the files. */
  readonly orElse?: Setting
}

/** A row for `settings`. */
export type Row = readonly [option: string, file: string | readonly string[], value: string | number | undefined]

/** Settings of what is not undefined, in the order given. */
export function settings(controller: string, rows: readonly Row[]): Setting[] {
  return rows.flatMap(([option, file, value]) => value === undefined ? []
    : [{ controller, files: typeof file === 'string' ? [file] : file, value: String(value), option }])
}
