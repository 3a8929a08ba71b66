/** Recordings of lidars on a stream of bytes: a TiM's TCP connection, an RPLIDAR's serial line. */
import { PointBlock } from '../../edge/device/points.ts'
import type { Datagram } from '../../drivers/lidar/capture/pcap.ts'
import { NodeBlocks } from '../../drivers/lidar/rplidar/blocks.ts'
import { node_bytes } from '../../drivers/lidar/rplidar/codec.ts'
import { ReplyReader } from '../../drivers/lidar/rplidar/reader.ts'
import { recordingOf } from '../../drivers/lidar/rplidar/recording.ts'
import { readRecorded, Telegrams } from '../../drivers/lidar/sick-tim/recorded.ts'
import { ScanDecoder } from '../../drivers/lidar/sick-tim/scan.ts'
import { type Listener, type Player, type Recording, streamed } from './recording.ts'

/** `undefined` when no scan of a TiM is in it. @throws InputError (PC-SICK-CAPTURE) */
export function timRecording(file: Uint8Array): Recording | undefined {
  const segments = readRecorded(file)
  let scans = 0
  const trial = timPlayer({ now: () => 0, onBlock: () => scans++, onVerdict: () => undefined })
  for (const { bytes, from } of segments) trial.take(bytes, from)
  if (scans === 0) return undefined
  return {
    sensor: 'lidar/sick-tim',
    metadata: undefined,
    times: 'since-began',
    bytes: segments.reduce((sum, { bytes }) => sum + bytes.length, 0),
    async *pieces(): AsyncGenerator<Datagram> {
      for (const { at_s, bytes, from } of segments) yield streamed(Number.isNaN(at_s) ? 0 : Math.round(at_s * 1e6), bytes, from)
    },
    player: timPlayer,
  }
}

function timPlayer({ now, onBlock, onVerdict }: Listener): Player {
  const telegrams = new Telegrams()
  const decoder = new ScanDecoder()
  const block = new PointBlock(decoder.columnsMax, decoder.rings)
  return {
    identity: decoder.identity,
    get counts() {
      return { discardedBytes: telegrams.discarded }
    },
    take(bytes, from) {
      const { damaged } = telegrams
      for (const payload of telegrams.take({ bytes, from })) {
        const verdict = decoder.decode(payload, block)
        block.received = now()
        onVerdict(verdict)
        if (verdict === 'points') onBlock(block)
      }
      for (let count = telegrams.damaged - damaged; count > 0; count--) onVerdict('damaged')
    },
  }
}

/** A text has no times: every RPLIDAR can take a measurement in so many microseconds. */
const sample_us = 500
/** So many measurements are taken for having come at once. */
const piece_nodes = 20

/** `undefined` when the text is no recording of a standard scan. */
export function rplidarRecording(text: string): Recording | undefined {
  const bytes = recordingOf(text)
  if (bytes === undefined) return undefined
  return {
    sensor: 'lidar/rplidar',
    metadata: undefined,
    times: 'guessed',
    bytes: bytes.length,
    async *pieces(): AsyncGenerator<Datagram> {
      const length = piece_nodes * node_bytes
      for (let at = 0; at < bytes.length; at += length) yield streamed((at / node_bytes) * sample_us, bytes.subarray(at, at + length))
    },
    player: rplidarPlayer,
  }
}

function rplidarPlayer({ now, onBlock, onVerdict }: Listener): Player {
  const blocks = new NodeBlocks(now, onBlock)
  blocks.sample_us = sample_us
  const reader = new ReplyReader(blocks, true)
  return {
    identity: { manufacturer: 'SLAMTEC', model: 'RPLIDAR' },
    get counts() {
      return { discardedBytes: reader.discarded, failedMeasurements: reader.failed }
    },
    take(bytes) {
      const { valid, failed, resyncs } = reader
      const replies = reader.push(bytes)
      blocks.lost += reader.resyncs - resyncs
      blocks.flush()
      for (let count = replies.length; count > 0; count--) onVerdict('other')
      if (reader.valid > valid) onVerdict('points')
      if (reader.failed > failed) onVerdict('damaged')
    },
  }
}
