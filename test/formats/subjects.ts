/** Subjects whose writable branch has overlayfs's form, written by turns. */
import { tsaufsSubjects } from '../scenario/subjects/tsaufs.js'
import { runProgram, unmountAt, type Setup, type Subject } from '../scenario/subjects/subject.js'

const tsaufs = tsaufsSubjects[0]!

/** tsaufs with the first branch in overlayfs's form; `attribute` says how it is told so. */
export function tsaufsOn(attribute: string): Subject {
  return {
    ...tsaufs,
    format: 'overlay',
    mount: (setup) => tsaufs.mount({ ...setup, branches: setup.branches.map((b) => ({ ...b, perm: b.perm.replace(/^rw/, `rw${attribute}`) })) }),
  }
}

/** The kernel's, with these options beside its directories. */
export function kernel(options: string): Subject {
  return {
    name: 'overlayfs',
    format: 'overlay',
    weak: { d_ino: 'd_ino of hard links of its own upper directory is not always st_ino' },
    unavailable: () => Promise.resolve(process.getuid!() === 0 ? null : 'needs root'),
    async mount(setup: Setup) {
      const [top, ...lower] = setup.branches
      const work = `${setup.scratch}/work`
      // A work directory of its own for each mount: what is in it belongs to the kernel's index, which we do not write.
      await runProgram(['rm', '-rf', work])
      await runProgram(['mkdir', '-p', work])
      const dirs = `lowerdir=${lower.map((b) => b.path).join(':')},upperdir=${top!.path},workdir=${work}`
      const { code, err } = await runProgram(['mount', '-t', 'overlay', 'overlay', '-o', `${dirs},${options}`, setup.mountpoint])
      if (code !== 0) throw new Error(`mount -o ${options}: ${err.trim()}`)
      return { pid: null, unmount: () => unmountAt(setup.mountpoint) }
    },
  }
}

/** Each mount is another one's: what one has written, the next goes on with. */
export function byTurns(...subjects: readonly Subject[]): Subject {
  let turn = -1
  return {
    ...subjects[0]!,
    get weak() { return subjects[Math.max(turn, 0) % subjects.length]!.weak },
    mount: (setup) => subjects[++turn % subjects.length]!.mount(setup),
  }
}
