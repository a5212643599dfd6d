/**
 * A command line that was started in advance and waits for its words; native/start/command.c finds it, and describes what is said.
 * It runs one command, as a process that was started for it would, and ends.
 */
import { closeSync, readFileSync, statSync } from 'node:fs'
import { adopt, isLikeUs, standBy } from '../../daemon/standby.js'
import { Fields } from '../../daemon/starter.js'
import { sys, type Bytes } from '../../os/native.js'
import { main, program as commandsOf } from '../program.js'
import { rehearse } from './rehearse.js'
import { terminalOf } from './terminal.js'

/** The verb of a process that waits. */
export const WARM = 'container-warm'

const STARTER_FD = 3
const STANDARD_FDS = [0, 1, 2]

/** A command, and what a process that was started for it would have inherited. */
interface Request {
  readonly words: readonly Bytes[]
  readonly umask: number
  readonly env: readonly Bytes[]
  /** Descriptor 0 stands for the client's terminal. */
  readonly terminal: boolean
}

/**
 * Wait for one command and run it.
 * @param words how long to wait, the path of the socket, and which program this is: native/start says it of what it sees at the time
 */
export async function serveCommand([seconds, path = '', program = '']: readonly string[]): Promise<void> {
  closeSync(STARTER_FD)
  const commands = commandsOf()
  let outdated = false
  const admit = (socket: number, pid: number): Request | undefined => {
    try {
      const fields = new Fields(readFileSync(socket, 'latin1'))
      outdated = fields.get('program') !== program
      return outdated ? undefined : requestOf(fields, pid)
    } catch {
      return undefined
    }
  }
  const taken = await standBy(path, {
    seconds: Number(seconds), title: `tsaufs warm ${path}`, fds: STANDARD_FDS, admit, rehearse, over: () => outdated, ownPlace: true,
  })
  if (taken === undefined) return
  const { starter, socket, request } = taken
  sys.endWith(socket)
  adopt(request)
  process.title = ['tsaufs', ...request.words].join(' ')
  if (request.terminal) terminalOf(starter)
  process.once('exit', (code) => {
    // Who waits for the end of our output has it before the client has our exit code.
    for (const fd of STANDARD_FDS) closeSync(fd)
    starter.end(code, '')
  })
  await main(request.words, commands)
}

/** @returns undefined when we are not what a process of the client's would be. @throws Error when it is no request */
function requestOf(fields: Fields, pid: number): Request | undefined {
  const env = fields.all('env')
  if (!isLikeUs(pid, env) || !enter(fields.get('cwd'), pid)) return undefined
  return { words: fields.all('arg'), umask: parseInt(fields.get('umask'), 8), env, terminal: fields.get('input') === 'terminal' }
}

/** Go where the client is; false where its name does not lead there. */
function enter(cwd: Bytes, pid: number): boolean {
  process.chdir(Buffer.from(cwd, 'latin1').toString())
  const [here, there] = [statSync('.'), statSync(`/proc/${pid}/cwd`)]
  if (here.dev === there.dev && here.ino === there.ino) return true
  process.chdir('/')
  return false
}
