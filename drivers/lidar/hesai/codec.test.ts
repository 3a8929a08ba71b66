import fc from 'fast-check'
import t, { type Test } from 'tap'
import { fromHex } from '../../../edge/base/bytes.ts'
import { PointBlock, returnKinds } from '../../../edge/device/points.ts'
import type { Surroundings } from '../encoder.ts'
import { blocks, heatAt, modeAt, packetBytes, PandarXt16Decoder, type ReturnMode, returnModes, sequenceAt, timeAt, unit_m } from './codec.ts'
import { readCorrection } from './correction.ts'
import { PandarXt16Encoder } from './twin.ts'

const degrees = (radians: number): number => (radians * 180) / Math.PI
const blockFor = (decoder: PandarXt16Decoder): PointBlock => new PointBlock(decoder.columnsMax, decoder.rings)
const near = (t: Test, found: number | undefined, wanted: number, within: number, what: string): void =>
  void t.ok(Math.abs((found ?? NaN) - wanted) <= within, `${what}: ${found}, wanted ${wanted}`)

const le = (value: number, bytes: number): string => Array.from({ length: bytes }, (_, at) => (Math.floor(value / 256 ** at) % 256).toString(16).padStart(2, '0')).join('')

interface Written {
  azimuth: (at: number) => number
  /** Of a block: channel (from 1), distance, reflectivity. */
  points?: Record<number, readonly (readonly [channel: number, distance: number, reflectivity: number])[]>
  mode?: string
  sequence?: number
  micros?: number
}

/** A point cloud packet written out by hand (3.1.2): of 2019-07-25 04:12:29. */
function packetOf({ azimuth, points = {}, mode = '37', sequence = 1, micros = 274_789 }: Written): Uint8Array {
  const body = Array.from({ length: blocks }, (_, at) => {
    const channels = Array.from({ length: 16 }, () => '00000000')
    for (const [channel, distance, reflectivity] of points[at] ?? []) channels[channel - 1] = `${le(distance, 2)}${le(reflectivity, 1)}00`
    return le(azimuth(at) % 36_000, 2) + channels.join('')
  })
  return fromHex(`eeff06010000 100800040101 ${body.join('')} 00000000000000000000 ${mode} 5802 770719040c1d ${le(micros, 4)} 42 ${le(sequence, 4)}`)
}

void t.test('a packet by hand: frame, ring order, units, firing times (3.1.2, 3.1.3)', async (t) => {
  const decoder = new PandarXt16Decoder()
  const block = blockFor(decoder)
  // Channel 1 (+15 degrees) at 10 m and channel 16 (-15) at 20 m in block 1, at 90.00 degrees; channel 5 (+7) in block 8.
  const packet = packetOf({ azimuth: (at) => 9000 + 18 * at, points: { 0: [[1, 2500, 9], [16, 5000, 200]], 7: [[5, 25, 3]] } })
  t.equal(packet.length, packetBytes)
  t.equal(decoder.decode(packet, block), 'points')
  t.match(block, { columns: 8, rings: 16, turn: 0, turnAt: -1, lost: 0 })
  t.strictSame([...decoder.elevations].map((angle) => Math.round(degrees(angle))), [-15, -13, -11, -9, -7, -5, -3, -1, 1, 3, 5, 7, 9, 11, 13, 15])
  // Channel 1 fires 0.368 us after its block begins: 0.1 hundredths. 90 degrees clockwise of y is x.
  near(t, block.x[15], 10 * Math.cos(Math.PI / 12), 1e-5, 'x')
  near(t, block.y[15], 0, 1e-5, 'y')
  near(t, block.z[15], 10 * Math.sin(Math.PI / 12), 1e-5, 'z')
  t.equal(block.intensity[15], 9)
  near(t, degrees(block.angle[0] ?? 0), 0, 1e-4, 'it looks along x')
  // Channel 16: 0.368 + 15 x 3.024 us of 50 us, 16.5 of 18 hundredths, rounded as the wire does.
  near(t, degrees(Math.atan2(block.y[0] ?? 0, block.x[0] ?? 0)), -0.16, 1e-4, 'the last channel fires when the sensor has turned on')
  near(t, block.distance[0], 20, 1e-6, 'its distance')
  near(t, block.offset_us[0], 45.36, 1e-4, 'its time after the first channel')
  const seventh = 7 * 16 + 11
  near(t, block.distance[seventh], 0.1, 1e-6, 'in units of 4 mm')
  near(t, block.offset_us[seventh], 7 * 50 + 4 * 3.024, 1e-3, 'block 8 begins 350 us after block 1')
  // The packet's time is 5.632 us before its last block begins (appendix "Absolute time").
  near(t, block.start_us, Date.UTC(2019, 6, 25, 4, 12, 29) * 1000 + 274_789 + 5.632 - 350 + 0.368, 0.5, 'when the first channel fired')
  t.equal(block.returnOf[0], returnKinds.strongest)

  const asBlock = new PandarXt16Decoder({ azimuth: 'block' })
  t.equal(asBlock.decode(packet, block), 'points')
  near(t, block.y[0], 0, 1e-5, 'on request all beams are at the block\'s azimuth')
})

