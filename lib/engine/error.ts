/**
 * Refusals of the engine: one line for people, as everywhere (config/mount-error.ts), with docker's words in it.
 */
import { MountError, usage } from '../config/mount-error.js'

export { usage }

/** It was understood and failed. */
const FAILED = 1

/** Exit codes of `run` and `exec` that are not the program's. Source: docker-run(1), "Exit Status". */
export const RUN_EXIT = {
  /** The engine failed. */
  ENGINE: 125,
  /** The program cannot be executed. */
  CANNOT_EXECUTE: 126,
  /** There is no such program. */
  NOT_FOUND: 127,
} as const

/** A command that failed. @param tried what, on what @param advice the reason and the way out */
export function failure(tried: string, code: string, advice: string, exit: number = FAILED): MountError {
  return new MountError(tried, code, advice, exit)
}

/** There is no such container. */
export function noSuchContainer(command: string, ref: string): MountError {
  return failure(`${command} ${ref}`, 'ENOENT', `No such container: ${ref}; 'tsaufs ps -a' shows them`)
}

/** The errno name of what a call of node:fs threw, or undefined for anything else. */
export function codeOf(error: unknown): string | undefined {
  return error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined
}

/** A container that somebody has removed meanwhile needs nothing any more. @returns undefined then */
export async function unlessGone<T>(work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof MountError ? error.code === 'ENOENT' : codeOf(error) === 'ENOENT') return undefined
    throw error
  }
}
