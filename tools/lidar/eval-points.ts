/**
 * Whether the decoders of Velodyne and Hesai give the very points that a reference decoder gave for a
 * recorded turn: `lidar.points.<folder>` is the share of its points that are reproduced, each by one of
 * ours; `lidar.extra.<folder>` the share of ours, while that turn lasted, that it does not have.
 *
 * The reference leaves the firing times of a Hesai out, and does not follow Velodyne's manual everywhere
 * (reference-azimuth.ts). It is followed in that for the comparison only; `lidar.shift.<folder>` says by
 * how much at most the azimuths differ from those that the decoders give in operation.
 */
import { globSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { PortcullisError } from '../../edge/base/error.ts'
import { PointBlock } from '../../edge/device/points.ts'
import { datagrams } from '../../drivers/lidar/capture/pcap.ts'
import type { PacketDecoder } from '../../drivers/lidar/decoder.ts'
import { PandarXt16Decoder } from '../../drivers/lidar/hesai/codec.ts'
import { readCorrection } from '../../drivers/lidar/hesai/correction.ts'
import { readCalibration } from '../../drivers/lidar/velodyne/calibration.ts'
import { VelodyneDecoder } from '../../drivers/lidar/velodyne/codec.ts'
import { vlp16, vlp32c } from '../../drivers/lidar/velodyne/model.ts'
import type { Figure } from '../bench/figure.ts'
import { compareClouds, type DecodedPoints } from './compare-clouds.ts'
import { readPcd } from './pcd.ts'
import { placeAsReference } from './reference-azimuth.ts'

interface Sensor {
  /** As it works in operation. */
  inOperation: PacketDecoder
  /** Places points as the reference does, once they are adjusted. */
  asReference: PacketDecoder
  adjust?: (block: PointBlock) => void
  /** The field of the recorded cloud that counts rings as we do; Hesai's clouds count channels there, from the top. */
  ringField?: string
}

/** The sensor that the calibration beside a capture belongs to. */
async function sensorIn(folder: string): Promise<Sensor | undefined> {
  const [yaml] = globSync(join(folder, '*.yaml'))
  if (yaml !== undefined) {
    const text = await readFile(yaml, 'utf8')
    const lasersGiven = Number(/^num_lasers: *(\d+)/m.exec(text)?.[1])
    const model = [vlp16, vlp32c].find(({ lasers }) => lasers === lasersGiven)
    if (model === undefined) return undefined
    const lasers = readCalibration(text, model)
    return {
      inOperation: new VelodyneDecoder(model, { lasers }), asReference: new VelodyneDecoder(model, { lasers }), ringField: 'channel',
      adjust: (block) => placeAsReference(model, lasers, block),
    }
  }
  const [csv] = globSync(join(folder, '*.csv'))
  if (csv === undefined) return undefined
  const channels = readCorrection(await readFile(csv, 'utf8'))
  return { inOperation: new PandarXt16Decoder({ channels }), asReference: new PandarXt16Decoder({ channels, azimuth: 'block' }) }
}

const turnedBy = (x: number, y: number, x2: number, y2: number): number => Math.abs(Math.atan2(x * y2 - y * x2, x * x2 + y * y2))

async function decode(pcap: string, sensor: Sensor): Promise<DecodedPoints> {
  const { inOperation, asReference, adjust } = sensor
  const block = new PointBlock(inOperation.columnsMax, inOperation.rings)
  const other = new PointBlock(inOperation.columnsMax, inOperation.rings)
  const points: DecodedPoints = { x: [], y: [], z: [], distance: [], intensity: [], ring: [], shift: [] }
  for await (const { payload } of datagrams(pcap)) {
    const verdict = asReference.decode(payload, block)
    inOperation.decode(payload, other)
    if (verdict !== 'points') continue
    adjust?.(block)
    for (let index = 0; index < block.beams; index++) {
      const { x, y, z, distance, intensity } = block
      if (distance[index] === 0) continue
      points.x.push(x[index] ?? 0)
      points.y.push(y[index] ?? 0)
      points.z.push(z[index] ?? 0)
      points.distance.push(distance[index] ?? 0)
      points.intensity.push(intensity[index] ?? 0)
      points.ring.push(index % block.rings)
      points.shift.push(turnedBy(x[index] ?? 0, y[index] ?? 0, other.x[index] ?? 0, other.y[index] ?? 0))
    }
  }
  return points
}

async function evaluateFolder(folder: string, pcap: string, clouds: readonly string[], say: (figure: Figure) => void): Promise<void> {
  const sensor = await sensorIn(folder)
  if (sensor === undefined) return skip(folder, 'no calibration of a sensor that is known')
  const points = await decode(pcap, sensor)
  const total = { truth: 0, reproduced: 0, decoded: 0, extra: 0, shift: 0 }
  for (const file of clouds) {
    const truth = readPcd(await readFile(file))
    const found = compareClouds(points, truth, sensor.ringField)
    total.truth += truth.length
    total.reproduced += found.reproduced
    total.decoded += found.decoded
    total.extra += found.extra
    total.shift = Math.max(total.shift, found.shift)
  }
  if (total.truth === 0) return skip(folder, 'its point clouds are empty')
  const name = basename(folder)
  say({ name: `lidar.points.${name}`, value: (100 * total.reproduced) / total.truth, unit: '%' })
  say({ name: `lidar.extra.${name}`, value: total.decoded === 0 ? 0 : (100 * total.extra) / total.decoded, unit: '%' })
  say({ name: `lidar.shift.${name}`, value: (total.shift * 180) / Math.PI, unit: 'deg' })
}

const skip = (folder: string, why: string): void => void process.stderr.write(`lidar.points: ${folder} is left out: ${why}\n`)

/** Every folder below `<data>/lidar` that holds a capture, point clouds and a calibration. */
export async function evaluatePoints(data: string, say: (figure: Figure) => void): Promise<void> {
  const folders = new Set(globSync(join(data, 'lidar', '**', '*.pcd')).map((file) => dirname(file)))
  for (const folder of [...folders].sort()) {
    const [pcap] = globSync(join(folder, '*.{pcap,pcapng}')).sort()
    if (pcap === undefined) {
      skip(folder, 'no capture beside the point clouds')
      continue
    }
    try {
      await evaluateFolder(folder, pcap, globSync(join(folder, '*.pcd')).sort(), say)
    } catch (error) {
      if (!(error instanceof PortcullisError)) throw error
      skip(folder, `${error.code} ${error.message}`)
    }
  }
}
