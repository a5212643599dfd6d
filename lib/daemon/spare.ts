/**
 * The warm spare: a daemon without a mount that waits for its request. native/start/spare.c asks it.
 */
import type { Taken } from './attend.js'
import { rehearse } from './rehearse.js'
import { adopt, isLikeUs, standBy } from './standby.js'
import { readRequest, type Request } from './starter.js'

/**
 * Wait for a request at the socket `path`.
 * @param seconds after so long it is over
 * @returns undefined when none came: time is up, a signal came, there is another spare. The socket is gone in any case.
 */
export async function waitForRequest(path: string, seconds: number): Promise<Taken | undefined> {
  const taken = await standBy(path, {
    seconds, title: `tsaufs spare ${path}`, fds: [2], admit, rehearse: (staging) => rehearse(staging, admit),
  })
  if (taken !== undefined) adopt(taken.request)
  return taken
}

/** The request on `socket`, from process `pid`; undefined when we cannot stand in for a process he starts. */
function admit(socket: number, pid: number): Request | undefined {
  try {
    const request = readRequest(socket)
    return isLikeUs(pid, request.env) ? request : undefined
  } catch {
    return undefined
  }
}
