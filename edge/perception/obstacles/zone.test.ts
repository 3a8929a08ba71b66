import fc from 'fast-check'
import t from 'tap'
import { PortcullisError } from '../../base/error.ts'
import { readStl } from './stl.ts'
import { movedRays, type Rays, zoneBounds, ZoneMonitor } from './zone.ts'

/** A box from `low` to `high`, as 12 triangles. */
function box(low: readonly number[], high: readonly number[]): Float32Array {
  const corner = (index: number): number[] => [0, 1, 2].map((axis) => (index >> axis & 1 ? high : low)[axis]!)
  const faces = [[0, 2, 6, 4], [1, 5, 7, 3], [0, 4, 5, 1], [2, 3, 7, 6], [0, 1, 3, 2], [4, 6, 7, 5]]
  return Float32Array.from(faces.flatMap(([a, b, c, d]) => [a, b, c, a, c, d].flatMap((index) => corner(index!))))
}

function stlOf(corners: Float32Array, header = 'a box'): Buffer {
  const file = Buffer.alloc(84 + corners.length / 9 * 50)
  file.write(header)
  file.writeUInt32LE(corners.length / 9, 80)
  corners.forEach((value, index) => file.writeFloatLE(value, 84 + Math.floor(index / 9) * 50 + 12 + index % 9 * 4))
  return file
}

/** Beams from one place in the given directions. */
function beams(from: readonly number[], towards: readonly (readonly number[])[]): Rays {
  return {
    origins: Float64Array.from(towards.flatMap(() => from)),
    directions: Float64Array.from(towards.flatMap((direction) => direction.map((value) => value / Math.hypot(...direction)))),
  }
}

const cube = box([2, -1, -1], [4, 1, 1])

void t.test('a beam through a body has a beginning and an end in it', async (t) => {
  const rays = beams([0, 0, 0], [[1, 0, 0], [-1, 0, 0], [0, 1, 0], [1, 0.1, 0], [1, 0.7, 0]])
  const { near, far } = zoneBounds(cube, rays, 10)
  t.same([...near], [200, 0, 0, 201, 0])
  t.same([...far], [400, 0, 0, 402, 0])
  const within = zoneBounds(cube, beams([3, 0, 0], [[1, 0, 0], [0, 0, -1]]), 10)
  t.same([[...within.near], [...within.far]], [[0, 0], [100, 100]], 'from inside it begins at once')
})

void t.test('beams and boxes meet where geometry says', async () => {
  const number = fc.double({ min: -3, max: 3, noNaN: true })
  fc.assert(fc.property(fc.tuple(number, number, number), fc.tuple(number, number, number), (from, towards) => {
    fc.pre(Math.hypot(...towards) > 0.5)
    const rays = beams(from, [towards])
    const direction = [...rays.directions]
    // The slab method, which knows nothing of triangles.
    let [enters, leaves] = [-Infinity, Infinity]
    for (const [axis, low, high] of [[0, 2, 4], [1, -1, 1], [2, -1, 1]] as const) {
      const [one, other] = [(low - from[axis]) / direction[axis]!, (high - from[axis]) / direction[axis]!]
      enters = Math.max(enters, Math.min(one, other))
      leaves = Math.min(leaves, Math.max(one, other))
    }
    fc.pre(Math.abs(leaves - enters) > 0.01 && Math.abs(leaves) > 0.01)
    const { near, far } = zoneBounds(cube, rays, 1)
    // Whoever begins on the surface, or runs along it, may be told either.
    fc.pre(Math.abs(enters) > 0.01)
    const meets = leaves > enters && leaves > 0
    return meets ? Math.abs(near[0]! - Math.max(0, enters) * 1000) <= 2 && Math.abs(far[0]! - leaves * 1000) <= 2 : far[0] === 0
  }), { numRuns: 500 })
})

void t.test('moving the beams or the body is the same', async (t) => {
  // A quarter turn to the left, and 1 m up.
  const turned = movedRays(beams([0, 0, 0], [[0, -1, 0]]), [0, -1, 0, 0, 1, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 1])
  t.same([...turned.origins], [0, 0, 1])
  t.same([...turned.directions], [1, 0, 0])
  t.same([...zoneBounds(box([2, -1, 0], [4, 1, 2]), turned, 10).near], [200])
})

void t.test('a zone is occupied, hidden, blind or vacant, and triggers when that lasts', async (t) => {
  const bounds = zoneBounds(cube, beams([0, 0, 0], [[1, 0, 0], [1, 0.1, 0], [1, 0, 0.1], [1, -0.1, 0], [0, 1, 0]]), 10)
  const rule = { points: 2, turns: 2 }
  const occupancy = new ZoneMonitor(bounds, { mode: 'occupancy', ...rule })
  const vacancy = new ZoneMonitor(bounds, { mode: 'vacancy', ...rule })
  const turn = (...ranges: number[]): unknown[] => [occupancy, vacancy].map((monitor) => monitor.turn(Uint32Array.from(ranges)).triggered)

  t.same(turn(3000, 2500, 1000, 0, 3000), [false, false])
  t.match(occupancy.state, { inside: 2, hidden: 1, invalid: 1, beams: 4, nearest_mm: 2500, farthest_mm: 3000, mean_mm: 2750 })
  t.same([...occupancy.isInside], [1, 1, 0, 0, 0])
  t.same(turn(2000, 2010, 5000, 5000, 0), [true, false], 'the ends belong to it')
  t.same(turn(3000, 3000, 3000, 3000, 0), [true, false])
  t.equal(occupancy.state.triggeredTurns, 2)
  t.same(turn(3000, 5000, 5000, 5000, 0), [false, false], 'one point is not enough')
  t.same(turn(0, 0, 0, 0, 0), [false, true], 'nothing was in it for two turns')
  t.match(vacancy.state, { inside: 0, invalid: 4, nearest_mm: 0, farthest_mm: 0, mean_mm: 0, triggeredTurns: 1 })
})

void t.test('a mesh file is read, or refused with a reason', async (t) => {
  const file = stlOf(cube)
  t.same(readStl(file), cube)
  t.same(readStl(stlOf(cube, 'solid of a program that says so in binary files')), cube)
  const refused: [Uint8Array, RegExp][] = [
    [new Uint8Array(0), /not binary STL/], [file.subarray(0, 300), /cut off/], [stlOf(new Float32Array(0)), /no triangle/],
    [Buffer.from('solid zone\nfacet normal 0 0 1\nendsolid zone\n'), /not binary/], [stlOf(new Float32Array(9).fill(Number.NaN)), /not a number/],
    [stlOf(new Float32Array(900_018)), /more than/],
  ]
  for (const [bytes, says] of refused) t.throws(() => readStl(bytes), { code: 'PC-ZONE-MESH', message: says })
  fc.assert(fc.property(fc.array(fc.tuple(fc.nat({ max: file.length - 1 }), fc.nat({ max: 255 })), { maxLength: 8 }), (changes) => {
    const changed = Uint8Array.from(file)
    for (const [at, value] of changes) changed[at] = value
    try {
      const { near, far } = zoneBounds(readStl(changed), beams([0, 0, 0], [[1, 0, 0], [0, 1, 0]]))
      return near.every((value, beam) => value <= far[beam]!)
    } catch (error) {
      return error instanceof PortcullisError
    }
  }))
})
