import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { PointBlock, returnKinds } from '../../../edge/device/points.ts'
import { datagrams } from '../capture/pcap.ts'
import type { Surroundings } from '../encoder.ts'
import { Beams } from './beams.ts'
import { crc64 } from './crc64.ts'
import { OusterDecoder } from './decoder.ts'
import { OusterEncoder } from './encoder.ts'
import { type Metadata, readMetadata } from './metadata.ts'
import { type ProfileName, profileNames, profiles } from './profiles.ts'
import { RawPackets } from './raw.ts'
import { sampleMetadata } from './sample.ts'

/** Far at the front and near at the back, higher at the top; every seventh beam meets nothing. */
class Shell implements Surroundings {
  readonly reflectance = 0.5
  #calls = 0

  distance(azimuth: number, elevation: number, echo: 0 | 1): number {
    return this.#calls++ % 7 === 0 ? 0 : 8 + 4 * Math.cos(azimuth) + elevation + echo
  }
}

const small = (profile: ProfileName): Metadata => sampleMetadata({ model: 'OS-1-32', profile, columnsPerFrame: 512 })
const newBlock = (decoder: OusterDecoder): PointBlock => new PointBlock(decoder.columnsMax, decoder.rings)

interface Rig {
  metadata: Metadata
  decoder: OusterDecoder
  block: PointBlock
  /** The packet of a number, counted from sensor time 0. */
  packet(number: number): Uint8Array
}

function rig(profile: ProfileName, change: Partial<Metadata> = {}): Rig {
  const metadata = { ...small(profile), ...change }
  const decoder = new OusterDecoder(metadata)
  const scene = new Shell()
  const packet = (number: number): Uint8Array => {
    const encoder = new OusterEncoder(small(profile))
    return encoder.encode(number * encoder.period_us, scene)
  }
  return { metadata, decoder, block: newBlock(decoder), packet }
}

void t.test('what is encoded is decoded, in every profile', async (t) => {
  for (const profile of profileNames) {
    const { metadata, decoder, block, packet } = rig(profile)
    const { returns, fields } = profiles[profile]
    t.equal(decoder.decode(packet(5), block), 'points', profile)
    t.equal(block.columns, 16 * returns)
    t.equal(block.rings, 32)
    t.equal(block.start_us, 5 * 16 * 1e6 / 5120)
    t.equal(block.lost, 0)
    const step = 2 ** fields['RANGE']!.upshift / 1000
    for (const ring of [0, 17, 31]) {
      for (let column = 0; column < block.columns; column++) {
        const point = column * 32 + ring
        const range = block.distance[point]!
        if (range === 0) {
          t.same([block.x[point], block.y[point], block.z[point]], [0, 0, 0])
          continue
        }
        const number = 5 * 16 + Math.floor(column / returns)
        const row = 31 - ring
        const azimuth = Math.PI - 2 * Math.PI * number / 512 - metadata.azimuths[row]! * Math.PI / 180
        const elevation = metadata.altitudes[row]! * Math.PI / 180
        const echo = returns === 2 && column % 2 === 1 ? 1 : 0
        const truth = 8 + 4 * Math.cos(azimuth) + elevation + echo
        // Beams leave 16 mm beside the axis and 36 mm above the base: the sphere they end on is the true one within that.
        const radius = Math.hypot(block.x[point]!, block.y[point]!, block.z[point]! - 0.036)
        const heading = Math.atan2(block.y[point]!, block.x[point]!) - azimuth
        const right = Math.abs(range - truth) <= step && Math.abs(radius - range) < 0.02 &&
          Math.abs(Math.asin(Math.sin(heading))) < 0.002 && Math.abs(block.z[point]! - 0.036 - range * Math.sin(elevation)) < 0.02 &&
          block.intensity[point] === 128 && block.returnOf[column] === (returns === 1 ? returnKinds.only : echo === 0 ? returnKinds.strongest : returnKinds.second)
        if (!right) t.fail(`${profile} column ${column} ring ${ring}`)
      }
    }
  }
})

