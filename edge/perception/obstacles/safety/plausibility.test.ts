import t from 'tap'
import { Trial } from './trial.ts'
import { sensorModels, type YardOptions } from './yard.ts'

const { beams16, beams128, flat } = sensorModels
/** A mast on the vehicle, ahead and to the left of the sensor, and the contour that tells of it. */
const mast = { low: [0.15, 0.4, 0.1], high: [0.25, 0.5, 2] } as const
const reference = [[[0.1, 0.35], [0.3, 0.35], [0.3, 0.55], [0.1, 0.55]]]
const own = { body: [[[-1, -0.6], [0.7, -0.6], [0.7, 0.6], [-1, 0.6]]], release_ms: 0 }
const walls = { low: [-30, 6, 0], high: [30, 6.5, 3] } as const
const withMast = (yard: Partial<YardOptions>): Trial => new Trial({ sensor: beams16, boxes: [mast, walls], ...yard }, own, { reference })
/** What happens to the distances of a turn that shows nothing. */
const dark = (): number => 0

void t.test('a sensor that sits as the profile says, sees its contour and the ground, is believed', async (t) => {
  for (const sensor of [beams16, beams128]) t.equal(withMast({ sensor }).run(14).at(-1), 'clear')
  t.equal(withMast({ sensor: flat, mount: { z: 0.4 } }).run(20).at(-1), 'clear')
})

void t.test('a sensor that was turned by half a turn is reversed', async (t) => {
  for (const yard of [{}, { sensor: beams128 }, { sensor: flat, mount: { z: 0.4 }, boxes: [mast, { low: [9, -9, 0], high: [9.1, 9, 2] }] }] as const) {
    // As in reality all else on the vehicle turns with the sensor: what is told apart is the contour.
    const trial = withMast({ ...yard, trueMount: { yaw: 180 } })
    t.equal(trial.run(12).at(-1), 'stop source reversed')
    t.equal(trial.monitor.sourceState('front'), 'reversed')
  }
})

void t.test('a sensor that spins the other way is reversed', async (t) => {
  const trial = withMast({})
  trial.run(10)
  const other = withMast({ sensor: { ...beams16, spins: 'clockwise' } })
  // Its angles run the wrong way: left is right.
  other.yard.run(12, (block) => {
    for (let point = 0; point < block.beams; point++) block.y[point] = -block.y[point]!
    other.monitor.onMotion({ speed_mps: 0, steering_deg: 0, load: 'empty' }, block.received)
    other.monitor.onBlock('front', block)
  })
  t.equal(other.said, 'stop source reversed')
  t.equal(trial.run(2).at(-1), 'clear')
})

void t.test('a sensor that hangs upside down is found by the ground alone, or with its contour', async (t) => {
  for (const sensor of [beams16, beams128]) {
    for (const z of [0.8, 1.5]) {
      const alone = new Trial({ sensor, mount: { z }, trueMount: { roll: 180 }, boxes: [walls] }, own)
      t.equal(alone.run(8).at(-1), 'stop source upside-down', `${sensor.elevations.length} beams, ${z} m`)
    }
  }
  t.equal(withMast({ trueMount: { roll: 180 } }).run(8).at(-1), 'stop source upside-down')
  const planned = new Trial({ sensor: beams16, mount: { z: 1.5, roll: 180 }, trueMount: { roll: 0 } }, own)
  t.equal(planned.run(8).at(-1), 'stop source upside-down', 'upright where the profile says upside down')
})

void t.test('where no ground is to be seen, nothing is concluded from that', async (t) => {
  const around = [{ low: [1.5, -20, 0], high: [1.6, 20, 3] }, { low: [-1.6, -20, 0], high: [-1.5, 20, 3] }, { low: [-20, 1.5, 0], high: [20, 1.6, 3] }, { low: [-20, -1.6, 0], high: [20, -1.5, 3] }] as const
  const trial = new Trial({ sensor: beams16, boxes: around }, own)
  trial.run(30)
  t.equal(trial.monitor.sourceState('front'), 'ok')
})

