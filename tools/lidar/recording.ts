/** What recordings of all kinds have in common. */
import type { Instant } from '../../edge/base/clock.ts'
import type { Identity } from '../../edge/device/contract.ts'
import type { PointBlock } from '../../edge/device/points.ts'
import type { Datagram } from '../../drivers/lidar/capture/pcap.ts'
import type { Verdict } from '../../drivers/lidar/decoder.ts'

export interface Listener {
  /** When what is being decoded was received. */
  now(): Instant
  onBlock(block: PointBlock): void
  /** Hears of each packet or telegram what it was. */
  onVerdict(verdict: Verdict): void
}

/** Decodes a recording from its beginning. */
export interface Player {
  /** @param from which end of a conversation sent it, where there are two. */
  take(payload: Uint8Array, from: string): void
  /** As far as it is known by now. */
  readonly identity: Identity
  /** What was passed over before it came to the decoder. */
  readonly counts: Record<string, number>
}

export interface Recording {
  /** The driver that such a sensor has. */
  readonly sensor: string
  /** The file about the sensor that is used, when one is. */
  readonly metadata: string | undefined
  /** What its times are: dates, seconds since it began, or nothing but a guess that gives it a pace. */
  readonly times: 'dates' | 'since-began' | 'guessed'
  /** How long it is. */
  readonly bytes: number
  /** Its pieces in the order recorded. Over a stream, only their time and payload mean something. */
  pieces(): AsyncIterable<Datagram>
  player(listener: Listener): Player
}

/** A piece of what came over a stream. */
export const streamed = (at_us: number, payload: Uint8Array, from = ''): Datagram => ({ at_us, from, fromPort: 0, port: 0, payload })