void t.test('the flag of a sensor that is too hot (3.1.2, tail)', async (t) => {
  const decoder = new PandarXt16Decoder()
  const block = blockFor(decoder)
  const heat = (sequence: number, flag: number) => {
    const packet = packetOf({ sequence, azimuth: (at) => 18 * (sequence * 8 + at) })
    packet[heatAt] = flag
    t.equal(decoder.decode(packet, block), 'points')
    return decoder.heat
  }
  t.strictSame([heat(1, 0), heat(2, 1), heat(3, 0)], [undefined, 'ending', undefined])
})

void t.test('dual returns by mode, equal echoes told once (3.1.2, Return mode)', async (t) => {
  const both = [[1, 1000, 1], [2, 4000, 2]] as const
  const other = [[1, 1000, 1], [2, 2000, 3]] as const
  const kinds = { 39: ['last', 'strongest'], '3b': ['last', 'first'], '3c': ['first', 'strongest'] } as const
  for (const [mode, [first, second]] of Object.entries(kinds)) {
    const decoder = new PandarXt16Decoder()
    const block = blockFor(decoder)
    t.equal(decoder.decode(packetOf({ mode, azimuth: (at) => 35_982 + 18 * (at >> 1), points: { 0: both, 1: other } }), block), 'points')
    t.match(block, { columns: 8, turn: 0, turnAt: 2 })
    t.strictSame([...block.returnOf.subarray(0, 2)], [returnKinds[first], returnKinds[second]])
    t.strictSame([15, 14, 16 + 15, 16 + 14].map((index) => Math.round(block.distance[index] ?? 0)), [4, 16, 0, 8])
    t.equal(block.offset_us[15], block.offset_us[16 + 15], 'both returns are of one moment')
    near(t, block.offset_us[6 * 16 + 15], 150, 1e-3, 'four rounds of 50 us')
    t.equal(decoder.beamsPerSecond, 640_000)
  }
})

void t.test('an angle correction file', async (t) => {
  const rows = Array.from({ length: 16 }, (_, at) => `${at + 1},${15 - 2 * at + 0.1},${at === 0 ? 1.5 : 0}`)
  const decoder = new PandarXt16Decoder({ channels: readCorrection(`\uFEFFChannel,Elevation,Azimuth\r\n${rows.join('\r\n')}\r\n`), azimuth: 'block' })
  const block = blockFor(decoder)
  t.equal(decoder.decode(packetOf({ azimuth: (at) => 18 * at, points: { 0: [[1, 2500, 9]] } }), block), 'points')
  near(t, degrees(Math.atan2(block.x[15] ?? 0, block.y[15] ?? 0)), 1.5, 1e-4, 'clockwise is positive')
  near(t, degrees(decoder.elevations[15] ?? 0), 15.1, 1e-4, 'as calibrated')
  const refused = (text: string) => t.throws(() => readCorrection(text), { code: 'PC-LIDAR-CALIBRATION', message: /^The file is no angle correction of a PandarXT-16: .*\.$/ })
  refused('')
  refused('nonsense')
  refused(rows.join('\n'))
  for (const wrong of ['1,15', '1,fifteen,0', '0,15,0', '17,15,0', '1.5,15,0', '2,15,0', '1,95,0', '1,15,11', '1,NaN,0', '1,,0', '1,12.9,0']) refused(['Channel,Elevation,Azimuth', wrong, ...rows.slice(1)].join('\n').replace('12.9', '13.1'))
  refused(['Channel,Elevation,Azimuth', ...rows.slice(1)].join('\n'))
  refused(`Channel,Elevation,Azimuth\n${' '.repeat(20_000)}`)
  fc.assert(fc.property(fc.oneof(fc.string({ maxLength: 200 }), fc.array(fc.constantFrom(...rows, 'Channel,Elevation,Azimuth', '1,2,3', ','), { maxLength: 20 }).map((lines) => lines.join('\n'))), (text) => {
    try {
      return readCorrection(text).length === 16
    } catch (error) {
      return (error as { code?: string }).code === 'PC-LIDAR-CALIBRATION'
    }
  }))
})

