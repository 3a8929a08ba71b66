import fc from 'fast-check'
import t from 'tap'
import type { TrackedObject } from '../obstacles/contract.ts'
import type { CameraObject } from './detector.ts'
import { fuse } from './fuse.ts'
import { type CameraSetup, Projection } from './projection.ts'

const camera = (mount: Partial<CameraSetup['mount']> = {}): CameraSetup => ({
  use: 'camera', mount: { x: 0, y: 0, z: 1.5, roll: 0, pitch: 0, yaw: 0, ...mount }, focal_px: 800, width: 1280, height: 720,
})
const track = (values: Partial<TrackedObject> = {}): TrackedObject => ({
  id: 1, class: 'unknown', x: 10, y: 0, z: 0, length: 0.5, width: 0.5, height: 1.7, heading_rad: 0, vx: 0, vy: 0, confidence: 0.6, seenBy: ['lidar'], ...values,
})
/** What a camera would find of a thing. */
const find = (setup: CameraSetup, thing: TrackedObject, kind: CameraObject['class'], score = 0.8): CameraObject => {
  const box = new Projection(setup).boxOf(thing)
  if (box === undefined) throw new Error('it is not in the picture')
  return { class: kind, score, box }
}

void t.test('a pinhole camera: by hand', async (t) => {
  const box = new Projection(camera()).boxOf(track({ length: 0, width: 1, height: 1.5 }))
  t.same(box, { left: 600, top: 360, right: 680, bottom: 480 }, '10 m ahead a metre is 80 pixels, the horizon is at half the height')
  t.equal(new Projection(camera()).boxOf(track({ x: -10 })), undefined, 'behind it')
  t.equal(new Projection(camera()).boxOf(track({ y: 20 })), undefined, 'beside it')
  t.equal(new Projection(camera({ yaw: 180 })).boxOf(track()), undefined)
  const sideways = new Projection(camera({ yaw: 90 })).boxOf(track({ x: 0, y: 10, length: 1, width: 0, height: 1.5 }))
  t.same(Object.values(sideways ?? {}).map(Math.round), [600, 360, 680, 480], 'turned to the left, it is ahead')
  const left = new Projection(camera()).boxOf(track({ y: 2 }))
  t.ok((left?.right ?? 1e9) < 640, 'what is on the left is left of the middle')
  const down = new Projection(camera({ pitch: 10 })).boxOf(track())
  t.ok((down?.top ?? 1e9) < 320, 'looking down, all of it is higher in the picture')
  const near = new Projection(camera()).boxOf(track({ x: 2, length: 6, width: 2, height: 3 }))
  t.match(near, { left: 0, right: 1280, bottom: 720 }, 'what reaches behind the camera is cut, not turned over')
  t.match(new Projection(camera()).ground(640, 480), { x: 10, y: 0, depth: 10 })
  t.equal(new Projection(camera()).ground(640, 360), undefined, 'the horizon is nowhere on the ground')
  t.equal(new Projection(camera()).ground(640, 100), undefined)
})

const anyMount = fc.record({
  x: fc.double({ min: -2, max: 2, noNaN: true }), y: fc.double({ min: -1, max: 1, noNaN: true }), z: fc.double({ min: 0.8, max: 3, noNaN: true }),
  roll: fc.double({ min: -10, max: 10, noNaN: true }), pitch: fc.double({ min: -5, max: 20, noNaN: true }), yaw: fc.double({ min: -180, max: 180, noNaN: true }),
})

void t.test('a place on the ground is found again from its pixel, and the height above it', async () => {
  fc.assert(fc.property(anyMount, fc.double({ min: 3, max: 40, noNaN: true }), fc.double({ min: -0.4, max: 0.4, noNaN: true }), fc.double({ min: 0.5, max: 4, noNaN: true }), (mount, far, aside, height) => {
    const setup = camera(mount)
    const projection = new Projection(setup)
    const bearing = (mount.yaw * Math.PI) / 180 + aside
    const [x, y] = [mount.x + far * Math.cos(bearing), mount.y + far * Math.sin(bearing)]
    const post = projection.boxOf(track({ x, y, length: 0, width: 0, height }))
    const foot = projection.boxOf(track({ x, y, length: 1e-6, width: 1e-6, height: 1e-6 }))
    if (foot === undefined || post === undefined) return
    const [u, v] = [(foot.left + foot.right) / 2, (foot.top + foot.bottom) / 2]
    const place = projection.ground(u, v)
    if (place === undefined || Math.hypot(place.x - x, place.y - y) > 0.01) throw new Error(`${JSON.stringify(place)} is not ${x} ${y}`)
    if (post.top > 0 && Math.abs(projection.heightAt(post.top, x, y) - height) > 0.01) throw new Error('another height')
  }), { numRuns: 500 })
})

