/** Recordings of lidars of any kind, as blocks of points: the one place that tells them apart. */
import { statSync } from 'node:fs'
import { empty } from '../../edge/base/bytes.ts'
import { type Clock, systemClock } from '../../edge/base/clock.ts'
import { CancelledError, ConfigError, InputError, PortcullisError, UsageError } from '../../edge/base/error.ts'
import type { Identity } from '../../edge/device/contract.ts'
import type { PointBlock } from '../../edge/device/points.ts'
import { captureBytes } from '../../drivers/lidar/capture/capture-bytes.ts'
import { CaptureParser, type Datagram } from '../../drivers/lidar/capture/pcap.ts'
import { replay } from '../../drivers/lidar/capture/replay.ts'
import type { Verdict } from '../../drivers/lidar/decoder.ts'
import { readGiven } from '../cli/given.ts'
import type { Recording } from './recording.ts'
import { rplidarRecording, timRecording } from './stream-recordings.ts'
import { packetRecording, udpSensors, type Wanted } from './udp-sensors.ts'

export type OpenOptions = Wanted

export interface PlayOptions {
  /** 1 as recorded, Infinity as fast as possible. */
  speed: number
  signal?: AbortSignal | undefined
  clock?: Clock
  /** Hears of each packet or telegram what it was. */
  onVerdict?(verdict: Verdict): void
  /** Hears of each piece when it was recorded, before it is decoded. */
  onPiece?(at_us: number, bytes: number): void
  /** Hears where the recording is damaged, and it ends there; without it, that is thrown. */
  onFault?(fault: PortcullisError): void
}

export interface OpenedCapture {
  /** The driver that such a sensor has. */
  readonly sensor: string
  /** The file about the sensor that is used, when one is. */
  readonly metadata: string | undefined
  /** What its times are: dates, seconds since it began, or nothing but a guess that gives it a pace. */
  readonly times: Recording['times']
  /**
   * Plays the recording from its beginning; ends early when the signal aborts. The block is used again
   * after each call; it was `received` when it was recorded, in milliseconds since the recording began.
   * @param onBlock also hears which share of the recording has been played.
   * @throws what is wrong with the recording, in its place among the blocks
   */
  blocks(onBlock: (block: PointBlock, share: number) => void, options: PlayOptions): Promise<Decoded>
}

export interface Decoded {
  identity: Identity
  /** What was passed over before it came to the decoder. */
  counts: Record<string, number>
}

export const sensorNames: readonly string[] = [...Object.keys(udpSensors), 'lidar/sick-tim', 'lidar/rplidar']

/** Recordings that are read as a whole are of sensors so slow that none is longer. */
const wholeMax_bytes = 256 * 1024 * 1024
/** By which a pcap or pcapng is known. */
const magic_bytes = 4

/**
 * What a capture is of: as said, or as its bytes, its packets and the files beside it show.
 * @throws UsageError (PC-CLI-FILE, PC-CLI-OPTION), ConfigError (PC-CAPTURE-SENSOR, PC-CAPTURE-METADATA),
 *   InputError (PC-CAPTURE-...), and what is wrong with the metadata
 */
export async function openCapture(file: string, options: OpenOptions = {}): Promise<OpenedCapture> {
  const { sensor } = options
  if (sensor !== undefined && !sensorNames.includes(sensor)) throw new UsageError('PC-CLI-OPTION', `There is no sensor ${sensor}: there are ${sensorNames.join(', ')}.`)
  const recording = await isPacketCapture(file) ? await packetRecording(file, options) : streamRecording(file)
  if (recording === undefined || (sensor ?? recording.sensor) !== recording.sensor) throw new ConfigError('PC-CAPTURE-SENSOR', `The file ${file} is no recording of ${sensor ?? 'a lidar that is known'}.`)
  const { times, metadata } = recording
  return { sensor: recording.sensor, metadata, times, blocks: (onBlock, play) => blocksOf(recording, onBlock, play) }
}

/** Whether it begins as one. @throws UsageError (PC-CLI-FILE) */
async function isPacketCapture(file: string): Promise<boolean> {
  const bytes = captureBytes(file)
  try {
    const { value } = await bytes.next()
    new CaptureParser().push(value ?? empty).next()
    return (value?.length ?? 0) >= magic_bytes
  } catch (cause) {
    if (cause instanceof ConfigError) throw new UsageError('PC-CLI-FILE', `The file ${file} cannot be read.`, { cause })
    // What is damaged farther on begins as a capture, too.
    return cause instanceof InputError && cause.code !== 'PC-CAPTURE-UNKNOWN'
  } finally {
    await bytes.return()
  }
}

function streamRecording(file: string): Recording | undefined {
  if (statSync(file).size > wholeMax_bytes) return undefined
  const bytes = readGiven(file)
  return rplidarRecording(bytes.toString('latin1')) ?? unlessOther(() => timRecording(bytes))
}

/** A file of another kind is no fault in a recording. */
function unlessOther<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    if (error instanceof InputError) return undefined
    throw error
  }
}

async function blocksOf(recording: Recording, onBlock: (block: PointBlock, share: number) => void, options: PlayOptions): Promise<Decoded> {
  const { speed, signal, clock = systemClock, onVerdict, onPiece, onFault } = options
  let [first_us, now_ms, bytes] = [NaN, 0, 0]
  const player = recording.player({
    now: () => now_ms,
    onBlock: (block) => onBlock(block, Math.min(1, bytes / recording.bytes)),
    onVerdict: (verdict) => onVerdict?.(verdict),
  })
  const take = ({ at_us, from, payload }: Datagram): void => {
    if (Number.isNaN(first_us)) first_us = at_us
    // A recording's clock may jump back, an instant may not.
    now_ms = Math.max(now_ms, (at_us - first_us) / 1_000)
    bytes += payload.length
    onPiece?.(at_us, payload.length)
    player.take(payload, from)
  }
  await replay(recording.pieces(), take, { clock, speed, signal }).catch((error: unknown) => {
    if (error instanceof CancelledError) return
    // Damage at the very beginning leaves nothing to be shown.
    if (onFault === undefined || bytes === 0 || !(error instanceof PortcullisError)) throw error
    onFault(error)
  })
  const { identity, counts } = player
  return { identity, counts }
}
