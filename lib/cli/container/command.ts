/**
 * A command about containers: docker's ways with flags, and the state root.
 */
import { Command } from 'commander'
import { stateRoot, type StateRoot } from '../../engine/store/root.js'
import { textOf } from '../../engine/text.js'

/** Values of a flag that may be given more than once. */
export const many = (value: string, all: readonly string[] = []): string[] => [...all, value]

/** Values of truth as docker's flags take them. Source: Go's strconv.ParseBool. */
const TRUTH: Readonly<Record<string, boolean>> = {
  1: true, t: true, T: true, true: true, TRUE: true, True: true, 0: false, f: false, F: false, false: false, FALSE: false, False: false,
}

/**
 * A command whose switches may be written `--rm=true`, `-i=false` as well, and whose `-h` is not help: docker's `run -h` is the
 * host name. With `program` all that comes after the first word that is no flag belongs to a
 * program; with `runs` its exit code becomes ours as well.
 */
export class ContainerCommand extends Command {
  readonly #takesProgram: boolean
  /** Its exit code is that of the program it runs. */
  readonly runsProgram: boolean
  /** An ordinary user runs it in his user namespace: own-namespace.ts. */
  readonly inNamespace: 'makes' | 'enters' | undefined

  constructor(name: string, options: { readonly program?: true, readonly runs?: true, readonly inNamespace?: 'makes' | 'enters' } = {}) {
    super(name)
    this.#takesProgram = options.program === true || options.runs === true
    this.runsProgram = options.runs === true
    this.inNamespace = options.inNamespace
    this.helpOption('--help', 'say what there is')
    this.helpGroup('Containers:')
    if (this.#takesProgram) this.passThroughOptions()
  }

  override parseOptions(words: string[]): { operands: string[], unknown: string[] } {
    return super.parseOptions(this.#plain(words))
  }

  /** Switches with a value as commander has them: there, or not. */
  #plain(words: readonly string[]): string[] {
    const plain: string[] = []
    for (let at = 0; at < words.length; at++) {
      const word = words[at]!
      if (word === '--' || (!word.startsWith('-') && this.#takesProgram)) return [...plain, ...words.slice(at)]
      const [, flag, value] = /^(--?[a-z-]+)=(.*)$/.exec(word) ?? []
      const option = this.options.find((each) => [each.short, each.long].includes(flag ?? word))
      const truth = value === undefined ? undefined : TRUTH[value]
      const negation = flag?.replace(/^--/, '--no-')
      if (truth !== undefined && (option?.isBoolean() === true || this.options.some(({ long }) => long === negation))) {
        if (option !== undefined && truth) plain.push(flag!)
        if (option === undefined && !truth) plain.push(negation!)
        continue
      }
      // `-e=A=1` is `-e A=1`.
      if (option?.required === true && flag === option.short && value !== undefined) {
        plain.push(flag!, value)
        continue
      }
      plain.push(word)
      // What follows is its value, whatever it looks like.
      if (option?.required === true && flag === undefined && at + 1 < words.length) plain.push(words[++at]!)
    }
    return plain
  }
}

/** The state root that `--root` before the command names. */
export function rootOf(command: Command): StateRoot {
  let top = command
  while (top.parent !== null) top = top.parent
  const { root } = top.opts<{ root?: string }>()
  return stateRoot(root === undefined ? undefined : textOf(root))
}