void t.test('one wrong turn is no trouble', async (t) => {
  const trial = withMast({})
  trial.run(12)
  const turnsOf = (turns: number, spoil: (distance: number, column: number) => number): string[] => {
    trial.yard.spoil = spoil
    const told = trial.run(turns)
    trial.yard.spoil = undefined
    return told
  }
  t.strictSame(turnsOf(1, dark), ['clear'])
  t.strictSame(trial.run(10), ['clear'])
  t.strictSame(turnsOf(3, dark), ['clear'])
  t.strictSame(trial.run(10), ['clear'])
  t.equal(turnsOf(8, dark).at(-1), 'stop source blinded')
  t.equal(trial.run(20).at(-1), 'clear', 'and when it sees again, it is believed again')
})

void t.test('dirt on a part of the window is found by direction, from the start too', async (t) => {
  const dirty = (_: number, column: number): number => (column > 400 && column < 700 ? 0 : _)
  const trial = new Trial({ sensor: beams16 }, own)
  trial.run(20)
  trial.yard.spoil = dirty
  t.strictSame(trial.run(15), ['clear'], 'a puddle goes by')
  t.equal(trial.run(8).at(-1), 'stop source blinded')
  trial.yard.spoil = undefined
  t.equal(trial.run(14).at(-1), 'clear')
  const fromStart = new Trial({ sensor: beams16 }, own)
  fromStart.yard.spoil = dirty
  t.equal(fromStart.run(24).at(-1), 'stop source blinded')
  const near = new Trial({ sensor: beams16 }, own)
  near.yard.spoil = (distance, column) => (column > 400 && column < 700 ? 0.06 : distance)
  t.equal(near.run(24).at(-1), 'stop source blinded', 'echoes from the window itself are none')
})

void t.test('a film of dirt that lets only some beams through is found; how many is for the profile to say', async (t) => {
  const film = (share: number, blind_share: number): string => {
    const trial = new Trial({ sensor: beams16 }, own, { blind_share })
    trial.run(10)
    trial.yard.lost = share
    return trial.run(10).at(-1)!
  }
  t.equal(film(0.2, 0.6), 'clear')
  t.equal(film(0.6, 0.6), 'stop source blinded')
  t.equal(film(0.6, 0.2), 'clear')
})

void t.test('what comes back is learned from the ground only: an open yard after a hall is no blindness', async (t) => {
  const hall = [{ low: [9, -20, 0], high: [9.5, 20, 8] }, { low: [-9.5, -20, 0], high: [-9, 20, 8] }, { low: [-20, 9, 0], high: [20, 9.5, 8] }, { low: [-20, -9.5, 0], high: [20, -9, 8] }] as const
  const trial = new Trial({ sensor: beams16, boxes: hall }, own)
  trial.run(60)
  const yard = new Trial({ sensor: beams16 }).yard
  yard.now_ms = trial.yard.now_ms
  const said = new Set<string>()
  yard.run(60, (block) => {
    trial.monitor.onMotion({ speed_mps: 0, steering_deg: 0, load: 'empty' }, block.received)
    trial.monitor.onBlock('front', block)
    said.add(trial.monitor.sourceState('front'))
  })
  t.strictSame([...said], ['ok'])
})

void t.test('a contour that is hidden from its sensor is blindness, by name', async (t) => {
  const trial = withMast({})
  trial.run(12)
  // The beams that meet the mast are gone, the others are as before.
  trial.yard.spoil = (distance) => (distance > 0 && distance < 1.2 ? 0 : distance)
  t.equal(trial.run(10).at(-1), 'stop source blinded')
  trial.yard.spoil = undefined
  t.equal(trial.run(10).at(-1), 'clear')
})

void t.test('a flat scanner in the open sees nothing and is believed; one that went dark is not', async (t) => {
  const open = new Trial({ sensor: flat, mount: { z: 0.3 } }, own)
  t.equal(open.run(40).at(-1), 'clear')
  const indoors = new Trial({ sensor: flat, mount: { z: 0.3 }, boxes: [{ low: [9, -20, 0], high: [9.5, 20, 2] }, { low: [-20, 6, 0], high: [20, 6.5, 2] }, { low: [-20, -6.5, 0], high: [20, -6, 2] }] }, own)
  indoors.run(80)
  t.equal(indoors.monitor.sourceState('front'), 'ok')
  indoors.yard.spoil = dark
  t.equal(indoors.run(10).at(-1), 'stop source blinded')
  t.equal(indoors.run(200).at(-1), 'stop source blinded', 'it is not forgotten what should be seen')
})
