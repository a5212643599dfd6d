/**
 * The union of one mount: its branches, its tree, its caches. Wiring; the rules are in the files beside it.
 */
import { sys, type Bytes } from '../os/native.js'
import { Errno, E, must } from '../os/errno.js'
import { S_IFREG, st } from '../os/stat.js'
import type { BranchSpec, MountConfig } from '../config/config.js'
import type { EventKind, StackEvent, UnionEvent } from './event.js'
import { Branch, type BranchUse } from './branch.js'
import { ControlObject } from './control-object.js'
import { DirFds } from './dirfds.js'
import { graft } from './graft.js'
import { Inos } from './ino.js'
import type { Kept } from './kept.js'
import { Ledger, unionPath } from './ledger.js'
import { Listings } from './listings.js'
import { DirNode, type Node } from './node.js'
import { Owners } from './owners.js'
import { dropData } from './copy-data.js'
import { seenMark } from './current.js'
import { Opens } from './opens.js'
import { Passthrough } from './passthrough.js'
import { entered, forsake, lookThrough, takeEvents } from './recheck.js'
import { place } from './place.js'
import type { CopyUpPolicy, CreatePolicy } from './policy/policy.js'
import { copyUpPolicy, createPolicy } from './policy/registry.js'
import { Asked } from './asked.js'
import { isSeenOn, nearestFit } from './reach.js'
import { openWatches, type Told, type Watches } from './watches.js'
import { beginUse, endUse } from './repair.js'
import { flushLinks } from './flush-links.js'
import { storeStats } from './stored-stat.js'
import { probeUserXattrs } from './xattr-keys.js'
import { Tree } from './tree.js'
import { aufs } from './whiteout/aufs.js'

const NAME_MAX = 255
const O_PATH = sys.constants['O_PATH']!
/** Entries of merged listings kept in memory, all directories together. */
const LISTING_ENTRIES = 250_000
/** Idle time after which open branch files are closed. */
const SWEEP_MS = 2000
/** How long requests that the kernel has queued may take to come. */
const FORGET_MS = 2

export type { Told } from './watches.js'
export type { StackEvent, UnionEvent } from './event.js'

export class Union {
  /** Replaced as a whole when options of the live mount change. */
  config: MountConfig
  /** Top first; replaced as a whole by takeStack(). */
  branches: readonly Branch[]
  /** Branches from this index on are those of grafts. */
  graftsFrom = Infinity
  /** Directories of grafts whose lists the kernel may keep: they are to be forgotten at the next change (graft.ts). */
  readonly graftsListed = new Set<number>()
  readonly tree: Tree
  readonly dirfds: DirFds
  readonly inos: Inos
  readonly ledger = new Ledger()
  readonly control = new ControlObject()
  readonly listings = new Listings(LISTING_ENTRIES)
  createPolicy: CreatePolicy
  copyUpPolicy: CopyUpPolicy
  /** Where a file goes whose branch is full (make-room.ts); null if it stays. */
  movePolicy: CreatePolicy | null
  readonly passthrough: Passthrough
  /** Who owns objects in the mount, where it is not who owns them on the branches. */
  readonly owners: Owners | null
  /** Although branches may change there are names that the kernel keeps: those on `rr` branches, also after a copy-up. */
  keepsNames: boolean
  /** udba=notify: what tells of direct changes; null also where there can be none. */
  watches: Watches | null
  /** What the kernel is to be told of direct changes. */
  told: Told | null = null
  /** What the kernel keeps of its own accord is looked after (kept.ts): with another udba than the mount began with. */
  kept: Kept | null = null
  /** Have the kernel forget what it has of a node; fulfilled when it has. */
  forget: (nodeid: number) => Promise<void> = () => Promise.resolve()
  /** Gets what direct changes did, and changes of the stack, while somebody listens. */
  listener: ((event: UnionEvent | StackEvent) => void) | null = null
  /** The mount began with udba=none: the kernel keeps more then, and has been told to look at nothing by itself. */
  readonly beganTrusting: boolean
  /** Which files are open; null where that is not told, as it makes no difference: without tiering. */
  readonly opens: Opens | null
  /** The kernel is told to stop asking at open: nothing is decided there. */
  readonly noOpen: boolean
  readonly noOpendir: boolean
  /** How many files this process may have open. */
  readonly fileLimit: number
  /** The node that `sys.stat` describes just now, if any: spares a statx right after a lookup. Gone with the request. */
  statOf: Node | null = null
  /** Node whose attributes() are in `sys.stat`, taken while its operation could still be undone. */
  shown: Node | null = null
  /** Nodes whose attributes the request in hand changes in a way the kernel does not expect: it is to be told. */
  readonly changed: number[] = []
  readonly #asked = new Asked(this)
  #sweeping: NodeJS.Timeout | null = null
  #branchIds: number

