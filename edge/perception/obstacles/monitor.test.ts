import t, { type Test } from 'tap'
import { systemClock } from '../../base/clock.ts'
import { PointBlock } from '../../device/points.ts'
import { CloudRing } from './cloud.ts'
import type { Decision, Motion } from './contract.ts'
import { SafetyMonitor } from './monitor.ts'
import { measureMounting } from './mounting.ts'
import type { Mount } from './setup.ts'
import { ahead, inWords, setupOf, standing, Trial } from './safety/trial.ts'
import { sensorModels, Yard } from './safety/yard.ts'

const leg = (x: number, y: number) => ({ x, y, radius: 0.055, from_z: 0, to_z: 0.8 })
const beams16 = sensorModels.beams16
const set = (name: string, more: Record<string, unknown>) => ({ ...ahead, name, slow: undefined, ...more })
const box = (from: number, to: number) => [[from, -1], [to, -1], [to, 1], [from, 1]]

void t.test('a source that was not seen enough stops the vehicle', async (t) => {
  const trial = new Trial({ sensor: beams16 }, { release_ms: 0 })
  t.strictSame([trial.said, trial.monitor.version], ['stop starting', 0])
  t.strictSame(trial.run(3), ['stop starting'], 'one turn more than evidence needs')
  t.equal(trial.run(1).at(-1), 'clear')
  t.equal(trial.monitor.sourceState('front'), 'ok')
  t.equal(trial.monitor.sourceState('elsewhere'), 'unknown')
  t.equal(trial.monitor.version, 2)
})

void t.test('the strictest of two sources wins, and one that never came stops the vehicle', async (t) => {
  const mount = { x: 0, y: 0, z: 1, roll: 0, pitch: 0, yaw: 0 }
  const monitor = new SafetyMonitor(setupOf({ sources: { front: { mount }, rear: { mount: { ...mount, yaw: 180 } } }, release_ms: 0 }))
  const front = new Yard({ sensor: beams16 })
  const rear = new Yard({ sensor: beams16, mount: { yaw: 180 }, seed: 2 })
  const run = (turns: number, ...yards: readonly (readonly [string, Yard])[]) => {
    for (let turn = 0; turn < turns; turn++) {
      for (const [name, yard] of yards) yard.run(1, (block) => {
        monitor.onMotion(standing, block.received)
        monitor.onBlock(name, block)
      })
    }
    return inWords(monitor.decision())
  }
  t.match(run(5, ['front', front]), /^stop starting/)
  t.match(monitor.decision().cause, { kind: 'starting', source: 'rear' })
  rear.now_ms = front.now_ms
  t.equal(run(6, ['front', front], ['rear', rear]), 'clear')
  front.posts = [leg(11, 0)]
  t.equal(run(4, ['front', front], ['rear', rear]), 'slow field ahead.slow')
  t.equal(monitor.decision().limit_mps, 0.4)
  rear.posts = [leg(5, 0.5)]
  t.equal(run(3, ['front', front], ['rear', rear]), 'stop field ahead.stop')
  t.match(monitor.decision(), { limit_mps: 0, cause: { source: 'rear' } })
})

void t.test('a source that is silent stops the vehicle, and one that is back is looked at anew', async (t) => {
  const trial = new Trial({ sensor: beams16 })
  trial.run(12)
  const { monitor, yard } = trial
  monitor.tick(yard.now_ms + 199)
  t.equal(trial.said, 'clear')
  monitor.tick(yard.now_ms + 201)
  t.strictSame([trial.said, monitor.sourceState('front')], ['stop stale', 'stale'])
  yard.now_ms += 300
  t.strictSame(trial.run(2), ['stop stale'])
  t.equal(trial.run(8).at(-1), 'clear')
  const empty = new PointBlock(24, 16)
  for (let waited = 0; waited < 300; waited += 20) {
    empty.received = yard.now_ms + waited
    monitor.onBlock('front', empty)
  }
  t.equal(trial.said, 'stop stale', 'blocks without a column say nothing')
})

void t.test('a direction that is not seen any more is stale, although packets come', async (t) => {
  const trial = new Trial({ sensor: beams16 })
  trial.run(12)
  const { monitor, yard } = trial
  const late: string[] = []
  for (let turn = 0; turn < 4; turn++) {
    yard.run(1, (block) => {
      // The sector from 90 to 180 degrees is left out.
      if (block.angle[0]! > Math.PI / 2 && block.angle[0]! < Math.PI) return
      monitor.onMotion(standing, block.received)
      monitor.onBlock('front', block)
    })
    late.push(trial.said)
  }
  t.strictSame([late[0], late[1], late[3]], ['clear', 'clear', 'stop stale'])
  t.equal(trial.run(10).at(-1), 'clear')
  let stuck: PointBlock | undefined
  yard.run(1, (block) => (stuck = block))
  for (let waited = 0; waited < 400; waited += 5) {
    stuck!.received = yard.now_ms + waited
    monitor.onBlock('front', stuck!)
  }
  t.equal(trial.said, 'stop stale', 'a mirror that stands still')
})

