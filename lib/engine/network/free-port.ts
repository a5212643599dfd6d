/**
 * Whether a port of the host is free: for programs of the host by asking the kernel for it for a moment, for containers by the table.
 */
import { createSocket } from 'node:dgram'
import { createServer } from 'node:net'
import { networkError } from './tools.js'
import { outside } from './ports.js'
import type { PortRequest, Protocol, PublishedPort } from './ports.js'

/** Bind a port (0: any) and let it go. @returns its number, or the errno name */
function probe(protocol: Protocol, ip: string, port: number): Promise<number | string> {
  const address = ip === '' ? '0.0.0.0' : ip
  return new Promise(resolve => {
    const failed = (error: NodeJS.ErrnoException): void => resolve(error.code ?? 'EIO')
    if (protocol === 'udp') {
      const socket = createSocket('udp4').once('error', failed)
      socket.bind({ port, address, exclusive: true }, () => {
        const { port: bound } = socket.address()
        socket.close(() => resolve(bound))
      })
      return
    }
    // For sctp, which node does not speak, the number of a tcp port is as good as any.
    const server = createServer().once('error', failed)
    server.listen({ port, host: address, exclusive: true }, () => {
      const { port: bound } = server.address() as { port: number }
      server.close(() => resolve(bound))
    })
  })
}

/** Two published ports cannot both be had. */
function clash(a: Omit<PublishedPort, 'port'>, b: Omit<PublishedPort, 'port'>): boolean {
  return a.hostPort === b.hostPort && a.protocol === b.protocol && (a.ip === b.ip || a.ip === '' || b.ip === '')
}

/**
 * A port of the host for a request.
 *
 * @param taken ports of all containers
 * @throws MountError EADDRINUSE, EADDRNOTAVAIL, EACCES
 */
export async function choosePort({ ip, first, last, port, protocol }: PortRequest, taken: readonly PublishedPort[]): Promise<PublishedPort> {
  let failure = 'EADDRINUSE'
  for (let hostPort = first; hostPort <= last; hostPort++) {
    const wanted = { ip, hostPort, protocol }
    if (hostPort !== 0 && taken.some(other => clash(wanted, other))) continue
    const answer = await probe(protocol, ip, hostPort)
    if (typeof answer === 'number') {
      const found = { ...wanted, hostPort: answer, port }
      if (!taken.some(other => clash(found, other))) return found
      // Any free one of the kernel's that is a container's: ask again, it gives another.
      hostPort--
      continue
    }
    failure = answer
    if (failure !== 'EADDRINUSE') break
  }
  const where = first === last ? outside({ ip, hostPort: first }) : `${outside({ ip, hostPort: first })}-${last}`
  const advice = failure === 'EADDRINUSE' ? 'port is already allocated' : failure === 'EADDRNOTAVAIL' ? 'this host has no such address' : 'it cannot be bound'
  throw networkError(`publish ${where}:${port}/${protocol}`, failure, `Bind for ${where} failed: ${advice}`)
}