const smooth = (phase: number): Surroundings => ({
  reflectance: 0.42,
  distance: (azimuth, elevation, echo) => (echo === 0 ? 12 + 5 * Math.cos(azimuth - phase) + 3 * elevation : azimuth > 1 && azimuth < 3 ? 25 + Math.sin(azimuth) : azimuth > 4 ? 4 + elevation : 0),
})

void t.test('what a twin sends of a scene is decoded as that scene, within what the wire can tell', async () => {
  const modes = fc.constantFrom<ReturnMode>(...Object.values(returnModes).map(({ name }) => name))
  fc.assert(fc.property(modes, fc.double({ min: 0, max: 6, noNaN: true }), fc.integer({ min: 0, max: 1e12 }), fc.constantFrom(600, 1200), (returns, phase, start_us, rpm) => {
    const encoder = new PandarXt16Encoder({ returns, rpm })
    const decoder = new PandarXt16Decoder()
    const block = blockFor(decoder)
    const world = smooth(phase)
    const [kind] = returns.split('-')
    for (let packet = 0; packet < 3; packet++) {
      const at_us = start_us + packet * encoder.period_us
      if (decoder.decode(encoder.encode(at_us, world), block) !== 'points' || block.lost !== 0) throw new Error('no points')
      if (Math.abs(block.start_us - Date.UTC(2026, 0, 1) * 1000 - at_us) > 1) throw new Error(`time ${block.start_us} of ${at_us}`)
      for (let index = 0; index < block.beams; index++) {
        const elevation = ((2 * (index % 16) - 15) * Math.PI) / 180
        const [x = 0, y = 0, z = 0, distance = 0] = [block.x[index], block.y[index], block.z[index], block.distance[index]]
        const angle = (Math.atan2(y, x) + 2 * Math.PI) % (2 * Math.PI)
        if ([0, 1, 3, 4, 2 * Math.PI].some((edge) => Math.abs(angle - edge) < 0.001)) continue
        const [strongest, second] = [world.distance(angle, elevation, 0), world.distance(angle, elevation, 1)]
        const echoes = second === 0 ? [strongest] : [strongest, second]
        const first = kind === 'strongest' ? strongest : kind === 'last' ? Math.max(...echoes) : Math.min(...echoes)
        const isSecond = returns.includes('-') && Math.floor(index / 16) % 2 === 1
        if (isSecond && distance === 0) continue
        const wanted = isSecond ? echoes.find((echo) => echo !== first) ?? NaN : first
        if (!(Math.abs(distance - wanted) <= unit_m / 2 + 0.006)) throw new Error(`${distance} m at ${angle}, wanted ${wanted}`)
        if (Math.abs(z - distance * Math.sin(elevation)) > 1e-4 || block.intensity[index] !== 42) throw new Error('it is elsewhere')
      }
    }
  }), { numRuns: 60 })
})

void t.test('packets that are missing, late or twice, and a sensor that began anew', async (t) => {
  const decoder = new PandarXt16Decoder()
  const block = blockFor(decoder)
  const send = (sequence: number, start = 0) => [decoder.decode(packetOf({ sequence, azimuth: (at) => start + 18 * at }), block), block.lost]
  t.strictSame(send(10), ['points', 0])
  t.strictSame(send(11, 144), ['points', 0])
  t.strictSame(send(15, 720), ['points', 3])
  t.strictSame(send(14, 576)[0], 'late')
  t.strictSame(send(15, 720)[0], 'late')
  for (const [at, sequence] of [0x4000_0000, 0x9000_0000, 0xffff_fffe].entries()) t.strictSame(send(sequence, 864 + 144 * at), ['points', 0], 'far away: it began anew')
  t.strictSame(send(1, 1296), ['points', 2], 'the number runs over')
  t.strictSame(send(2, 18_000)[0], 'damaged', 'the azimuth jumps from one packet to the next')
  t.strictSame(send(3, 18_144), ['points', 0])
  t.strictSame(send(4, 100_000)[0], 'damaged')
  t.strictSame([block.turn, block.turnAt], [0, -1])
  t.strictSame(send(6, 0), ['points', 1])
  t.equal(block.turn, 1, 'a turn began in the gap')
  decoder.reset()
  t.strictSame(send(1), ['points', 0])
  t.equal(block.turn, 0)
})