void t.test('trouble that a driver tells of stops the vehicle, by name, and is released like all else', async (t) => {
  const trial = new Trial({ sensor: beams16 })
  trial.run(12)
  const { monitor } = trial
  monitor.onSourceTrouble('front', 'frozen')
  t.strictSame([trial.said, monitor.sourceState('front')], ['stop source frozen', 'frozen'])
  monitor.onSourceTrouble('front', undefined)
  t.equal(monitor.sourceState('front'), 'ok')
  t.strictSame(trial.run(2), ['stop source frozen'], 'the cause stays with what it caused')
  t.equal(trial.run(3).at(-1), 'clear')
  monitor.onSourceTrouble('elsewhere', 'storm')
  monitor.onBlock('elsewhere', new PointBlock(1, 1))
  t.strictSame([trial.said, monitor.strangers], ['clear', 2])
})

void t.test("a sensor's own field stops the vehicle", async (t) => {
  const trial = new Trial({ sensor: beams16 })
  trial.run(12)
  trial.monitor.onSensorField('front', 'protective-1', true)
  trial.monitor.onSensorField('front', 'protective-2', false)
  t.equal(trial.said, 'stop sensor-field protective-1')
  trial.monitor.onSensorField('front', 'protective-1', false)
  t.equal(trial.run(6).at(-1), 'clear')
  trial.monitor.onSensorField('elsewhere', 'protective-1', true)
  t.strictSame([trial.said, trial.monitor.strangers], ['clear', 1])
})

void t.test('the fields follow speed, steering and load; several that apply all count', async (t) => {
  const fields = [
    set('standing', { speed_mps: [-0.1, 0.5], stop: box(0, 2) }),
    set('driving', { speed_mps: [0.3, 3], stop: box(0, 6) }),
    set('left', { speed_mps: [3, 0.3], steering_deg: [30, 10], stop: [[0, 1], [4, 1], [4, 4], [0, 4]] }),
    set('wide', { speed_mps: [0.3, 3], load: ['oversize'], stop: [[0, -3], [3, -3], [3, 3], [0, 3]] }),
  ]
  const trial = new Trial({ sensor: beams16 }, { fields, release_ms: 0 })
  trial.run(12)
  const { monitor, yard } = trial
  const motions: [Partial<Motion>, string][] = [
    [{}, 'standing'], [{ speed_mps: 0.4 }, 'standing, driving'], [{ speed_mps: 1 }, 'driving'], [{ speed_mps: 1, steering_deg: 20 }, 'driving, left'],
    [{ speed_mps: 3, steering_deg: 30, load: 'oversize' }, 'driving, left, wide'], [{ speed_mps: 3.01 }, ''], [{ speed_mps: Number.NaN }, ''],
  ]
  for (const [motion, names] of motions) {
    monitor.onMotion({ ...standing, ...motion }, yard.now_ms)
    t.equal(monitor.fieldsInUse, names)
    t.equal(trial.said, names === '' ? 'stop motion' : 'clear', names === '' ? 'a motion without fields is not protected' : names)
  }
  yard.posts = [leg(5, 0)]
  t.strictSame(trial.run(3), ['clear'], 'not in the field of a vehicle that stands')
  // It was seen and stays known: the field that is asked for now stops at once, before the next packet.
  monitor.onMotion({ ...standing, speed_mps: 1 }, yard.now_ms)
  t.equal(trial.said, 'stop field driving.stop')
})

void t.test('where nobody says how the vehicle moves, all fields count, and the cause says so', async (t) => {
  const trial = new Trial({ sensor: beams16 }, { fields: [set('standing', { speed_mps: [0, 0], stop: box(0, 2) }), set('driving', { speed_mps: [0, 3], steering_deg: [1, 90], stop: box(0, 6) })] })
  trial.motion = undefined
  trial.run(12)
  t.strictSame([trial.said, trial.monitor.fieldsInUse], ['clear', 'standing, driving'])
  trial.yard.posts = [leg(5, 0)]
  t.equal(trial.run(3).at(-1), 'stop motion driving.stop')
  trial.motion = standing
  t.equal(trial.run(6).at(-1), 'clear')
  trial.motion = undefined
  const told = trial.run(6)
  t.strictSame(told, ['clear', 'stop motion driving.stop'], 'the last word holds for motion_ms')
  trial.yard.posts = [leg(1.5, 0)]
  t.equal(trial.run(3).at(-1), 'stop field standing.stop', 'what stops it anyway is a field')
})

