/** Options that say which branch is written. */
import { usage } from './mount-error.js'
import { COPY_UP_POLICIES, CREATE_POLICIES, parsePolicy, SEC_MAX, shapes } from './policies.js'
import type { PolicySpec } from './config.js'
import type { OptionRow } from './options.js'

/** What a bare `moveonenospc` means. */
const MOVE_DEFAULT = 'mfs:0'

/** `moveonenospc`, with mergerfs's `true` and `false` beside the policies. */
function movePolicy(value: string, name: string): PolicySpec | null {
  if (value === 'false') return null
  return parsePolicy(CREATE_POLICIES, name, value === '' || value === 'true' ? MOVE_DEFAULT : value)
}

/** Rows of the option table. */
export const PLACEMENT_ROWS: readonly OptionRow[] = [
  {
    name: 'create', aliases: ['create_policy'], argument: 'value', fallback: 'tdp', status: 'implemented', live: true,
    help: `branch for new objects: ${shapes(CREATE_POLICIES)}`,
    apply: (draft, value, name) => { draft.settings.create = parsePolicy(CREATE_POLICIES, name, value) },
  },
  {
    name: 'cpup', aliases: ['copyup', 'copyup_policy'], argument: 'value', fallback: 'tdp', status: 'implemented', live: true,
    help: `branch for copies: ${shapes(COPY_UP_POLICIES)}`,
    apply: (draft, value, name) => { draft.settings.cpup = parsePolicy(COPY_UP_POLICIES, name, value) },
  },
  {
    name: 'moveonenospc', argument: 'optional', fallback: 'off', status: 'implemented', live: true,
    help: `a file whose branch is full goes to another one and is written on there, by a create policy (${MOVE_DEFAULT})`,
    apply: ({ settings }, value, name) => { settings.moveOnEnospc = movePolicy(value, name) },
  },
  {
    name: 'fhsm_sec', argument: 'value', fallback: '30', status: 'implemented', live: true,
    help: "seconds between two looks of 'tsaufs fhsm' at how full the branches with +fhsm are",
    apply: ({ settings }, value, name) => {
      if (!/^\d{1,4}$/.test(value) || Number(value) < 1 || Number(value) > SEC_MAX) {
        throw usage(`option '${name}=${value}'`, `give a whole number of seconds from 1 to ${SEC_MAX}`)
      }
      settings.fhsmSec = Number(value)
    },
  },
  {
    name: 'statfs_omit_ro', argument: 'none', status: 'implemented', live: true, help: 'sum, but only of writable branches',
    apply: ({ settings }) => { settings.sum = settings.sumOmitsRo = true },
  },
]
