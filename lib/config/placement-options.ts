/** Options that say which branch is written. */
import { COPY_UP_POLICIES, CREATE_POLICIES, parsePolicy, shapes } from './policies.js'
import type { OptionRow } from './options.js'

/** Rows of the option table. */
export const PLACEMENT_ROWS: readonly OptionRow[] = [
  {
    name: 'create', aliases: ['create_policy'], argument: 'value', fallback: 'tdp', status: 'implemented',
    help: `branch for new objects: ${shapes(CREATE_POLICIES)}`,
    apply: (draft, value, name) => { draft.settings.create = parsePolicy(CREATE_POLICIES, name, value) },
  },
  {
    name: 'cpup', aliases: ['copyup', 'copyup_policy'], argument: 'value', fallback: 'tdp', status: 'implemented',
    help: `branch for copies: ${shapes(COPY_UP_POLICIES)}`,
    apply: (draft, value, name) => { draft.settings.cpup = parsePolicy(COPY_UP_POLICIES, name, value) },
  },
  {
    name: 'statfs_omit_ro', argument: 'none', status: 'implemented', help: 'sum, but only of writable branches',
    apply: ({ settings }) => { settings.sum = settings.sumOmitsRo = true },
  },
]
