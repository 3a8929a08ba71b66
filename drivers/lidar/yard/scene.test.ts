import fc from 'fast-check'
import t, { type Test } from 'tap'
import { FaultyView, RecordedView } from './faulty-view.ts'
import { Scene, type SceneOptions, seeded } from './scene.ts'
import { noLidarFaults } from './udp-twin.ts'

const degrees = Math.PI / 180
const sharp = (options: SceneOptions = {}): Scene => {
  const scene = new Scene(options)
  scene.noise_m = 0
  scene.ground.bumps_m = 0
  return scene
}
const near = (t: Test, found: number, wanted: number, what?: string): void => {
  t.ok(Math.abs(found - wanted) < 1e-6, `${what ?? ''} ${found} is ${wanted}`)
}

void t.test('the ground is where the mount says', async (t) => {
  const scene = sharp({ mount: { z: 1.5 } })
  near(t, scene.distance(0, -30 * degrees, 0), 3)
  near(t, scene.distance(2, -30 * degrees, 0), 3)
  t.equal(scene.distance(0, 0, 0), 0, 'nothing is on the horizon')
  t.equal(scene.distance(0, 10 * degrees, 0), 0)
  t.equal(scene.distance(0, -0.5 * degrees, 0), 0, 'too far')
  t.equal(scene.distance(0, -30 * degrees, 1), 0, 'there is one echo')
  const tilted = sharp({ mount: { z: 1, pitch: 30 } })
  near(t, tilted.distance(0, 0, 0), 2, 'pitch looks down')
  t.equal(tilted.distance(Math.PI, 0, 0), 0, 'and up behind')
  const turned = sharp({ mount: { z: 1, pitch: 30, yaw: 90, roll: 180 } })
  near(t, turned.distance(0, 0, 0), 2, 'roll turns about the sensor\'s own axis')
  const slope = sharp({ mount: { z: 1 } })
  slope.ground.forward_deg = 10
  near(t, slope.distance(0, 0, 0), 1 / Math.tan(10 * degrees), 'rising ground ahead')
  t.equal(slope.distance(Math.PI, 0, 0), 0)
})

void t.test('boxes, walls, cylinders and people stand where they were put', async (t) => {
  const scene = sharp({ mount: { x: 1, y: 0.5, z: 1 } })
  const takeAway = scene.box({ x: 6, y: 0.5, length: 2, width: 4, height: 2 })
  near(t, scene.distance(0, 0, 0), 4)
  t.equal(scene.distance(0, 20 * degrees, 0), 0, 'above it')
  takeAway()
  t.equal(scene.distance(0, 0, 0), 0, 'it is gone')
  scene.box({ x: 1, y: 5.5, length: 2, width: 2, height: 2, yaw_deg: 45, reflectance: 0.9 })
  near(t, scene.distance(Math.PI / 2, 0, 0), 5 - Math.SQRT2, 'its corner')
  t.equal(scene.reflectance, 0.9)
  scene.wall({ from: [-9, -10], to: [-9, 10], height: 3, thickness: 0.2 })
  near(t, scene.distance(Math.PI, 0, 0), 9.9)
  near(t, scene.distance(Math.PI - Math.atan2(5, 10), 0, 0), 9.9 * Math.hypot(1, 0.5))
  scene.clear()
  scene.cylinder({ x: 1, y: -3.5, radius: 0.5, height: 2 })
  near(t, scene.distance(-Math.PI / 2, 0, 0), 3.5)
  scene.clear()
  scene.person({ x: 5, y: 0.5 })
  near(t, scene.distance(0, 0, 0), 3.8, 'the trunk')
  t.ok(scene.distance(Math.atan2(0.12, 4), -10 * degrees, 0) > 3.9, 'a leg')
  near(t, scene.distance(0, -12 * degrees, 0), 1 / Math.sin(12 * degrees), 'between the legs')
})

void t.test('what moves is later elsewhere', async (t) => {
  const scene = sharp()
  scene.box({ x: 10, y: 0, length: 1, width: 1, height: 2, vx: -2 })
  scene.person({ x: 0, y: -5, vy: 1 })
  near(t, scene.distance(0, 0, 0), 9.5)
  scene.advance(1_500)
  near(t, scene.distance(0, 0, 0), 6.5)
  near(t, scene.distance(-Math.PI / 2, 0, 0), 3.3)
})

void t.test('rain, dust and fences give a first echo, and what is behind them a second', async (t) => {
  const scene = sharp()
  scene.wall({ from: [20, -9], to: [20, 9], height: 9 })
  scene.weather = { share: 0.3, near_m: 1, far_m: 8 }
  let drops = 0
  for (let beam = 0; beam < 10_000; beam++) {
    const first = scene.distance(beam * 1e-6, 0, 0)
    const second = scene.distance(beam * 1e-6, 0, 1)
    if (first > 10) {
      if (second !== 0) t.fail('a second echo in clear air')
      continue
    }
    drops++
    if (first < 1 || first > 8 || Math.abs(second - 19.95) > 0.1) t.fail(`${first} before ${second}`)
  }
  t.ok(Math.abs(drops / 10_000 - 0.3) < 0.03, `${drops} drops`)
  scene.weather.share = 0
  scene.hazes = [{ x: 10, y: 0, z: 1, radius_m: 2, share: 1 }]
  for (let beam = 0; beam < 100; beam++) t.ok(Math.abs(scene.distance(0, 0, 0) - 10) <= 2)
  t.ok(scene.distance(0, 0, 1) > 19)
  t.ok(scene.distance(0.4, 0, 0) > 19, 'beside the dust it is clear')
  scene.hazes = []
  scene.wall({ from: [5, -1], to: [5, 1], height: 2, porous: 0.5 })
  const firsts = Array.from({ length: 1_000 }, () => Math.round(scene.distance(0, 0, 0)))
  t.ok(firsts.filter((first) => first === 5).length > 400 && firsts.filter((first) => first === 20).length > 400, 'half goes through a fence')
})

