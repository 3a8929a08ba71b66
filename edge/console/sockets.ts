/** Lines that come by themselves: the device's own terminal over a Unix socket, and the network over TLS. */
import { lstat, unlink } from 'node:fs/promises'
import { createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import { createServer as createTlsServer, type TLSSocket } from 'node:tls'
import { ConfigError } from '../base/error.ts'
import { toAscii } from './ascii.ts'
import type { Wire, WireListener } from './io.ts'

/** Where `portcullis console` finds the device. */
export const socketOf = (state: string): string => join(state, 'console.sock')

/** People at one listener at a time. */
const connectionsMax = 4
/** Bytes of a socket's path (unix(7)). */
const pathMax = 107
const handshake_ms = 10_000
/** How long the last words wait for somebody who reads nothing. */
const farewell_ms = 1_000

/** Somebody has come; the returned listener hears what they send. */
export type Arrived = (wire: Wire, where: string) => WireListener

export interface Listening {
  /** Of TLS: the port that was taken. */
  readonly port?: number
  close(): Promise<void>
}

/**
 * Listens at a path that only the same user (and root) can open.
 * @throws ConfigError (PC-CONSOLE-SOCKET).
 */
export async function listenLocally(path: string, onArrived: Arrived): Promise<Listening> {
  // Left behind by a program that was killed; the journal's lock has made sure that no other one runs here.
  if (await lstat(path).then((file) => file.isSocket(), () => false)) await unlink(path)
  const server = createServer((socket) => begin(socket, 'local', onArrived))
  server.maxConnections = connectionsMax
  try {
    await listening(server, () => listenPrivately(server, path))
  } catch (cause) {
    throw new ConfigError('PC-CONSOLE-SOCKET', `The console's socket cannot be made at ${path}${path.length > pathMax ? ': the path is too long' : ''}.`, { component: 'console', cause })
  }
  return { close: () => closed(server) }
}

/** The socket is made within the call: what else the process makes must not get the same rights. */
function listenPrivately(server: Server, path: string): void {
  const before = process.umask(0o177)
  try {
    server.listen(path)
  } finally {
    process.umask(before)
  }
}

export interface TlsIdentity {
  ca: string | Uint8Array
  cert: string | Uint8Array
  key: string | Uint8Array
}

/**
 * Only clients come in whose certificate is from the given authority and in force now.
 * @throws ConfigError (PC-CONSOLE-TLS).
 */
export async function listenByTls(at: { host: string; port: number }, identity: TlsIdentity, onArrived: Arrived, onRefused: () => void): Promise<Listening> {
  try {
    const server = createTlsServer({
      ca: Buffer.from(identity.ca), cert: Buffer.from(identity.cert), key: Buffer.from(identity.key),
      requestCert: true, rejectUnauthorized: true, minVersion: 'TLSv1.3', handshakeTimeout: handshake_ms,
    }, (socket) => begin(socket, placeOf(socket), onArrived))
    server.maxConnections = connectionsMax
    server.on('tlsClientError', onRefused)
    await listening(server, () => server.listen(at.port, at.host))
    const address = server.address()
    return { port: typeof address === 'object' && address !== null ? address.port : at.port, close: () => closed(server) }
  } catch (cause) {
    throw new ConfigError('PC-CONSOLE-TLS', `The console cannot listen at ${at.host}:${at.port} with its certificate.`, { component: 'console', cause })
  }
}

/** Whose certificate, and from where; without the port, which changes with every connection. */
function placeOf(socket: TLSSocket): string {
  const { subject } = socket.getPeerCertificate()
  const name = subject?.CN
  return `${toAscii(typeof name === 'string' ? name : 'unnamed').slice(0, 32)}@${socket.remoteAddress ?? 'unknown'}`
}

function begin(socket: Socket, where: string, onArrived: Arrived): void {
  socket.setNoDelay(true)
  const listener = onArrived({
    write: (bytes) => new Promise((resolve, reject) => {
      socket.write(bytes, (error) => (error === undefined || error === null ? resolve() : reject(error)))
    }),
    hold: (on) => void (on ? socket.pause() : socket.resume()),
    close: () => {
      socket.destroySoon()
      socket.setTimeout(farewell_ms, () => socket.destroy())
    },
  }, where)
  socket.on('error', () => socket.destroy())
  socket.on('data', (bytes: Uint8Array) => listener.onBytes(bytes))
  socket.once('close', () => listener.onClosed())
}

function listening(server: Server, listen: () => unknown): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.once('listening', () => {
      server.removeListener('error', reject)
      server.on('error', () => undefined)
      resolve()
    })
    listen()
  })
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
  })
}