void t.test('points are where the maker says that a range lies', async (t) => {
  // Row 2 of this sensor at measurement 128 of 512, worked out with the formula of the user manual.
  const metadata = small('RNG19_RFL8_SIG16_NIR16')
  const { origins, directions } = new Beams(metadata).rays()
  const at = ((31 - 2) * 512 + 128) * 3
  const [n, r] = [0.015806, 10]
  const encoder = 2 * Math.PI * (1 - 128 / 512)
  const azimuth = -metadata.azimuths[2]! * Math.PI / 180
  const altitude = metadata.altitudes[2]! * Math.PI / 180
  const lidar = [
    (r - n) * Math.cos(encoder + azimuth) * Math.cos(altitude) + n * Math.cos(encoder),
    (r - n) * Math.sin(encoder + azimuth) * Math.cos(altitude) + n * Math.sin(encoder),
    (r - n) * Math.sin(altitude),
  ]
  const sensor = [-lidar[0]!, -lidar[1]!, lidar[2]! + 0.03618]
  sensor.forEach((value, axis) => t.ok(Math.abs(origins[at + axis]! + r * directions[at + axis]! - value) < 1e-9, `axis ${axis}`))
})

void t.test('lost, late and doubled packets are known, over the wrap of the frame number too', async (t) => {
  for (const profile of ['LEGACY', 'RNG15_RFL8_NIR8', 'FUSA_RNG15_RFL8_NIR8_DUAL'] as const) {
    const { decoder, block, packet } = rig(profile)
    const seen = (number: number): unknown[] => {
      const verdict = decoder.decode(packet(number), block)
      return verdict === 'points' ? [block.turn, block.lost] : [verdict]
    }
    const base = 65_535 * 32
    t.same(seen(base + 29), [0, 0])
    t.same(seen(base + 30), [0, 0])
    t.same(seen(base + 30), ['late'], 'twice')
    t.same(seen(base + 29), ['late'], 'out of order')
    t.same(seen(base + 33), [1, 2], 'two are missing, one of them of the next turn')
    t.same(seen(base + 32), ['late'])
    t.same(seen(base + 32 * 3), [3, 62], 'turns are missing')
    for (let number = 0; number < 32; number++) seen(base + number)
    t.same(seen(base + 5), [4, 0], 'a turn of older packets only: the sensor began anew')
    decoder.reset()
    t.same(seen(7), [5, 0])
  }
})

void t.test('the window says which packets are to be expected', async (t) => {
  const { decoder, block, packet } = rig('RNG15_RFL8_NIR8', { columnWindow: [40, 70] })
  t.equal(decoder.decode(packet(2), block), 'points')
  t.equal(decoder.decode(packet(4), block), 'points')
  t.equal(block.lost, 1)
  t.equal(decoder.decode(packet(32 + 2), block), 'points')
  t.equal(block.lost, 0, 'the rest of the turn is not measured')
  t.equal(decoder.decode(packet(32 + 9), block), 'wrong-sensor')

  const windowed = { ...small('RNG15_RFL8_NIR8'), columnWindow: [40, 70] as const }
  const encoder = new OusterEncoder(windowed)
  const cut = new OusterDecoder(windowed)
  t.equal(cut.decode(encoder.encode(2 * encoder.period_us, new Shell()), block), 'points')
  t.equal(block.columns, 8, 'columns outside of the window hold no beams')
  t.equal(cut.decode(new OusterEncoder(windowed).encode(0, new Shell()), block), 'other')
})

void t.test('packets of another sensor, or of this one set up otherwise, are told from damaged and foreign ones', async (t) => {
  const { decoder, block, packet, metadata } = rig('RNG19_RFL8_SIG16_NIR16')
  const verdict = (bytes: Uint8Array): string => decoder.decode(bytes, block)
  t.equal(verdict(packet(0)), 'points')
  t.equal(verdict(rig('RNG15_RFL8_NIR8').packet(1)), 'wrong-sensor', 'another profile')
  t.equal(verdict(new Uint8Array(48)), 'other', 'IMU')
  t.equal(verdict(new Uint8Array(1206)), 'foreign')
  t.equal(verdict(new Uint8Array(packet(0).length)), 'foreign')
  const zones = packet(1).slice(0, 680)
  zones[0] = 3
  t.equal(verdict(zones), 'other', 'zone monitor')
  const broken = packet(1)
  broken[400]! ^= 16
  t.equal(verdict(broken), 'damaged')

  const other = (change: Partial<Metadata>): string => new OusterDecoder({ ...metadata, ...change }).decode(packet(1), block)
  t.equal(other({ serial: '990000000009' }), 'wrong-sensor')
  t.equal(other({ initId: 5 }), 'points', 'the same sensor, started anew')
  t.equal(other({ initId: 5, serial: '' }), 'wrong-sensor', 'nothing but the start could say that it is the same')
  t.equal(other({ columnsPerFrame: 64, columnWindow: [0, 63] }), 'points')
  t.equal(new OusterDecoder({ ...metadata, columnsPerFrame: 64, columnWindow: [0, 63] }).decode(packet(9), block), 'wrong-sensor', 'more columns than there are')
})