void t.test('noise: no two turns are the same, and the same seed gives the same', async (t) => {
  const turn = (scene: Scene): number[] => Array.from({ length: 360 }, (_, beam) => scene.distance(beam * degrees, -10 * degrees, 0))
  const scene = new Scene({ random: seeded(9) })
  const first = turn(scene)
  const second = turn(scene)
  t.equal(first.filter((distance, beam) => distance === second[beam]).length, 0)
  t.strictSame(turn(new Scene({ random: seeded(9) })), first)
  const flat = sharp().distance(0, -10 * degrees, 0)
  const mean = first.reduce((sum, distance) => sum + distance, 0) / 360
  t.ok(Math.abs(mean - flat) < 0.01, `${mean} is about ${flat}`)
})

void t.test('whatever stands there, a beam meets it in range or nothing', async () => {
  const anywhere = fc.double({ min: -30, max: 30, noNaN: true })
  fc.assert(fc.property(
    fc.array(fc.tuple(anywhere, anywhere, fc.double({ min: 0.05, max: 10, noNaN: true })), { maxLength: 8 }),
    fc.record({ x: anywhere, y: anywhere, roll: anywhere, pitch: anywhere, yaw: anywhere }), fc.double({ min: -7, max: 7, noNaN: true }), fc.double({ min: -1.5, max: 1.5, noNaN: true }),
    (solids, mount, azimuth, elevation) => {
      const scene = new Scene({ mount })
      scene.weather.share = 0.2
      for (const [x, y, size] of solids) {
        if (size > 1) scene.box({ x, y, length: size, width: size / 2, height: size, yaw_deg: x * 6 })
        else scene.cylinder({ x, y, radius: size, height: 2 })
      }
      const first = scene.distance(azimuth, elevation, 0)
      const second = scene.distance(azimuth, elevation, 1)
      const isSane = (distance: number): boolean => distance === 0 || (distance >= scene.near_m && distance < scene.range_m + 1)
      return isSane(first) && isSane(second) && (second === 0 || first === 0 || second > first - 0.2)
    }), { numRuns: 500 })
})

void t.test('a sensor that is reversed, turned round or turned over sees the scene so', async (t) => {
  const scene = sharp({ mount: { z: 1 } })
  scene.box({ x: 0, y: 5, length: 1, width: 1, height: 2 })
  scene.box({ x: 8, y: 0, length: 1, width: 1, height: 2 })
  const faults = noLidarFaults()
  const view = new FaultyView(scene, faults)
  const sees = (): string => [0, 90, 180, 270].map((angle) => view.distance(angle * degrees, 0, 0).toFixed(1)).join(' ')
  t.equal(sees(), '7.5 4.5 0.0 0.0')
  faults.reversed = true
  t.equal(sees(), '7.5 0.0 0.0 4.5')
  faults.reversed = false
  faults.backwards = true
  t.equal(sees(), '0.0 0.0 7.5 4.5')
  faults.backwards = false
  faults.upsideDown = true
  t.equal(sees(), '7.5 0.0 0.0 4.5')
  near(t, view.distance(Math.PI, 30 * degrees, 0), 2, 'the ground is above')
})

void t.test('dirt swallows about its share of the beams, always the same ones', async (t) => {
  const scene = sharp({ mount: { z: 1 } })
  const faults = noLidarFaults()
  faults.dirty = 0.4
  const view = new FaultyView(scene, faults)
  const swallowed = (): number[] => {
    const beams: number[] = []
    for (let angle = 0; angle < 360; angle++) for (let down = 5; down < 45; down++) if (view.distance(angle * degrees, -down * degrees, 0) === 0) beams.push(angle * 100 + down)
    return beams
  }
  const first = swallowed()
  t.ok(Math.abs(first.length / 14_400 - 0.4) < 0.05, `${first.length} of 14400`)
  t.strictSame(swallowed(), first)
  faults.dirty = 1
  t.equal(swallowed().length, 14_400)
})

void t.test('turns that were cast once are shown again', async (t) => {
  const scene = new Scene()
  const view = new RecordedView(scene, 4)
  const packet = (): number[] => {
    view.nextPacket()
    return Array.from({ length: 5 }, (_, beam) => view.distance(beam, -0.2, 0))
  }
  const cast = Array.from({ length: 4 }, packet)
  t.strictSame(Array.from({ length: 4 }, packet), cast)
  t.strictSame(Array.from({ length: 4 }, packet), cast)
  t.not(cast[0]?.[0], cast[1]?.[0])
  view.nextPacket()
  for (let beam = 0; beam < 5; beam++) view.distance(0, 0, 0)
  t.equal(view.distance(0, 0, 0), 0, 'an encoder that asks for more than before gets nothing')
})