  private constructor(config: MountConfig, branches: readonly Branch[], watches: Watches | null) {
    this.config = config
    this.watches = watches
    this.branches = branches
    this.createPolicy = createPolicy(config.create)
    this.copyUpPolicy = copyUpPolicy(config.cpup)
    this.movePolicy = config.moveOnEnospc === null ? null : createPolicy(config.moveOnEnospc)
    this.#branchIds = branches.length
    const files = sys.prepareProcess()
    this.fileLimit = files
    this.dirfds = new DirFds(Math.max(16, Math.min(4096, files >> 2)))
    sys.dataLimit(Math.max(16, Math.min(4096, files >> 2)))
    this.inos = new Inos(branches[branches.length - 1]!.fsid)
    const all = branches.map(branch => branch.index)
    this.tree = new Tree(this.#makeRoot(all), node => { this.#dropped(node) })
    this.passthrough = new Passthrough(config.io === 'passthrough', config.udba === 'none')
    this.owners = Owners.of(config)
    sys.attrCapability(this.owners === null && config.xattrPermissions === undefined ? 1 : 0)
    this.keepsNames = watches !== null || trustsSome(config, branches)
    this.opens = branches.filter(({ spec, writable }) => spec.fhsm && writable).length > 1 ? new Opens() : null
    this.noOpen = config.io !== 'passthrough' && !this.#opensMatter()
    this.beganTrusting = config.udba === 'none'
    this.noOpendir = config.udba === 'none' && !branches.some(branch => branch.spec.copyOnOpen === 'all')
    entered(this, this.tree.root, null)
  }

  /**
   * Open and lock the branches, repair what a crash left on them, and stand ready.
   * @param report gets one line per repair
   * @param lock false: go on though another mount still has a writable branch; nothing is repaired then
   * @throws Errno EBUSY if another mount writes to a branch; what opening a branch gives
   */
  static open(config: MountConfig, report: (line: string) => void, lock = true): Union {
    const branches: Branch[] = []
    try {
      const use: BranchUse = { readOnly: config.readOnly, layers: config.dropIn === true, lock }
      config.branches.forEach((spec, index) => { branches.push(new Branch(spec, index, use)) })
      const top = branches.find(branch => branch.writable)
      if (top !== undefined) probeUserXattrs(top.lockFd)
      sys.noStoredStat()
      storeStats(branches, config.xattrPermissions)
      for (const branch of branches) if (branch.writable && lock) beginUse(branch, report)
      return new Union(config, branches, openWatches(config, branches, report))
    } catch (error) {
      for (const branch of branches) branch.close()
      throw error
    }
  }

  /** An id for one more branch. */
  takeBranchId(): number {
    return this.#branchIds++
  }

  /** Another stack from now on; its caller sees to everything that holds places of branches (stack/restack.ts). */
  takeStack({ branches, config, watches }: Pick<Union, 'branches' | 'config' | 'watches'>): void {
    if (config.create !== this.config.create) this.createPolicy = createPolicy(config.create)
    if (config.cpup !== this.config.cpup) this.copyUpPolicy = copyUpPolicy(config.cpup)
    this.branches = branches
    this.config = config
    this.watches = watches
    branches.forEach((branch, place) => { branch.index = place })
    this.keepsNames ||= watches !== null || trustsSome(config, branches)
    this.statOf = null
    this.shown = null
  }

  /** Is there anything to be written at all? */
  get writable(): boolean {
    return this.branches.some(branch => branch.writable)
  }

  /**
   * Longest name that may be created: the whiteout for it must fit on every branch that may get it. An engine's containers
   * have the names that they have with other programs: what lies on no layer needs no whiteout.
   */
  get nameMax(): number {
    if (this.config.dropIn === true) return NAME_MAX
    const each = this.branches.filter(branch => branch.writable).map(branch => branch.format.nameMax)
    return Math.min(NAME_MAX, ...(each.length > 0 ? each : [aufs.nameMax]))
  }

  /** An open must be seen when it copies up (coo, moo), or when files above all writable branches cannot be written. */
  #opensMatter(): boolean {
    const first = this.branches.findIndex(branch => branch.writable)
    return first > 0 || this.opens !== null || this.branches.some(branch => branch.spec.copyOnOpen !== 'none')
  }

