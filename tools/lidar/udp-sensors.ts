/** Which of the lidars that send datagrams a recording is of, and with which file about the sensor it is read. */
import { readdirSync, statSync } from 'node:fs'
import { basename, dirname, extname, join } from 'node:path'
import { ConfigError, PortcullisError } from '../../edge/base/error.ts'
import { PointBlock } from '../../edge/device/points.ts'
import { CaptureParser, type Datagram, datagrams } from '../../drivers/lidar/capture/pcap.ts'
import type { PacketDecoder } from '../../drivers/lidar/decoder.ts'
import * as hesai from '../../drivers/lidar/hesai/codec.ts'
import { readCorrection } from '../../drivers/lidar/hesai/correction.ts'
import { OusterDecoder } from '../../drivers/lidar/ouster/decoder.ts'
import { lidarLengths } from '../../drivers/lidar/ouster/layout.ts'
import { metadataBytesMax, readMetadata } from '../../drivers/lidar/ouster/metadata.ts'
import { readCalibration } from '../../drivers/lidar/velodyne/calibration.ts'
import * as velodyne from '../../drivers/lidar/velodyne/codec.ts'
import { vlp16, vlp32c, type VelodyneModel } from '../../drivers/lidar/velodyne/model.ts'
import { readGiven } from '../cli/given.ts'
import type { Listener, Player, Recording } from './recording.ts'

interface UdpSensor {
  /** As far as a packet alone tells. */
  sends(packet: Uint8Array): boolean
  /** How files about one sensor end: metadata, calibration. */
  files: readonly string[]
  /** @throws PortcullisError when the text is about something else, or is missing and cannot be done without. */
  decoder(text?: string): PacketDecoder
}

const velodyneSensor = (model: VelodyneModel): UdpSensor => ({
  sends: (packet) => packet.length === velodyne.packetBytes && packet[0] === 0xff && packet[1] === 0xee && packet[velodyne.productAt] === model.product,
  files: ['.yaml', '.yml'],
  decoder: (text) => new velodyne.VelodyneDecoder(model, text === undefined ? {} : { lasers: readCalibration(text, model) }),
})

export const udpSensors: Readonly<Record<string, UdpSensor>> = {
  'lidar/velodyne-vlp16': velodyneSensor(vlp16),
  'lidar/velodyne-vlp32c': velodyneSensor(vlp32c),
  'lidar/hesai-xt16': {
    sends: (packet) => packet.length === hesai.packetBytes && packet[0] === 0xee && packet[1] === 0xff && packet[2] === 6,
    files: ['.csv'],
    decoder: (text) => new hesai.PandarXt16Decoder(text === undefined ? {} : { channels: readCorrection(text) }),
  },
  'lidar/ouster': {
    sends: (packet) => lidarLengths.has(packet.length),
    files: ['.json'],
    decoder(text) {
      if (text === undefined) throw new ConfigError('PC-CAPTURE-METADATA', 'The packets are of an Ouster, and no metadata beside the capture fits them: give the sensor\'s metadata (--metadata).')
      return new OusterDecoder(readMetadata(text))
    },
  },
}

export interface Wanted {
  sensor?: string | undefined
  metadata?: string | undefined
  /** Only what was recorded at this UDP port. */
  port?: number | undefined
}

/** How many files beside a capture are looked at. */
const besideMax = 64

/** So much of a capture shows what it is of. */
const sampleMax = { datagrams: 1_000, bytes: 16 * 1024 * 1024 }

/** @throws ConfigError (PC-CAPTURE-SENSOR, PC-CAPTURE-METADATA), InputError (PC-CAPTURE-...), and what is wrong with the file that was given */
export async function packetRecording(capture: string, wanted: Wanted): Promise<Recording> {
  const { port } = wanted
  const { sample: all, counts } = await sampleOf(capture, port)
  const name = wanted.sensor ?? mostLikely(all)
  const sensor = name === undefined ? undefined : udpSensors[name]
  if (name === undefined || sensor === undefined) throw unrecognised(capture, all.length, counts)
  // A vehicle's recording holds several lidars, and a decoder can follow one.
  const from = busiest(all.filter(({ payload }) => sensor.sends(payload)))
  const isOurs = (datagram: Datagram): boolean => (from === undefined || datagram.from === from) && (port === undefined || datagram.port === port)
  const sample = all.filter(isOurs)
  const metadata = wanted.metadata ?? beside(capture, sensor.files).find((file) => fits(sensor, file, sample))
  const text = metadata === undefined ? undefined : readGiven(metadata).toString('utf8')
  // What is wrong with the file is wrong at once, not when the capture is played.
  sensor.decoder(text)
  let parser = new CaptureParser()
  let others = 0
  return {
    sensor: name, metadata, times: 'dates',
    bytes: statSync(capture).size,
    async *pieces() {
      parser = new CaptureParser()
      others = 0
      for await (const datagram of datagrams(capture, parser)) {
        if (isOurs(datagram)) yield datagram
        else others++
      }
    },
    player: (listener) => packetPlayer(sensor.decoder(text), listener, () => ({ ...parser.counts, ofOthers: others })),
  }
}

