/** Every policy by its name (config/policies.ts has the same table, as typed). A new one is a file and a line in both. */
import type { CopyUpPolicyName, CreatePolicyName, PolicySpec } from '../../config/config.js'
import { bu } from './bu.js'
import { bup } from './bup.js'
import { epmfs } from './epmfs.js'
import { ff } from './ff.js'
import { lfs } from './lfs.js'
import { lus } from './lus.js'
import { mfs } from './mfs.js'
import { mfsrr } from './mfsrr.js'
import { newest } from './newest.js'
import { pmfs } from './pmfs.js'
import { pmfsrr } from './pmfsrr.js'
import type { CopyUpPolicy, CreatePolicy, PolicyArguments } from './policy.js'
import { rand } from './rand.js'
import { rr } from './rr.js'
import { tdmfs } from './tdmfs.js'
import { tdp, tdpCopyUp } from './tdp.js'

const CREATE: Readonly<Record<CreatePolicyName, (args: PolicyArguments) => CreatePolicy>> = {
  tdp: () => tdp, rr, mfs, mfsrr, tdmfs, pmfs, pmfsrr, epmfs, ff, lfs, lus, newest, rand,
}

const COPY_UP: Readonly<Record<CopyUpPolicyName, CopyUpPolicy>> = { tdp: tdpCopyUp, bup, bu }

/** A policy for new objects; it has a state of its own (rr). */
export function createPolicy(spec: PolicySpec): CreatePolicy {
  return CREATE[spec.name](spec)
}

/** A policy for copies. */
export function copyUpPolicy(spec: PolicySpec<CopyUpPolicyName>): CopyUpPolicy {
  return COPY_UP[spec.name]
}
