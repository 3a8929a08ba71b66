/** The way to a device: a serial port, the same bytes through a serial device server, or datagrams. */
import { statSync } from 'node:fs'
import { createSocket } from 'node:dgram'
import { createConnection } from 'node:net'
import { type Cancel, systemClock } from '../../edge/base/clock.ts'
import { CancelledError, ConfigError, DeviceError } from '../../edge/base/error.ts'
import { watchPeer } from './modem-lines.ts'

export interface Link {
  /** Resolves when the operating system has taken the bytes. */
  write(bytes: Uint8Array): Promise<void>
  /** Sets the modem line that some devices are switched by (DTR); of links that have one. */
  setReady?(on: boolean): Promise<void>
  /** Stops reading, or goes on: what is not read makes the other side wait, where the line has flow control. */
  hold?(on: boolean): void
  /** Idempotent; `onClosed` is called once, whoever closed. */
  close(): void
}

export interface LinkListener {
  onBytes(bytes: Uint8Array): void
  onClosed(): void
}

export interface Transport {
  /** For people: the path or address. */
  readonly where: string
  /** `signal` cancels the opening, not the link. @throws DeviceError (PC-LINK-OPEN) when there is nothing to open. */
  open(listener: LinkListener, signal: AbortSignal): Promise<Link>
}

export interface SerialSettings {
  baud: number
  dataBits?: 7 | 8
  parity?: 'none' | 'even' | 'odd'
  stopBits?: 1 | 2
  /** The modem lines stay as they are when the port is closed. */
  keepLines?: boolean
  /** It closes when the other end drops its modem line: somebody sits there, and may pull the cable. */
  watchPeer?: boolean
}

/** @param port a device path, `tcp://host:port` or `udp://host:port`. */
export function transportTo(port: string, serial: SerialSettings): Transport {
  if (port.startsWith('tcp://')) return tcpTransport(port)
  if (port.startsWith('udp://')) return udpTransport(port)
  return serialTransport(port, serial)
}

function serialTransport(path: string, settings: SerialSettings): Transport {
  return {
    where: path,
    async open(listener) {
      const { SerialPort } = await import('serialport')
      const port = new SerialPort({
        path, baudRate: settings.baud, dataBits: settings.dataBits ?? 8,
        parity: settings.parity ?? 'none', stopBits: settings.stopBits ?? 1, hupcl: settings.keepLines !== true, autoOpen: false,
      })
      await new Promise<void>((resolve, reject) => {
        port.open((error) => {
          if (error === null) resolve()
          else reject(new DeviceError('PC-LINK-OPEN', `The serial port ${path} cannot be opened: is the cable plugged in?`, { cause: error }))
        })
      })
      port.on('data', (bytes: Uint8Array) => listener.onBytes(bytes))
      const close = (): void => {
        if (port.isOpen) port.close(() => undefined)
      }
      const stopWatching = watchForUnplug(path, close)
      const stopLooking = settings.watchPeer === true ? watchPeer(port, systemClock, close) : () => undefined
      port.on('error', close)
      port.once('close', () => {
        stopWatching()
        stopLooking()
        listener.onClosed()
      })
      const setReady = (on: boolean): Promise<void> => new Promise((resolve) => {
        // A pseudo-terminal and some adapters have no modem lines: nothing can depend on them there.
        port.set({ dtr: on }, () => resolve())
      })
      return { write: (bytes) => written(port, bytes, path), hold: holderOf(port), setReady, close }
    },
  }
}

const unplugWatch_ms = 250
/** A peer that is only listened to and loses its power says nothing: the system then asks whether it is still there. */
const silentPeer_ms = 3_000

/**
 * Calls `onGone` when the port's file has gone or is another one.
 *
 * A terminal that was hung up reads as empty for ever, and serialport reads it again and again: the
 * loss of a device that is only listened to would never be noticed, and cost a whole processor.
 */
function watchForUnplug(path: string, onGone: () => void): Cancel {
  const identity = (): string | undefined => {
    try {
      const file = statSync(path)
      return `${file.dev}:${file.ino}:${file.rdev}`
    } catch {
      return undefined
    }
  }
  const opened = identity()
  let cancel: Cancel = () => undefined
  const look = (): void => {
    if (identity() === opened) cancel = systemClock.after(unplugWatch_ms, look)
    else onGone()
  }
  look()
  return () => cancel()
}

function tcpTransport(address: string): Transport {
  const { host, port } = addressOf(address, 'tcp:')
  return {
    where: address,
    async open(listener, signal) {
      const socket = createConnection({ host, port, noDelay: true, keepAlive: true, keepAliveInitialDelay: silentPeer_ms })
      // The signal is for opening only: it aborts when opening has ended, too.
      const giveUp = (): void => void socket.destroy(new CancelledError())
      signal.addEventListener('abort', giveUp, { once: true })
      await new Promise<void>((resolve, reject) => {
        socket.once('connect', resolve)
        socket.once('error', (cause) => reject(new DeviceError('PC-LINK-OPEN', `Nothing answers at ${address}.`, { cause })))
      }).finally(() => signal.removeEventListener('abort', giveUp))
      socket.removeAllListeners('error')
      socket.on('error', () => socket.destroy())
      socket.on('data', (bytes: Uint8Array) => listener.onBytes(bytes))
      socket.once('close', () => listener.onClosed())
      return { write: (bytes) => written(socket, bytes, address), hold: holderOf(socket), close: () => socket.destroy() }
    },
  }
}

/**
 * Datagrams to and from one address; each is handed on as it came. There is no connection that could
 * be lost: only a refusal by the other host, or a device that no longer answers, tells.
 */
function udpTransport(address: string): Transport {
  const { host, port } = addressOf(address, 'udp:')
  return {
    where: address,
    async open(listener) {
      const socket = createSocket('udp4')
      await new Promise<void>((resolve, reject) => {
        socket.once('error', (cause) => reject(new DeviceError('PC-LINK-OPEN', `Nothing can be sent to ${address}.`, { cause })))
        socket.connect(port, host, resolve)
      })
      let isOpen = true
      const close = (): void => {
        if (isOpen) socket.close()
        isOpen = false
      }
      socket.removeAllListeners('error')
      socket.on('error', close)
      socket.on('message', (bytes) => listener.onBytes(bytes))
      socket.once('close', () => listener.onClosed())
      return {
        close,
        write: (bytes) => written({ write: (datagram, done) => (isOpen ? socket.send(datagram, done) : done(new Error('closed'))) }, bytes, address),
      }
    },
  }
}

/** @throws ConfigError (PC-LINK-ADDRESS) */
function addressOf(address: string, scheme: string): { host: string; port: number } {
  const { hostname, port, protocol } = URL.canParse(address) ? new URL(address) : { hostname: '', port: '', protocol: '' }
  if (protocol === scheme && hostname !== '' && port !== '') return { host: hostname, port: Number(port) }
  throw new ConfigError('PC-LINK-ADDRESS', `${address} is not of the form ${scheme}//host:port.`)
}

const holderOf = (source: { pause(): unknown; resume(): unknown }) => (on: boolean): void => void (on ? source.pause() : source.resume())

interface ByteSink {
  write(bytes: Uint8Array, done: (error?: Error | null) => void): unknown
}

function written(sink: ByteSink, bytes: Uint8Array, where: string): Promise<void> {
  return new Promise((resolve, reject) => {
    sink.write(bytes, (error) => {
      if (error === undefined || error === null) resolve()
      else reject(new DeviceError('PC-LINK-WRITE', `Bytes could not be sent to ${where}.`, { cause: error }))
    })
  })
}