void t.test('a sensor in another mode is found out by its pace', async (t) => {
  for (const [columnsPerFrame, framesPerSecond] of [[1024, 10], [1024, 20], [512, 20], [512, 10]] as const) {
    const metadata = sampleMetadata({ model: 'OS-1-32', columnsPerFrame: 1024, framesPerSecond: 10 })
    const encoder = new OusterEncoder({ ...metadata, columnsPerFrame, framesPerSecond, columnWindow: [0, columnsPerFrame - 1] })
    const decoder = new OusterDecoder(metadata)
    const block = newBlock(decoder)
    const verdicts = Array.from({ length: encoder.packetsPerTurn * 2 }, (_, number) => decoder.decode(encoder.encode(number * encoder.period_us, new Shell()), block))
    t.equal(verdicts.at(-1), columnsPerFrame === 1024 && framesPerSecond === 10 ? 'points' : 'wrong-sensor', `${columnsPerFrame}x${framesPerSecond}`)
  }
})

void t.test('a check sum once seen right is asked for ever after', async (t) => {
  const { decoder, block, packet } = rig('RNG15_RFL8_NIR8')
  const without = (number: number): Uint8Array => packet(number).fill(number, -8)
  t.equal(decoder.decode(without(0), block), 'points', 'older firmware has none')
  t.equal(decoder.decode(without(1), block), 'points', 'or something else')
  t.equal(decoder.decode(packet(2), block), 'points')
  t.equal(decoder.decode(without(3), block), 'damaged')
  const newer = rig('RNG15_RFL8_NIR8', { firmware: 'v3.2.0' }).decoder
  t.equal(newer.decode(without(0), block), 'damaged', 'newer firmware always has one')
  t.equal(crc64(new Uint32Array(new Uint8Array(24).buffer), 4), false)
  const check = new Uint32Array(6)
  new Uint8Array(check.buffer).set(Buffer.from('123456789abcdefg'))
  t.ok(crc64(check, 4, true))
})

void t.test('whatever the bytes, the decoder says what they are', async () => {
  const rigs = (['LEGACY', 'RNG19_RFL8_SIG16_NIR16_DUAL', 'FUSA_RNG15_RFL8_NIR8_DUAL'] as const).map((profile) => rig(profile))
  const change = fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 }))
  fc.assert(fc.property(fc.constantFrom(...rigs), fc.nat({ max: 100_000 }), fc.array(change, { maxLength: 5 }), fc.option(fc.nat({ max: 9000 })), ({ decoder, block, packet }, number, changes, length) => {
    let bytes = packet(number)
    for (const [place, value] of changes) bytes[place % bytes.length] = value
    if (length !== null) bytes = bytes.slice(0, length)
    decoder.decode(bytes, block)
    return block.columns <= decoder.columnsMax && block.x.every(Number.isFinite) && block.lost >= 0
  }), { numRuns: 300 })
})

const folder = join(process.env['PORTCULLIS_DATA'] ?? join(import.meta.dirname, '../../../../shared/data'), 'lidar/ouster')
const recorded = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.pcap')) : []

void t.test('recorded packets are all understood', { skip: recorded.length === 0 && 'no captures here' }, async (t) => {
  for (const name of recorded) {
    const file = ['.json', '_0.json'].map((end) => join(folder, name.replace('.pcap', end))).find(existsSync)
    if (file === undefined) continue
    const metadata = readMetadata(readFileSync(file, 'utf8'))
    const decoder = new OusterDecoder(metadata)
    const raw = new RawPackets(metadata)
    const block = newBlock(decoder)
    let flipped = 0
    for await (const { payload } of datagrams(join(folder, name))) {
      const verdict = decoder.decode(payload, block)
      t.equal(verdict, raw.isLidar(payload) ? 'points' : 'other', name)
      if (verdict !== 'points') continue
      t.equal(block.lost, 0)
      if (metadata.firmware < 'v3') continue
      const bad = payload.slice()
      bad[100 + flipped]! ^= 1 << (flipped++ & 7)
      t.equal(decoder.decode(bad, block), 'damaged', `${name} with a bit flipped`)
    }
    if (name.startsWith('shot_limiting')) t.match(decoder, { telemetry: { thermalShutdown: 1, shotLimiting: 1, shutdownCountdown_s: 5 }, heat: 'ending' })
  }
})