void t.test('what is no packet of this sensor, or contradicts itself', async (t) => {
  const decoder = new PandarXt16Decoder()
  const block = blockFor(decoder)
  const changed = (at: number, ...bytes: number[]) => {
    const packet = packetOf({ azimuth: (at) => 18 * at })
    packet.set(bytes, at)
    return decoder.decode(packet, block)
  }
  block.distance.fill(7)
  t.equal(decoder.decode(new Uint8Array(0), block), 'foreign')
  t.equal(changed(0, 0xff, 0xee), 'foreign')
  t.equal(changed(2, 1), 'wrong-sensor', 'another family')
  t.equal(changed(6, 32), 'wrong-sensor', 'an XT32')
  t.equal(changed(7, 6), 'damaged', 'another number of blocks')
  t.equal(changed(9, 2), 'damaged', 'another unit')
  t.equal(changed(modeAt, 0x3a), 'damaged', 'no return mode')
  t.equal(changed(12, 0xff, 0xff), 'damaged', 'an azimuth of 655 degrees')
  t.equal(changed(12 + 66, 0x50, 0x46), 'damaged', 'an azimuth that jumps')
  t.equal(changed(modeAt + 4, 13), 'damaged', 'a thirteenth month')
  t.equal(changed(timeAt, 0, 0, 0, 1), 'damaged', 'seventeen seconds of microseconds')
  t.ok(block.distance.every((distance) => distance === 7), 'the block is not touched')
  t.equal(changed(sequenceAt, 1, 0, 0, 0), 'points')
  const gps = new Uint8Array(512)
  t.equal(decoder.decode(gps, block), 'foreign')
  gps.set([0xff, 0xee])
  t.equal(decoder.decode(gps, block), 'other', 'a GPS packet (3.2)')
})

void t.test('whatever the bytes, it ends, and what it takes for points is bounded', async (t) => {
  const decoder = new PandarXt16Decoder()
  const hostile = fc.record({ bytes: fc.uint8Array({ minLength: packetBytes, maxLength: packetBytes }), azimuth: fc.nat(35_999), steps: fc.array(fc.nat(50), { minLength: 8, maxLength: 8 }), mode: fc.constantFrom(0x33, 0x37, 0x38, 0x39, 0x3b, 0x3c) })
    .map(({ bytes, azimuth, steps, mode }) => {
      bytes.set(packetOf({ azimuth: () => 0 }).subarray(0, 12))
      let at = azimuth
      for (const [index, step] of steps.entries()) {
        at = (at + step) % 36_000
        bytes.set([at & 0xff, at >> 8], 12 + index * 66)
      }
      bytes[modeAt] = mode
      bytes.set([126, 1, 2, 3, 4, 5, 6, 7, 8, 0], modeAt + 3)
      return bytes
    })
  const verdicts = new Set(['points', 'other', 'foreign', 'damaged', 'wrong-sensor', 'late'])
  let points = 0
  fc.assert(fc.property(fc.oneof(fc.uint8Array({ maxLength: 1_600 }), fc.uint8Array({ minLength: packetBytes, maxLength: packetBytes }), hostile), (bytes) => {
    const block = blockFor(decoder)
    const verdict = decoder.decode(bytes, block)
    if (!verdicts.has(verdict)) throw new Error(`verdict ${verdict}`)
    if (verdict !== 'points') return
    points++
    if (block.columns !== 8 || block.rings !== 16 || block.turnAt >= 8 || block.lost < 0 || block.lost >= 10_000) throw new Error('out of bounds')
    if (![...block.x, ...block.y, ...block.z, block.start_us].every(Number.isFinite)) throw new Error('no number')
    if (![...block.distance].every((distance) => distance >= 0 && distance < 262.2)) throw new Error('farther than the wire can say')
    if (![...block.angle].every((angle) => angle >= 0 && angle < 2 * Math.PI)) throw new Error('no angle')
  }), { numRuns: 300 })
  t.ok(points > 20, `${points} packets were taken`)
})