void t.test('the camera makes a track surer and says what it is', async (t) => {
  const setup = camera()
  const person = track()
  const { objects: [seen], matched, alone } = fuse([person], [find(setup, person, 'person')], setup)
  t.match(seen, { id: 1, class: 'person', seenBy: ['lidar', 'camera'], x: 10 })
  t.ok((seen?.confidence ?? 0) > 0.75 && (seen?.confidence ?? 1) < 1)
  t.match({ matched, alone }, { matched: 1, alone: 0 })
  t.match(person, { class: 'unknown', confidence: 0.6, seenBy: ['lidar'] }, 'the given one is as it was')
  t.same(fuse([person], [], setup).objects, [person], 'what the camera does not see may be there all the same')
})

void t.test('who must be kept away from more, wins', async (t) => {
  const setup = camera()
  const said = (tracked: TrackedObject['class'], found: CameraObject['class']): string => {
    const thing = track({ class: tracked })
    return fuse([thing], [find(setup, thing, found)], setup).objects[0]?.class ?? ''
  }
  t.equal(said('person', 'vehicle'), 'person')
  t.equal(said('vehicle', 'person'), 'person')
  t.equal(said('structure', 'person'), 'person')
  t.equal(said('person', 'cyclist'), 'cyclist')
  t.equal(said('cyclist', 'person'), 'cyclist')
  t.equal(said('unknown', 'vehicle'), 'vehicle')
})

void t.test('what the camera alone sees stands where its foot meets the ground', async (t) => {
  const setup = camera({ pitch: 5 })
  const person = track({ x: 12, y: 3 })
  const { objects, alone } = fuse([], [find(setup, person, 'person')], setup)
  t.equal(alone, 1)
  t.match(objects, [{ id: -1, class: 'person', seenBy: ['camera'], vx: 0 }])
  t.ok(Math.hypot((objects[0]?.x ?? 0) - 12, (objects[0]?.y ?? 0) - 3) < 0.5)
  t.ok(Math.abs((objects[0]?.height ?? 0) - 1.7) < 0.15)
  t.ok((objects[0]?.confidence ?? 1) <= 0.4, 'and is not sure')
  const none = (object: CameraObject, why: string): void => void t.match(fuse([], [object], setup), { objects: [], unplaced: 1 }, why)
  const box = objects.length > 0 ? find(setup, person, 'person').box : { left: 0, top: 0, right: 0, bottom: 0 }
  none({ class: 'person', score: 0.9, box: { ...box, bottom: 720 } }, 'its foot is out of the picture')
  none({ class: 'person', score: 0.9, box: { ...box, top: 10, bottom: 100 } }, 'it stands above the horizon')
  none({ class: 'person', score: 0.9, box: { ...box, top: 3 } }, 'nobody is that tall')
  none({ class: 'person', score: 0.9, box: { ...box, top: box.bottom - 5 } }, 'or that small')
  none(find(setup, track({ x: 60 }), 'person'), 'too far to tell')
  const truck = track({ x: 14, class: 'vehicle', length: 8, width: 2.5, height: 3.5 })
  const twice = fuse([truck], [find(setup, truck, 'vehicle'), { ...find(setup, truck, 'vehicle', 0.5) }], setup)
  t.match(twice, { matched: 1, alone: 0 }, 'a second find of the same thing is no second thing')
})

void t.test('tracks are taken to where they were when the picture was taken', async (t) => {
  const setup = camera()
  const runner = track({ y: 1, vy: 4 })
  const picture = find(setup, track({ y: -1 }), 'person')
  t.equal(fuse([runner], [picture], setup, 500).matched, 1)
  t.equal(fuse([runner], [picture], setup, 0).matched, 0)
})

void t.test('one in front of another: each gets its own', async (t) => {
  const setup = camera()
  const worker = track({ id: 1, x: 6, y: 0.6 })
  const truck = track({ id: 2, x: 14, length: 8, width: 2.5, height: 3.5 })
  const wall = track({ id: 3, class: 'structure', x: 25, y: 0, length: 0.5, width: 20, height: 4 })
  const finds = [find(setup, truck, 'vehicle'), find(setup, worker, 'person')]
  t.same(fuse([wall, truck, worker], finds, setup).objects.map((each) => [each.id, each.class]), [[3, 'structure'], [2, 'vehicle'], [1, 'person']])
  const alone = fuse([wall], [find(setup, worker, 'person')], setup)
  t.match(alone, { matched: 0, alone: 1 }, 'who stands in front of a wall is not the wall')
})

