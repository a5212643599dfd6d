/** An attack of the launcher's security list: one configuration, run by tsaufs-init, runc and crun, and a word for what came of it. */
import { readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import type { ContainerPlanInput, OciConfig } from '../../../lib/engine/oci.js'
import type { Answer, Caller, Subject } from '../../helpers/subjects.js'

/** Where one launcher is attacked; each has a place of its own, so that what one breaks is not the other's. */
export interface Place {
  dir: string
  root: string
  /** A directory of the host that no container may touch; it holds one file, `secret`. */
  outside: string
}

export interface Row {
  point: number
  name: string
  prepare?: (place: Place) => void
  /** Shell script in the container, or its words. */
  script?: string | ((place: Place) => string)
  args?: string[]
  change?: (config: OciConfig, place: Place, subject: Subject) => void
  extras?: Partial<ContainerPlanInput>
  /** Who calls the launcher. */
  caller?: (place: Place) => Caller
  /** It runs in cgroups of its own, with docker's rules for devices. */
  groups?: true
  /** Under docker's default filter. */
  seccomp?: true
  cleanup?: (place: Place) => void
  read: (answer: Answer, place: Place) => string
  tsaufs: string
  runc: string
  crun: string
}

/** A column of the table in docs/security.md. */
export type Verdicts = Pick<Row, 'point' | 'name' | 'tsaufs' | 'runc' | 'crun'>

/** The same for all three. */
export const all = (word: string): Pick<Row, Subject> => ({ tsaufs: word, runc: word, crun: word })

/** The directory of the host is as it was. */
export function isUntouched(outside: string): boolean {
  return readdirSync(outside).join() === 'secret' && readFileSync(join(outside, 'secret'), 'utf8') === 'secret\n'
}

/** `refused` if it never ran, else `ran inside`; `touched` if the directory of the host is not as it was. */
export function outsideIs({ outside }: Place, answer: Answer): string {
  if (!isUntouched(outside)) return 'touched'
  return answer.out.includes('RAN') ? 'ran inside' : 'refused'
}

/** Make `name` of the root a link that leads out of it, to `outside` or what is in it. */
export const leadOut = (name: string, below = '') => ({ root, outside }: Place): void => {
  rmSync(join(root, name), { recursive: true, force: true })
  symlinkSync(`/../../../../../..${outside}${below}`, join(root, name))
}

/** A word if the output is exactly that, else the output, for a look. */
export const exactly = (wanted: string, word: string) => ({ out }: Answer): string => (out === wanted ? word : out)
