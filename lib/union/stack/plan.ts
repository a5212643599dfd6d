/**
 * What a change of the stack would show, found out from the branches alone: which names appear, vanish, or come from
 * another branch. Both stacks are read side by side, and only where they may differ.
 */
import type { Bytes } from '../../os/native.js'
import { S_IFDIR } from '../../os/stat.js'
import type { BranchSpec, MountConfig } from '../../config/config.js'
import { Branch } from '../branch.js'
import { mergeEntries } from '../listings.js'
import { closeFound, probe, type DirView, type Found, type Layers } from '../lookup.js'
import { rootView, touchedBetween, viewOfFound } from './compare.js'

/** Entries of branches that are looked at. */
export const LOOK_MAX = 200_000
/** Names that are told. */
export const TELL_MAX = 10_000

/** A name that would show something else; of a directory that appears or vanishes, all in it does. */
export interface NameChange {
  /** From the mount point, with a leading slash; directories end with one. */
  readonly path: Bytes
  /** The branch it comes from, null if it is not there. */
  readonly from: Bytes | null
  readonly to: Bytes | null
}

export interface Plan {
  readonly names: readonly NameChange[]
  /** The walk was ended at its bound: there may be more. */
  readonly cut: boolean
}

/** One branch of a stack to compare. */
export interface PlannedBranch {
  readonly id: number | null
  readonly spec: BranchSpec
}

type Side = 'old' | 'next'
type Views = Readonly<Record<Side, DirView>>

/** Compare two stacks. Nothing is locked, repaired or written. @throws Errno of a branch that cannot be opened or read */
export function plan(old: readonly PlannedBranch[], next: readonly PlannedBranch[], config: Pick<MountConfig, 'shwh'>): Plan {
  const open: Branch[] = []
  try {
    const stackOf = (list: readonly PlannedBranch[]): Layers => ({
      config,
      branches: list.map(({ id, spec }, place) => {
        const branch = new Branch(spec, place, { readOnly: true, id: id ?? -1 - place })
        open.push(branch)
        return branch
      }),
    })
    return new Comparison(stackOf(old), stackOf(next)).run()
  } finally {
    for (const branch of open) branch.close()
  }
}

interface Seen {
  readonly branch: number
  readonly isDir: boolean
}

class Comparison {
  readonly #stacks: Readonly<Record<Side, Layers>>
  /** Ids of branches that come, go, move or are read otherwise. */
  readonly #touched: ReadonlySet<number>
  readonly #names: NameChange[] = []
  #left = LOOK_MAX

  constructor(old: Layers, next: Layers) {
    this.#stacks = { old, next }
    this.#touched = touchedBetween(old.branches, next.branches)
  }

  run(): Plan {
    if (this.#touched.size > 0) this.#compare('', { old: rootView(this.#stacks.old), next: rootView(this.#stacks.next) })
    return { names: this.#names, cut: this.#isOver }
  }

  get #isOver(): boolean {
    return this.#left <= 0 || this.#names.length >= TELL_MAX
  }

  #compare(path: Bytes, views: Views): void {
    const old = this.#entries('old', views.old)
    const next = this.#entries('next', views.next)
    for (const name of [...new Set([...old.keys(), ...next.keys()])].sort()) {
      if (this.#isOver) return
      const was = old.get(name)
      const is = next.get(name)
      if (was?.isDir === true && is?.isDir === true) this.#enter(`${path}/${name}`, views, name)
      else if (was === undefined || is === undefined || this.#idOf('old', was) !== this.#idOf('next', is)) {
        const slash = is?.isDir ?? was?.isDir ? '/' : ''
        this.#names.push({ path: `${path}/${name}${slash}`, from: this.#pathOf('old', was), to: this.#pathOf('next', is) })
      }
    }
  }

  #idOf(side: Side, { branch }: Seen): number {
    return this.#stacks[side].branches[branch]!.id
  }

  #pathOf(side: Side, seen: Seen | undefined): Bytes | null {
    return seen === undefined ? null : this.#stacks[side].branches[seen.branch]!.spec.path
  }

  #entries(side: Side, view: DirView): Map<Bytes, Seen> {
    const names = new Map<Bytes, Seen>()
    const addIfNew = (name: Bytes, _hash: number, branch: number, type: number): void => {
      this.#left--
      if (!names.has(name)) names.set(name, { branch, isDir: type === S_IFDIR >> 12 })
    }
    mergeEntries(this.#stacks[side], view, () => ({ addIfNew, whited: () => undefined }))
    return names
  }

  /** A directory in both: compared if a touched branch has part in it, or may have by a redirect. */
  #enter(path: Bytes, views: Views, name: Bytes): void {
    const found: Partial<Record<Side, Found>> = {}
    try {
      for (const side of ['old', 'next'] as const) {
        const one = probe(this.#stacks[side], views[side], name)
        if (one === null || one.kind !== S_IFDIR) return
        found[side] = one
      }
      if (!this.#mayDiffer('old', found.old!) && !this.#mayDiffer('next', found.next!)) return
      const viewOf = (side: Side): DirView => viewOfFound(this.#stacks[side], found[side]!, views[side], name)
      this.#compare(path, { old: viewOf('old'), next: viewOf('next') })
    } finally {
      for (const one of Object.values(found)) closeFound(one)
    }
  }

  #mayDiffer(side: Side, { branches }: Found): boolean {
    const all = this.#stacks[side].branches
    return branches.some((b) => this.#touched.has(all[b]!.id)
      || (all[b]!.whiteable && all.some((below, place) => place > b && this.#touched.has(below.id))))
  }
}