const anyTrack = fc.record({
  id: fc.integer({ min: 1, max: 1e6 }), class: fc.constantFrom<TrackedObject['class']>('person', 'cyclist', 'vehicle', 'structure', 'unknown'),
  x: fc.double({ min: -30, max: 60, noNaN: true }), y: fc.double({ min: -30, max: 30, noNaN: true }), z: fc.constant(0),
  length: fc.double({ min: 0, max: 12, noNaN: true }), width: fc.double({ min: 0, max: 4, noNaN: true }), height: fc.double({ min: 0, max: 4, noNaN: true }),
  heading_rad: fc.double({ min: -4, max: 4, noNaN: true }), vx: fc.double({ min: -5, max: 5, noNaN: true }), vy: fc.double({ min: -5, max: 5, noNaN: true }),
  confidence: fc.double({ min: 0, max: 1, noNaN: true }), seenBy: fc.constant<TrackedObject['seenBy']>(['lidar']),
})
const anyFind = fc.record({
  class: fc.constantFrom<CameraObject['class']>('person', 'cyclist', 'vehicle'), score: fc.double({ min: 0, max: 1, noNaN: true }),
  box: fc.tuple(fc.nat(1280), fc.nat(1280), fc.nat(720), fc.nat(720)).map(([a, b, c, d]) => ({ left: Math.min(a, b), right: Math.max(a, b), top: Math.min(c, d), bottom: Math.max(c, d) })),
})
const care = { unknown: 0, structure: 0, vehicle: 1, person: 2, cyclist: 2 }

void t.test('whatever comes: no track is lost, moved, less sure or less cared for, and nothing is used twice', async () => {
  fc.assert(fc.property(fc.array(anyTrack, { maxLength: 300 }), fc.array(anyFind, { maxLength: 80 }), anyMount, fc.nat(500), (tracks, finds, mount, age_ms) => {
    const before = structuredClone([tracks, finds])
    const { objects, matched, alone, unplaced } = fuse(tracks, finds, camera(mount), age_ms)
    const check = (holds: boolean, what: string): void => {
      if (!holds) throw new Error(what)
    }
    check(JSON.stringify([tracks, finds]) === JSON.stringify(before), 'the given was changed')
    const [known, added] = [objects.slice(0, tracks.length), objects.slice(tracks.length)]
    for (const [index, each] of known.entries()) {
      const was = tracks[index] ?? track()
      check(each.id === was.id && each.x === was.x && each.y === was.y && each.vx === was.vx, 'a track is another')
      check(each.confidence >= was.confidence - 1e-12 && each.confidence <= 1, 'a track is less sure')
      check(care[each.class] >= care[was.class], 'a track is less cared for')
    }
    check(known.filter(({ seenBy }) => seenBy.includes('camera')).length === matched, 'what was matched is counted')
    check(matched + alone + unplaced <= Math.min(64, finds.length) && added.length === alone, 'a find is used once')
    check(objects.length <= Math.max(256, tracks.length), 'there are more than anybody takes')
    for (const { id, confidence, x, y, width, height } of added) {
      check(id < 0 && confidence <= 0.4 && [x, y, width, height].every(Number.isFinite), 'it is an object')
      check(Math.hypot(x - mount.x, y - mount.y) <= 32, 'it is near')
    }
  }), { numRuns: 200 })
})

void t.test('people apart from each other are told apart, with boxes a little off and a mount a little wrong', async () => {
  const off = fc.integer({ min: -6, max: 6 })
  fc.assert(fc.property(fc.uniqueArray(fc.integer({ min: -4, max: 4 }), { minLength: 1, maxLength: 6 }), fc.array(fc.tuple(fc.double({ min: 5, max: 18, noNaN: true }), off, off, off), { minLength: 6, maxLength: 6 }), (places, each) => {
    const setup = camera({ pitch: 4 })
    const real = camera({ pitch: 4.3, yaw: 0.3 })
    const tracks = places.map((place, index) => {
      const far = each[index]?.[0] ?? 10
      return track({ id: index, x: far * Math.cos(place * 0.13), y: far * Math.sin(place * 0.13), class: index % 2 === 0 ? 'unknown' : 'structure' })
    })
    const finds = tracks.map((thing, index): CameraObject => {
      const { box, ...rest } = find(real, thing, 'person', 0.5 + index / 100)
      const [, a = 0, b = 0, c = 0] = each[index] ?? []
      return { ...rest, box: { left: box.left + a, right: box.right + b, top: box.top + c, bottom: box.bottom + b } }
    })
    for (const { class: kind, confidence, id } of fuse(tracks, finds.toReversed(), setup).objects) {
      const expected = 1 - 0.4 * (1 - 0.6 * (0.5 + id / 100))
      if (kind !== 'person' || Math.abs(confidence - expected) > 1e-9) throw new Error(`${id} got another's find`)
    }
  }), { numRuns: 200 })
})
