/** Plays recorded datagrams again, as fast as they came, faster, or as fast as they are taken. */
import { createSocket } from 'node:dgram'
import { lookup } from 'node:dns/promises'
import type { Clock } from '../../../edge/base/clock.ts'
import { CancelledError, DeviceError, UsageError } from '../../../edge/base/error.ts'
import { sleep } from '../../../edge/base/wait.ts'
import type { Datagram } from './udp.ts'

export interface ReplayOptions {
  clock: Clock
  /** 1 is as recorded, 2 twice as fast, Infinity as fast as the target takes them. */
  speed: number
  signal?: AbortSignal | undefined
  /** Hears now and then how far it is. */
  onProgress?(played: Played): void
}

export interface Played {
  datagrams: number
  bytes: number
  /** Microseconds of the recording. */
  recorded_us: number
}

/** Timers are not finer: what is due within this goes out together. */
const grain_ms = 1
/** So many milliseconds of work are done before others have their turn. */
const turn_ms = 10
const progress_ms = 200
/** A recording whose clock jumped, or in which nothing came for longer, is not waited for longer. */
const pause_us_max = 5_000_000

/**
 * Hands each datagram to `target` when it is due; the next waits until the target has taken it.
 * @throws CancelledError when the signal aborts, and what `datagrams` or `target` throw.
 */
export async function replay(datagrams: AsyncIterable<Datagram>, target: (datagram: Datagram) => void | Promise<void>, options: ReplayOptions): Promise<Played> {
  const { clock, speed, signal, onProgress } = options
  const played: Played = { datagrams: 0, bytes: 0, recorded_us: 0 }
  const started = clock.now()
  let [turnBegan, told] = [started, started]
  let previous_us: number | undefined
  for await (const datagram of datagrams) {
    if (signal?.aborted === true) throw new CancelledError()
    played.recorded_us += Math.min(pause_us_max, Math.max(0, datagram.at_us - (previous_us ?? datagram.at_us)))
    previous_us = datagram.at_us
    const early_ms = started + played.recorded_us / 1000 / speed - clock.now()
    if (early_ms >= grain_ms || clock.now() - turnBegan > turn_ms) {
      await sleep(clock, Math.max(0, early_ms), signal)
      turnBegan = clock.now()
    }
    const taken = target(datagram)
    if (taken !== undefined) await taken
    played.datagrams++
    played.bytes += datagram.payload.length
    if (onProgress !== undefined && clock.now() - told > progress_ms) {
      told = clock.now()
      onProgress(played)
    }
  }
  return played
}

export interface UdpTarget {
  send(datagram: Datagram): Promise<void>
  close(): void
}

/**
 * Sends over the network, as the sensor did.
 * @param address `udp://host:port`; without the port each datagram goes to the port at which it was recorded.
 * @throws UsageError (PC-CAPTURE-TARGET), DeviceError (PC-LINK-OPEN) when there is no such host
 */
export async function udpTarget(address: string): Promise<UdpTarget> {
  const { protocol, hostname, port, pathname } = URL.canParse(address) ? new URL(address) : { protocol: '', hostname: '', port: '', pathname: '' }
  if (protocol !== 'udp:' || hostname === '' || pathname !== '') throw new UsageError('PC-CAPTURE-TARGET', `${address} is not of the form udp://host:port.`)
  const host = await lookup(hostname.replaceAll(/[[\]]/g, '')).catch((cause: unknown) => {
    throw new DeviceError('PC-LINK-OPEN', `There is no host ${hostname}.`, { cause })
  })
  const socket = createSocket(host.family === 6 ? 'udp6' : 'udp4')
  await new Promise<void>((resolve) => {
    socket.bind(0, resolve)
  })
  socket.setBroadcast(true)
  return {
    send: (datagram) => new Promise((resolve, reject) => {
      socket.send(datagram.payload, port === '' ? datagram.port : Number(port), host.address, (cause) => {
        if (cause === null) resolve()
        else reject(new DeviceError('PC-LINK-WRITE', `Bytes could not be sent to ${address}.`, { cause }))
      })
    }),
    close: () => socket.close(),
  }
}
