import fc from 'fast-check'
import t from 'tap'
import { PointBlock } from '../../../device/points.ts'
import { CloudRing, pointKinds } from '../cloud.ts'
import { SafetyMonitor } from '../monitor.ts'
import { ahead, inWords, setupOf, standing, Trial } from './trial.ts'
import { sensorModels, Yard } from './yard.ts'

const leg = (x: number, y: number) => ({ x, y, radius: 0.055, from_z: 0, to_z: 0.8 })
const { beams16 } = sensorModels

void t.test('a return exactly on the edge of a field is in it', async (t) => {
  for (const [x, y] of [[8, 0], [8, 1.5], [4, 1.5], [4, -1.5]] as const) {
    const trial = new Trial({ sensor: beams16 }, { evidence: { turns: 1 }, release_ms: 0, fields: [{ ...ahead, slow: undefined }] })
    trial.run(4)
    t.equal(trial.said, 'clear')
    const block = new PointBlock(3, 16)
    block.columns = 3
    block.rings = 16
    block.received = trial.yard.now_ms + 1
    for (let column = 0; column < 3; column++) {
      block.angle[column] = trial.yard.angle(column)
      block.x.fill(x)
      block.y.fill(y)
      block.distance.fill(Math.hypot(x, y))
    }
    trial.monitor.onBlock('front', block)
    t.equal(trial.said, 'stop field ahead.stop', `${x}, ${y}`)
  }
})

void t.test('turn counters may say what they like', async (t) => {
  for (const counted of [(turn: number, block: number) => [turn * 7 - 3, block % 5], (_: number, block: number) => [block * 31, -1], () => [0, 0], () => [4_294_967_295, 1_000]] as const) {
    const trial = new Trial({ sensor: beams16 })
    const { monitor, yard } = trial
    let blocks = 0
    const run = (turns: number): string => {
      yard.run(turns, (block) => {
        const [turn, turnAt] = counted(yard.turn, blocks++)
        block.turn = turn!
        block.turnAt = turnAt!
        monitor.onMotion(standing, block.received)
        monitor.onBlock('front', block)
      })
      return trial.said
    }
    t.equal(run(12), 'clear')
    yard.posts = [leg(6, -0.5)]
    t.equal(run(3), 'stop field ahead.stop')
  }
})

void t.test('lost packets do not hide a leg', async (t) => {
  const trial = new Trial({ sensor: beams16 })
  trial.run(12)
  const { monitor, yard } = trial
  yard.posts = [leg(5, 0.7)]
  let blocks = 0
  yard.run(4, (block) => {
    // Every seventh packet is lost, another one in every turn.
    if (blocks++ % 7 === 0) return
    monitor.onMotion(standing, block.received)
    monitor.onBlock('front', block)
  })
  t.equal(trial.said, 'stop field ahead.stop')
})

void t.test('another number of rings is another sensor, looked at anew', async (t) => {
  const trial = new Trial({ sensor: beams16 })
  trial.run(12)
  const other = new Yard({ sensor: sensorModels.flat, boxes: [{ low: [9, -9, 0], high: [9.5, 9, 2] }] })
  other.now_ms = trial.yard.now_ms
  other.run(1, (block) => trial.monitor.onBlock('front', block))
  t.equal(trial.said, 'stop starting')
})

void t.test('a sensor that hangs upside down or is tilted as planned sees a leg and no ground', async (t) => {
  for (const mount of [{ z: 1.5, roll: 180 }, { z: 1.2, pitch: 10 }, { z: 1, yaw: 135 }, { z: 1.5, roll: 180, yaw: -90, pitch: -5 }, { z: 1, x: 1, y: -0.5, yaw: 30 }]) {
    const trial = new Trial({ sensor: beams16, mount })
    t.equal(trial.run(30).at(-1), 'clear', JSON.stringify(mount))
    trial.yard.posts = [leg(6, 0.4)]
    t.equal(trial.run(3).at(-1), 'stop field ahead.stop')
  }
})

void t.test('what each point was taken for is handed on, turn by turn', async (t) => {
  const ring = new CloudRing(30_000)
  const trial = new Trial({ sensor: beams16, boxes: [{ low: [-20, 3, 0], high: [20, 3.5, 4] }] }, {}, { range_m: [0.2, 40] }, { cloud: () => ring })
  trial.yard.posts = [leg(5, 0), { x: -0.5, y: 0, radius: 0.2, from_z: 0.5, to_z: 0.95 }]
  trial.run(5)
  const kinds = [0, 0, 0, 0]
  let wrong = 0
  t.equal(ring.newest(({ count, turn, at_us, x, y, z, kind }) => {
    t.equal(turn, 3)
    t.ok(at_us > 1_300_000)
    for (let point = 0; point < count; point++) {
      const is = kind[point]!
      kinds[is]!++
      const [px, py, pz] = [x[point]!, y[point]!, z[point]!]
      if (is === pointKinds.body && !(px <= 0.1 && px >= -1 && Math.abs(py) <= 0.4)) wrong++
      if (is === pointKinds.ground && Math.abs(pz) > 0.15) wrong++
      if (is === pointKinds.ignored && !(pz > 2.2 || Math.hypot(px, py, pz - 1) < 0.2 || Math.hypot(px, py, pz - 1) > 40)) wrong++
    }
  }), true)
  t.equal(wrong, 0)
  t.ok(kinds.every((count) => count > 20), kinds.join(' '))
  t.equal(trial.monitor.counters()['front']?.dropped, 0)
  const small = new Trial({ sensor: beams16 }, {}, {}, { cloud: () => new CloudRing(100) })
  small.run(3)
  t.ok(small.monitor.counters()['front']!.dropped > 10_000, 'what did not fit is counted')
})