  #makeRoot(all: number[]): DirNode {
    const lowest = this.branches[all.length - 1]!
    must(sys.statx(lowest.fd, ''), 'statx', lowest.spec.path)
    return new DirNode(this.inos.of(lowest.fsid, st.inoLow, st.inoHigh), null, '', all)
  }

  /** A further stack of read-only branches (graft.ts). @returns the name that leads to it @throws Errno */
  graft(secret: string, specs: readonly BranchSpec[]): Bytes {
    return graft(this, secret, specs)
  }

  /** Nothing will be written any more, though something goes on being served: give the writable branches back. */
  retire(): void {
    for (const branch of this.branches) {
      if (!branch.writable || branch.retired) continue
      endUse(branch)
      branch.unlock()
    }
  }

  #dropped(node: Node): void {
    if (node.isDir()) {
      this.watches?.forget(this, node)
      this.dirfds.dropAll(node)
      this.listings.drop(node)
    } else if (node.kind === S_IFREG) {
      this.passthrough.letGo(node)
      sys.dataDrop(node.id)
      if (node.copy !== null) dropData(this.branches[node.copy.branch]!, node.copy.data)
    }
  }

  /**
   * Seconds the kernel may keep a name or its attributes; Infinity or 0 by udba and branch. 0 for a passed-through file
   * that is open for writing: of what is written through a mapping of it nobody is told, not even the kernel's FUSE side.
   */
  timeout(node: Node): number {
    if (node.pass !== null && node.pass.writers > 0) return 0
    if (this.config.udba === 'none' || (this.watches !== null && this.watches.keeps(node))) return Infinity
    const branches = node.isDir() ? node.branches : [node.top]
    return branches.every(b => this.branches[b]!.spec.perm === 'rr') ? Infinity : 0
  }

  /**
   * The same for a name that is not there. Where the directory may get a part on a writable branch, there is no telling
   * the kernel then that the name may come to be.
   */
  absenceTimeout(dir: DirNode, name: Bytes): number {
    if (this.watches !== null && this.trusted(dir)) return this.watches.keepAbsent(this, dir, name)
    return this.#trustsAbsence ? this.timeout(dir) : 0
  }

  /** May the kernel have kept of some name in the directory that it is not there? */
  keepsAbsent(dir: DirNode): boolean {
    if (this.watches !== null && this.watches.absent.has(dir)) return true
    return this.#trustsAbsence && this.timeout(dir) > 0
  }

  /** With another udba nobody knows which to take back; where it began with none all are given up (daemon/stack/read-only.ts). */
  get #trustsAbsence(): boolean {
    return this.config.udba === 'none' ? this.beganTrusting : !this.writable
  }

  /** Is every change of a directory told, so that what is known of it holds: it is ours alone, or watched? */
  trusted(dir: DirNode): boolean {
    return this.config.udba === 'none' || (this.watches !== null && this.watches.isTrusted(dir))
  }

  /** Take in what has been told of the branches. @returns whether there was anything @throws Errno */
  takeEvents(): boolean {
    return takeEvents(this)
  }

  /**
   * Look through directories that have changed as a whole.
   * @param all until there are none; else for a moment
   * @returns whether there are more
   */
  lookThrough(all: boolean): boolean {
    return this.watches !== null && this.watches.pending.size > 0 && lookThrough(this, all)
  }

  /**
   * Something happened that somebody may want to know (event.ts). Costs nothing while nobody listens.
   * @param node what had the name, if it was replaced or is gone
   */
  note(event: EventKind, dir: DirNode | null = null, name: Bytes = '', branch = -1, node: Node | null = null): void {
    if (this.listener === null) return
    const above = dir === null ? '' : unionPath(dir)
    const path = name === '' ? above : `${above === '/' ? '' : above}/${name}`
    const open = node !== null && node.kind === S_IFREG && sys.dataFd(node.id, 0) >= 0
    this.listener({ event, path, branch: this.branches[branch]?.spec.path ?? '', open })
  }

  /**
   * The branch for a new entry in `dir`: what the policy wants, or the nearest writable one above on which it would be seen.
   * @throws Errno EROFS; EIO, ... of a branch that cannot be asked
   */
  creationBranch(dir: DirNode, name: Bytes, makesDir = false): Branch {
    const wanted = this.createPolicy(this.#asked.of(dir, makesDir))
    const b = wanted === dir.top ? wanted : nearestFit(this, wanted, each => isSeenOn(this, dir, name, each))
    if (b < 0) throw new Errno(E.EROFS, 'create', dir.name)
    return this.branches[b]!
  }

  /** A node has a copy on another branch now: nobody may go on using the old file. */
  moved(node: Node, branch: number): void {
    node.top = branch
    this.statOf = null
    node.seen = this.#markOf(node)
    if (this.keepsNames) this.changed.push(node.id)
    node.parent?.listing?.relocate(node.name, branch)
    for (const { dir, name } of node.aliases ?? []) dir.listing?.relocate(name, branch)
    if (node.kind !== S_IFREG) return
    this.passthrough.letGo(node)
    sys.dataDrop(node.id)
  }

  /** The mark of a node that is new on its branch; nobody else looks with udba=none. */
  #markOf(node: Node): number {
    if (this.config.udba === 'none' || node.parent === null) return 0
    const at = place(this, node)
    return sys.statx(at.dirfd, at.name) < 0 ? 0 : seenMark()
  }

  /**
   * `name` no longer shows this node (changed behind our back). Without another name it is as if deleted: it goes on with
   * what is open of it, a file of the data table or the topmost directory; without any its users get ESTALE.
   */
  vanish(node: Node, dir: DirNode, name: Bytes): void {
    if (node.parent === null) return
    forsake(this, node, dir, name)
    if (node.aliases === null && node.fd < 0) this.#holdOn(node)
    this.tree.unlink(node, dir, name)
  }

  #holdOn(node: Node): void {
    if (node.isDir()) {
      const fd = this.dirfds.take(node, node.top)
      this.forgetParts(node)
      if (fd !== undefined) this.tree.hold(node, fd)
      return
    }
    const open = node.kind === S_IFREG ? sys.dataFd(node.id, 0) : -1
    const fd = open < 0 ? -1 : sys.reopen(open, O_PATH)
    if (fd >= 0) this.tree.hold(node, fd)
  }

  /** The directory is no longer on branch `b`, which was not its top. */
  losePart(node: DirNode, b: number): void {
    node.branches = node.branches.filter(each => each !== b)
    this.dirfds.drop(node, b)
    sys.attrForget(node.id)
  }

  /** What is left of a directory without a name is the open object: an empty directory on one branch. */
  forgetParts(node: DirNode): void {
    this.watches?.leave(this, node)
    this.listings.drop(node)
    node.listing = null
    node.paths = null
    this.dirfds.dropAll(node)
    node.branches = [node.top]
  }

  /** An open file was put into the data table: look now and then whether it is still used. */
  dataUsed(): void {
    if (this.#sweeping !== null) return
    this.#sweeping = setTimeout(() => {
      this.#sweeping = null
      if (sys.dataSweep() > 0) this.dataUsed()
    }, SWEEP_MS)
    this.#sweeping.unref()
  }

  /**
   * Out of space, while deleted files are held open: the kernel may have given them up already, but sends that behind the
   * requests of later calls. @returns a promise for when those had their time, or null if nothing is to be expected
   */
  spaceToCome(errno: number): Promise<void> | null {
    if ((errno !== E.ENOSPC && errno !== E.EDQUOT) || this.tree.held === 0) return null
    return new Promise(resolve => { setTimeout(resolve, FORGET_MS) })
  }

  /** After every request: close what was evicted during it. */
  afterRequest(): void {
    this.statOf = null
    this.shown = null
    this.dirfds.endRequest()
  }

  /** Unmounted: close everything, leave nothing of ours on the branches but what the union needs again. */
  close(): void {
    if (this.#sweeping !== null) clearTimeout(this.#sweeping)
    for (const branch of this.branches) if (branch.writable && branch.format.writesInPlace) flushLinks(this, branch)
    for (const node of this.tree.nodes()) {
      if (node.fd >= 0) sys.close(node.fd)
      sys.dataDrop(node.id)
      sys.attrForget(node.id)
    }
    this.dirfds.clear()
    this.watches?.close()
    this.retire()
    for (const branch of this.branches) branch.close()
  }
}

function trustsSome(config: MountConfig, branches: readonly Branch[]): boolean {
  return config.udba !== 'none' && branches.some(branch => branch.spec.perm === 'rr')
}
