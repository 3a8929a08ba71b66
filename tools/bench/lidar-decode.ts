/**
 * How fast each decoder is by itself. The packets are the twins' own, of the yard: no recorded data are
 * needed. Beams are counted, those without a return too.
 */
import { getHeapStatistics } from 'node:v8'
import type { PacketDecoder } from '../../drivers/lidar/decoder.ts'
import type { PacketEncoder } from '../../drivers/lidar/encoder.ts'
import { PandarXt16Decoder } from '../../drivers/lidar/hesai/codec.ts'
import { PandarXt16Encoder } from '../../drivers/lidar/hesai/twin.ts'
import { OusterDecoder } from '../../drivers/lidar/ouster/decoder.ts'
import { OusterEncoder } from '../../drivers/lidar/ouster/encoder.ts'
import type { Metadata } from '../../drivers/lidar/ouster/metadata.ts'
import { NodeBlocks } from '../../drivers/lidar/rplidar/blocks.ts'
import { encodeRequest, motorRequest, Request } from '../../drivers/lidar/rplidar/codec.ts'
import { ReplyReader } from '../../drivers/lidar/rplidar/reader.ts'
import { RplidarEmulation } from '../../drivers/lidar/rplidar/twin.ts'
import { encodeScan } from '../../drivers/lidar/sick-tim/encode.ts'
import { ScanDecoder } from '../../drivers/lidar/sick-tim/scan.ts'
import { VelodyneDecoder } from '../../drivers/lidar/velodyne/codec.ts'
import { type VelodyneModel, vlp16, vlp32c } from '../../drivers/lidar/velodyne/model.ts'
import { VelodyneEncoder } from '../../drivers/lidar/velodyne/twin.ts'
import { systemClock } from '../../edge/base/clock.ts'
import { sleep } from '../../edge/base/wait.ts'
import { PointBlock } from '../../edge/device/points.ts'
import { type Figure, percentile } from './figure.ts'
import { os1, yard } from './lidar-yard.ts'
import { packetsOf } from './ouster-turns.ts'

const warmUp_ms = 500
const runs = 5
const run_ms = 300
const turns = 3
const heapPieces = 3_000

/** Decodes all that was made, once. Returns how many beams there were. */
interface Pass {
  (): number
  /** Packets, telegrams or pieces of a stream. */
  pieces: number
}

const models: readonly [name: string, make: () => Pass | Promise<Pass>][] = [
  ['velodyne-vlp16', () => velodyne(vlp16)],
  ['velodyne-vlp32c', () => velodyne(vlp32c)],
  ['hesai-xt16', () => packetPass(new PandarXt16Decoder(), new PandarXt16Encoder())],
  ['ouster-os1-128', () => ouster(os1())],
  ['ouster-os1-128-dual', () => ouster(os1('RNG19_RFL8_SIG16_NIR16_DUAL'))],
  ['ouster-os1-128-legacy', () => ouster(os1('LEGACY'))],
  ['sick-tim', sick],
  ['rplidar', rplidar],
]

/** `lidar.decode.<model>`, and by how much the heap in use grows for a packet, `.heap`: the medians of several runs. */
export async function benchDecode(): Promise<Figure[]> {
  const figures: Figure[] = []
  for (const [name, make] of models) {
    process.stderr.write(`lidar: decoding ${name}\n`)
    const pass = await make()
    rate(pass, warmUp_ms)
    const rates = Array.from({ length: runs }, () => rate(pass, run_ms))
    figures.push({ name: `lidar.decode.${name}`, value: percentile(rates, 0.5) / 1e6, unit: 'Mpoints/s' })
    const grown = Array.from({ length: runs }, () => growth(pass))
    figures.push({ name: `lidar.decode.${name}.heap`, value: percentile(grown, 0.5), unit: 'B' })
  }
  return figures
}

/** Beams a second. */
function rate(pass: Pass, for_ms: number): number {
  const began = systemClock.now()
  let beams = 0
  let elapsed_ms = 0
  while (elapsed_ms < for_ms) {
    beams += pass()
    elapsed_ms = systemClock.now() - began
  }
  return (beams * 1_000) / elapsed_ms
}

