/** A socket that a sensor's datagrams arrive at. */
import { createSocket, type Socket } from 'node:dgram'
import { isIPv4, isIPv6 } from 'node:net'
import { ConfigError, DeviceError } from '../../../edge/base/error.ts'

export interface ListenAddress {
  host: string
  port: number
  family: 'udp4' | 'udp6'
  /** A group that is joined, not an address of this machine. */
  isGroup: boolean
}

/** @throws ConfigError (PC-LINK-ADDRESS) */
export function listenAddress(listen: string): ListenAddress {
  const { hostname, port, protocol } = URL.canParse(listen) ? new URL(listen) : { hostname: '', port: '', protocol: '' }
  const host = hostname.replace(/^\[|\]$/g, '')
  if (protocol !== 'udp:' || port === '' || !(isIPv4(host) || isIPv6(host))) {
    throw new ConfigError('PC-LINK-ADDRESS', `${listen} is not of the form udp://address:port.`)
  }
  const first = Number(host.split('.')[0])
  const isGroup = isIPv4(host) ? first >= 224 && first <= 239 : host.startsWith('ff')
  return { host, port: Number(port), family: isIPv4(host) ? 'udp4' : 'udp6', isGroup }
}

/** Several hundred milliseconds of the fastest sensor; the kernel gives what net.core.rmem_max allows. */
const receiveBuffer_bytes = 8_388_608

export interface Listening {
  readonly socket: Socket
  /** What the kernel gave, bytes. */
  readonly receiveBuffer: number
  /** Resolves when every descriptor is released. */
  close(): Promise<void>
}

/**
 * Binds and, for a group, joins. A group's port may be shared with others on this machine; any other
 * may not, or one of two listeners would get nothing and not know why.
 * @param via the address of ours whose network the group is joined on
 * @throws DeviceError (PC-LIDAR-PORT) that says what the system objects to.
 */
export async function listenOn(address: ListenAddress, via: string | undefined): Promise<Listening> {
  const socket = createSocket({ type: address.family, reuseAddr: address.isGroup, recvBufferSize: receiveBuffer_bytes })
  const close = (): Promise<void> => new Promise((resolve) => {
    socket.removeAllListeners('message')
    socket.close(resolve)
  })
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject)
      socket.bind({ port: address.port, address: address.host }, () => {
        socket.off('error', reject)
        resolve()
      })
    })
    if (address.isGroup) socket.addMembership(address.host, via)
    return { socket, receiveBuffer: socket.getRecvBufferSize(), close }
  } catch (cause) {
    await close()
    throw new DeviceError('PC-LIDAR-PORT', `UDP port ${address.port} of ${address.host} cannot be listened on: ${reason(cause)}.`, { cause })
  }
}

function reason(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code
  if (code === 'EADDRINUSE') return 'another program, or another part, has it'
  if (code === 'EADDRNOTAVAIL') return 'this machine does not have that address (yet)'
  if (code === 'ENODEV') return 'there is no network to join the group on (yet)'
  if (code === 'EACCES') return 'it may not be used by this user'
  return code ?? 'the system refuses'
}