void t.test('of slow fields the lowest limit counts, and a decision is released step by step', async (t) => {
  const slow = (limit_mps: number, from: number, to: number) => set(`slow-${from}`, { stop: box(0, 2), slow: box(from, to), limit_mps })
  const trial = new Trial({ sensor: beams16 }, { fields: [slow(1.5, 0, 12), slow(0.3, 0, 6), slow(0.8, 0, 9)], release_ms: 1_000 })
  trial.run(16)
  const limits = (x: number | undefined, turns: number): (number | undefined)[] => {
    trial.yard.posts = x === undefined ? [] : [leg(x, 0)]
    const seen: (number | undefined)[] = []
    for (let turn = 0; turn < turns; turn++) {
      trial.run(1)
      if (turn === 0 || trial.monitor.decision().limit_mps !== seen.at(-1)) seen.push(trial.monitor.decision().limit_mps)
    }
    return seen
  }
  t.strictSame(limits(10, 3).at(-1), 1.5)
  t.strictSame(limits(7, 3).at(-1), 0.8)
  t.strictSame(limits(5, 3).at(-1), 0.3)
  t.strictSame(limits(1.5, 3).at(-1), 0)
  t.strictSame(limits(7, 9), [0], 'a second after it was last infringed')
  t.strictSame(limits(7, 6), [0, 0.8])
  t.strictSame(limits(undefined, 16), [0.8, undefined])
})

void t.test('what flickers does not release', async (t) => {
  const trial = new Trial({ sensor: beams16 }, { release_ms: 500 })
  trial.run(14)
  trial.yard.posts = [leg(5, 0)]
  trial.run(2)
  for (let times = 0; times < 5; times++) {
    trial.yard.posts = []
    t.strictSame(trial.run(4), ['stop field ahead.stop'])
    trial.yard.posts = [leg(5, 0)]
    t.strictSame(trial.run(1), ['stop field ahead.stop'], 'one turn is enough to keep it')
  }
})

void t.test('the same calls give the same decisions', async (t) => {
  const run = (): { decisions: Decision[]; version: number } => {
    const trial = new Trial({ sensor: beams16, seed: 5 })
    trial.yard.weather = [{ share: 0.02, from_m: 0.5, to_m: 12 }]
    const decisions: Decision[] = []
    for (let turn = 0; turn < 30; turn++) {
      trial.yard.posts = turn > 12 && turn < 16 ? [leg(turn - 8, 0)] : []
      trial.run(1)
      decisions.push(trial.monitor.decision())
    }
    return { decisions, version: trial.monitor.version }
  }
  t.strictSame(run(), run())
})

void t.test('how a sensor is mounted is measured by the floor that it sees', async (t) => {
  /** How the profile says it is mounted, how it is, and what is found while it turns. */
  const measured = async (mount: Partial<Mount>, trueMount: Partial<Mount>) => {
    const ring = new CloudRing(65_536)
    const trial = new Trial({ sensor: beams16, mount, trueMount, boxes: [{ low: [6, -3, 0], high: [7, 3, 2] }] }, {}, {}, { cloud: () => ring })
    trial.run(2)
    const found = measureMounting('front', trial.yard.mount, ring, systemClock)
    trial.run(2)
    return await found
  }
  const near = (t: Test, found: Mount, wanted: Partial<Mount>) => {
    for (const [name, value] of Object.entries(wanted)) {
      const by = Math.abs(found[name as keyof Mount] - value)
      t.ok(by < (name === 'z' ? 0.01 : 0.1), `${name} ${value}: by ${by.toFixed(4)}`)
    }
  }
  const right = await measured({ x: 1, z: 1.3 }, {})
  t.ok(right.level)
  near(t, right.found, { x: 1, y: 0, z: 1.3, roll: 0, pitch: 0, yaw: 0 })
  const cases: [Partial<Mount>, Partial<Mount>][] = [
    [{ z: 1.3 }, { z: 1.22 }], [{ z: 1.3, x: 1.5 }, { pitch: 1.5 }], [{ z: 1.3, y: -0.5 }, { roll: -1.2 }],
    [{ z: 1.3, x: -1.35, yaw: 180 }, { pitch: 1, roll: 0.8, z: 1.35 }], [{ z: 1.5, yaw: 135, pitch: 5 }, { pitch: 6.5, roll: -1 }], [{ z: 1.5, roll: 180 }, { roll: 179, pitch: -1 }],
  ]
  for (const [mount, trueMount] of cases) {
    const { level, found, set } = await measured(mount, trueMount)
    t.notOk(level, JSON.stringify(trueMount))
    near(t, found, { ...set, ...trueMount })
  }
  await t.rejects(measureMounting('front', right.set, new CloudRing(1), systemClock, AbortSignal.timeout(50)), { code: 'PC-BASE-CANCELLED' })
  const scanner = new CloudRing(65_536)
  const looking = measureMounting('front', right.set, scanner, systemClock)
  scanner.begin(1)
  scanner.end()
  await t.rejects(looking, { code: 'PC-OBSTACLES-FLOOR' }, 'a scanner that looks along the floor')
})
