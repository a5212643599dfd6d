/** Our standard input, which may be a terminal: ours, or that of somebody who stands at it for us (warm/terminal.ts). */
import { makeRaw } from './raw-mode.js'

/** Somebody else's terminal; what is typed there comes on descriptor 0, which is none. */
export interface OtherTerminal {
  /** @returns what puts it back */
  readonly makeRaw: () => () => void
  /** From now on what is typed is for us. */
  readonly begin: () => void
}

let other: OtherTerminal | undefined

/** Standard input is somebody else's terminal. */
export function inputIsAt(terminal: OtherTerminal): void {
  other = terminal
}

/** Whether standard input is a terminal. */
export function inputIsTerminal(): boolean {
  return other !== undefined || process.stdin.isTTY
}

/** Make it raw, before anything is read. @returns what puts it back */
export function rawInput(): () => void {
  return other === undefined ? makeRaw(process.stdin.fd) : other.makeRaw()
}

/** The stream, to be read. */
export function standardInput(): NodeJS.ReadStream {
  other?.begin()
  return process.stdin
}