void t.test('of two echoes both count, but the same one only once', async (t) => {
  const ring = new CloudRing(60_000)
  const yard = new Yard({ sensor: beams16 })
  const monitor = new SafetyMonitor(setupOf({ sources: { front: { mount: yard.mount } } }), { cloud: () => ring })
  const dual = new PointBlock(48, 16)
  let onlyFirst = false
  /** Each column twice: what came first, 0.4 m before the other in `share` of the beams; and what came last. */
  const run = (turns: number, share: number): string => {
    let beam = 0
    yard.run(turns, (block) => {
      Object.assign(dual, { columns: 2 * block.columns, rings: block.rings, turn: block.turn, received: block.received })
      for (let column = 0; column < dual.columns; column++) {
        const from = column >> 1
        dual.angle[column] = block.angle[from]!
        dual.returnOf[column] = column % 2 === 0 ? 3 : 2
        for (let ring = 0; ring < 16; ring++) {
          const [to, point] = [column * 16 + ring, from * 16 + ring]
          const d = onlyFirst && column % 2 === 1 ? 0 : block.distance[point]!
          const nearer = column % 2 === 0 && d > 1 && (beam++ * 0.618) % 1 < share ? 0.5 : 0
          for (const axis of ['x', 'y', 'z'] as const) dual[axis][to] = d > 0 ? (block[axis][point]! * (d - nearer)) / d : 0
          dual.distance[to] = d - nearer
        }
      }
      monitor.onMotion(standing, dual.received)
      monitor.onBlock('front', dual)
    })
    return inWords(monitor.decision())
  }
  t.equal(run(12, 0), 'clear')
  const alone = cloudSize(ring)
  t.equal(run(4, 0.02), 'clear')
  t.ok(cloudSize(ring) > alone && cloudSize(ring) < 1.03 * alone, 'of a beam with one echo one point')
  yard.posts = [leg(6, 0.3)]
  t.equal(run(3, 0.02), 'stop field ahead.stop', 'behind the drops')
  yard.posts = []
  onlyFirst = true
  t.equal(run(20, 0), 'clear', 'a beam without a second echo is not blind')
})

void t.test('whatever the packets hold, it decides and stays able to see', async (t) => {
  const trial = new Trial({ sensor: beams16 })
  trial.run(12)
  const number = fc.oneof(fc.double(), fc.constantFrom(0, Number.NaN, Infinity, -Infinity, 1e30, -1e-30, 5))
  const block = fc.record({ columns: fc.integer({ min: -1, max: 30 }), rings: fc.constantFrom(16, 16, 16, 0, 1, 3, 64), turn: fc.integer(), turnAt: fc.integer({ min: -3, max: 40 }), lost: fc.nat(), received: number, numbers: fc.array(number, { minLength: 1, maxLength: 40 }) })
  const made = new PointBlock(24, 16)
  fc.assert(fc.property(fc.array(block, { maxLength: 8 }), (blocks) => {
    for (const { numbers, ...fields } of blocks) {
      Object.assign(made, fields)
      for (const values of [made.distance, made.x, made.y, made.z, made.angle, made.offset_us]) values.forEach((_, at) => (values[at] = numbers[(at * 7 + values.length) % numbers.length]!))
      trial.monitor.onBlock('front', made)
      trial.monitor.tick(trial.yard.now_ms)
      if (!['clear', 'slow', 'stop'].includes(trial.monitor.decision().level)) return false
    }
    return true
  }), { numRuns: 200, endOnFailure: true })
  // A received instant far in the future is believed: then time stands still until it comes. A new monitor sees.
  const after = new Trial({ sensor: beams16 })
  after.yard.spoil = (distance, column) => (column % 5 === 0 ? Number.NaN : column % 7 === 0 ? Infinity : distance)
  t.equal(after.run(20).at(-1), 'clear')
  t.ok(after.monitor.counters()['front']!.invalid > 0)
  after.yard.posts = [leg(4, 0)]
  t.equal(after.run(3).at(-1), 'stop field ahead.stop')
})

void t.test('nothing is allocated from packet to packet', async (t) => {
  const ring = new CloudRing(30_000)
  const trial = new Trial({ sensor: beams16, boxes: [{ low: [10, -9, 0], high: [11, 9, 3] }] }, {}, {}, { cloud: () => ring })
  const blocks: PointBlock[] = []
  trial.yard.run(1, (block) => blocks.push(structuredCloneOf(block)))
  trial.run(20)
  const run = (turns: number): void => {
    for (let turn = 0; turn < turns; turn++) for (const block of blocks) trial.monitor.onBlock('front', block)
  }
  run(60)
  // Where the collector runs in between, what was allocated is not seen: the median of several tries is taken.
  const grown = Array.from({ length: 5 }, () => {
    const before = process.memoryUsage().heapUsed
    run(80)
    return (process.memoryUsage().heapUsed - before) / (80 * blocks.length)
  }).sort((a, b) => a - b)
  t.ok(grown[2]! < 100, `${grown[2]!.toFixed(0)} bytes a packet, measuring included`)
})

function cloudSize(ring: CloudRing): number {
  let size = 0
  ring.newest(({ count }) => (size = count))
  return size
}

function structuredCloneOf(block: PointBlock): PointBlock {
  const copy = new PointBlock(block.columns, block.rings)
  for (const name of ['distance', 'x', 'y', 'z', 'intensity', 'offset_us', 'angle', 'returnOf'] as const) copy[name].set(block[name])
  return Object.assign(copy, { columns: block.columns, rings: block.rings, received: block.received, turn: block.turn })
}