function packetPlayer(decoder: PacketDecoder, { now, onBlock, onVerdict }: Listener, counts: () => Record<string, number>): Player {
  const block = new PointBlock(decoder.columnsMax, decoder.rings)
  return {
    get identity() {
      return decoder.identity
    },
    get counts() {
      return counts()
    },
    take(packet) {
      const verdict = decoder.decode(packet, block)
      block.received = now()
      onVerdict(verdict)
      if (verdict === 'points') onBlock(block)
    },
  }
}

/** The first datagrams; what is wrong farther on shows when the capture is played. */
async function sampleOf(capture: string, port: number | undefined): Promise<{ sample: Datagram[]; counts: Record<string, number> }> {
  const sample: Datagram[] = []
  const parser = new CaptureParser()
  let bytes = 0
  try {
    for await (const datagram of datagrams(capture, parser)) {
      if (port !== undefined && datagram.port !== port) continue
      sample.push(datagram)
      bytes += datagram.payload.length
      if (sample.length >= sampleMax.datagrams || bytes >= sampleMax.bytes) break
    }
  } catch (error) {
    if (sample.length === 0 || !(error instanceof PortcullisError)) throw error
  }
  return { sample, counts: parser.counts }
}

function unrecognised(capture: string, datagrams: number, counts: Record<string, number>): ConfigError {
  if (datagrams > 0) return new ConfigError('PC-CAPTURE-SENSOR', `The datagrams in ${capture} are of no lidar that is known.`)
  if ((counts['datagrams'] ?? 0) > 0) return new ConfigError('PC-CAPTURE-SENSOR', `The capture ${capture} holds no datagram for that port.`)
  const hint = (counts['otherProtocol'] ?? 0) > 0 ? ', only other protocols: of a TiM\'s TCP connection give what `tshark -T json` makes of it' : ''
  return new ConfigError('PC-CAPTURE-SENSOR', `The capture ${capture} holds no datagram${hint}.`)
}

/** Who sent most of them. */
function busiest(sample: readonly Datagram[]): string | undefined {
  const counted = Map.groupBy(sample, ({ from }) => from)
  return [...counted].sort(([, a], [, b]) => b.length - a.length)[0]?.[0]
}

function mostLikely(sample: readonly Datagram[]): string | undefined {
  const counted = Object.entries(udpSensors).map(([name, { sends }]) => ({ name, count: sample.filter(({ payload }) => sends(payload)).length }))
  return counted.filter(({ count }) => count > 0).sort((a, b) => b.count - a.count)[0]?.name
}

/** Files that may be about the sensor; those named like the capture first. */
function beside(capture: string, endings: readonly string[]): string[] {
  const folder = dirname(capture)
  const stem = basename(capture, extname(capture))
  return readdirSync(folder)
    .filter((file) => endings.includes(extname(file)))
    .sort((a, b) => Number(b.startsWith(stem)) - Number(a.startsWith(stem)) || a.length - b.length || a.localeCompare(b))
    .slice(0, besideMax)
    .map((file) => join(folder, file))
    .filter((file) => statSync(file).size <= metadataBytesMax)
}

/** Whether the file is about a sensor, and the sample about the same. */
function fits(sensor: UdpSensor, file: string, sample: readonly Datagram[]): boolean {
  try {
    const decoder = sensor.decoder(readGiven(file).toString('utf8'))
    const block = new PointBlock(decoder.columnsMax, decoder.rings)
    return sample.some(({ payload }) => decoder.decode(payload, block) === 'points')
  } catch (error) {
    if (error instanceof PortcullisError) return false
    throw error
  }
}