/** Bytes a packet. Few enough that the collector has no reason to run while nothing is allocated. */
function growth(pass: Pass): number {
  const passes = Math.ceil(heapPieces / pass.pieces)
  const before = getHeapStatistics().used_heap_size
  for (let done = 0; done < passes; done++) pass()
  return Math.max(0, getHeapStatistics().used_heap_size - before) / (passes * pass.pieces)
}

const velodyne = (model: VelodyneModel): Pass => packetPass(new VelodyneDecoder(model), new VelodyneEncoder(model))
const ouster = (metadata: Metadata): Pass => packetPass(new OusterDecoder(metadata), new OusterEncoder(metadata))
const packetPass = (decoder: PacketDecoder, encoder: PacketEncoder): Pass => passOf(decoder, [...packetsOf(encoder, yard(1), turns)].map(({ bytes }) => bytes))

/** The same packets again are another stream: the decoder is told so between two passes. */
function passOf(decoder: PacketDecoder, packets: readonly Uint8Array[]): Pass {
  const block = new PointBlock(decoder.columnsMax, decoder.rings)
  const pass = (): number => {
    let beams = 0
    decoder.reset()
    // Walking over them would allocate where it is not compiled in.
    for (let index = 0; index < packets.length; index++) {
      const verdict = decoder.decode(packets[index]!, block)
      if (verdict !== 'points') throw new Error(`A packet of the twin is ${verdict} to the decoder.`)
      beams += block.columns * block.rings
    }
    return beams
  }
  return Object.assign(pass, { pieces: packets.length })
}

/** Scans of 811 beams: the payload of the telegrams, as the link's framing hands it on. */
function sick(): Pass {
  const scene = yard(1)
  const beams = { start_deg: -45, step_deg: 0.3333, count: 811 }
  const scans = Array.from({ length: 30 }, (_, scan) => {
    const distances_mm = new Uint16Array(beams.count)
    const strengths = new Uint16Array(beams.count)
    for (let beam = 0; beam < beams.count; beam++) {
      distances_mm[beam] = Math.min(25_000, Math.round(scene.distance(((beams.start_deg + beam * beams.step_deg - 90) * Math.PI) / 180, 0, 0) * 1_000))
      strengths[beam] = Math.round(scene.reflectance * 10_000)
    }
    scene.advance(67)
    return encodeScan({
      serial: 20_430_001, status: 0, counter: scan, uptime_us: scan * 66_667, inputs: 0, outputs: 0, scans_perS: 15,
      start_deg: beams.start_deg, step_deg: beams.step_deg, distances_mm, strengths,
    })
  })
  return passOf(new ScanDecoder(), scans)
}

const listen_ms = 1_500

/** What the twin sends at true pace in a while, as the serial port hands it on: 256 bytes at a time. */
async function rplidar(): Promise<Pass> {
  const sent: Uint8Array[] = []
  const twin = new RplidarEmulation((bytes) => sent.push(bytes), { scene: yard(1) })
  twin.receive(motorRequest(660))
  twin.receive(encodeRequest(Request.scan))
  await sleep(systemClock, listen_ms)
  twin.stop()
  const bytes = Buffer.concat(sent)
  const pieces = Array.from({ length: Math.ceil(bytes.length / 256) }, (_, piece) => bytes.subarray(piece * 256, (piece + 1) * 256))
  let beams = 0
  const blocks = new NodeBlocks(() => 0, (block) => {
    beams += block.columns
  })
  const reader = new ReplyReader(blocks)
  const pass = (): number => {
    beams = 0
    reader.reset()
    for (let index = 0; index < pieces.length; index++) {
      reader.push(pieces[index]!)
      blocks.flush()
    }
    if (reader.failed > 0 || beams === 0) throw new Error('Measurements of the twin do not hold for the reader.')
    return beams
  }
  return Object.assign(pass, { pieces: pieces.length })
}
