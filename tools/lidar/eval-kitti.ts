/** How many of the labelled objects of KITTI's street scenes the obstacle path finds in a single turn. */
import { join } from 'node:path'
import { mistakes } from '../../edge/base/schema.ts'
import { type Cloud, CloudRing } from '../../edge/perception/obstacles/cloud.ts'
import type { TrackedObject } from '../../edge/perception/obstacles/contract.ts'
import { SafetyMonitor } from '../../edge/perception/obstacles/monitor.ts'
import { ObstacleSetup } from '../../edge/perception/obstacles/setup.ts'
import { Tracker } from '../../edge/perception/obstacles/tracker.ts'
import type { Figure } from '../bench/figure.ts'
import { blocksOf } from './kitti-blocks.ts'
import { type KittiFrame, kittiFrames, type KittiLabel } from './kitti.ts'

/** What the recall within the vehicle's reach is counted on, and what beyond it; metres from the sensor, and returns in the labelled box. */
const near = { range_m: 25, points: 3 } as const
const far = { range_m: 80, points: 10 } as const
/** Found: the middle of an object's box is in the labelled box or no farther from it than this, metres. */
const found_m = 0.5
/** Also, the object's box, grown by this, holds so much of what the label holds: not a splinter of it. Metres. */
const grown_m = 0.2
const shareMin = 0.5
/** Lower than this an object is taken for ground that was not recognised, metres. */
const ground_m = 0.25
/** Returns this far above the bottom of a labelled box count as the object's, metres: the rest is the road. */
const road_m = 0.15

const counted = ['pedestrian', 'cyclist', 'car', 'van', 'truck', 'misc']
/** The class hint that a label's object should have. */
const hints: Record<string, TrackedObject['class']> = { pedestrian: 'person', cyclist: 'cyclist', car: 'vehicle', van: 'vehicle', truck: 'vehicle' }

/** The car that carried the sensor: a Velodyne HDL-64E, 1.73 m above the road. */
function kittiCar(): ObstacleSetup {
  const setup = {
    sources: { roof: { mount: { x: 0, y: 0, z: 1.73, roll: 0, pitch: 0, yaw: 0 } } },
    body: [[[1.9, 1], [-2.7, 1], [-2.7, -1], [1.9, -1]]],
    ground: {}, evidence: {},
    fields: [{ name: 'ahead', speed_mps: [-20, 20], steering_deg: [-90, 90], stop: [[2, 1.2], [8, 1.2], [8, -1.2], [2, -1.2]] }],
  }
  const wrong = mistakes(ObstacleSetup, setup)
  if (wrong.length > 0) throw new TypeError(`the setup of the evaluation is wrong: ${wrong.map(({ path, text }) => `${path.join('.')}: ${text}`).join(', ')}`)
  return setup as unknown as ObstacleSetup
}

interface Tally {
  found: number
  hinted: number
  all: number
}

/**
 * `lidar.recall.<class>`: % of the labelled objects within 25 m that were found, in one turn, by the way
 * that points take in the vehicle; `.far` of those beyond; `lidar.recall.class.<class>`: % of the found that
 * have the right class hint; `lidar.false.ground`: objects a frame that are ground.
 * @param data the folder of evaluation data; frames are looked for below its `lidar/kitti`.
 */
export async function evaluateKitti(data: string, say: (figure: Figure) => void): Promise<void> {
  const frames = kittiFrames(join(data, 'lidar', 'kitti'), (why) => process.stderr.write(`skipped ${why}\n`))
  const tallies = new Map<string, Tally>()
  let ground = 0
  for (const frame of frames) {
    const objects = objectsOf(frame)
    ground += objects.filter(({ height }) => height < ground_m).length
    for (const label of frame.labels) count(frame, label, objects, tallies)
  }
  if (frames.length === 0) {
    process.stderr.write('skipped lidar.recall: there are no frames of KITTI\n')
    return
  }
  for (const kind of counted) {
    const tally = tallies.get(kind)
    if (tally === undefined) process.stderr.write(`skipped lidar.recall.${kind}: no such label within ${near.range_m} m\n`)
    else sayTally(kind, tally, say)
    const beyond = tallies.get(`${kind}.far`)
    if (beyond !== undefined) say({ name: `lidar.recall.${kind}.far`, value: (100 * beyond.found) / beyond.all, unit: '%' })
  }
  say({ name: 'lidar.false.ground', value: ground / frames.length, unit: 'count' })
}

function sayTally(kind: string, { found, hinted, all }: Tally, say: (figure: Figure) => void): void {
  say({ name: `lidar.recall.${kind}`, value: (100 * found) / all, unit: '%' })
  if (found > 0 && hints[kind] !== undefined) say({ name: `lidar.recall.class.${kind}`, value: (100 * hinted) / found, unit: '%' })
}

/** What the frame's one turn shows, through safety path and tracker. Positions in the sensor's frame. */
export function objectsOf(frame: KittiFrame): TrackedObject[] {
  const setup = kittiCar()
  const ring = new CloudRing(frame.points.length / 4)
  const monitor = new SafetyMonitor(setup, { cloud: () => ring })
  const tracker = new Tracker(setup)
  for (const block of blocksOf(frame.points)) monitor.onBlock('roof', block)
  ring.newest((cloud: Cloud) => tracker.onCloud('roof', cloud, 100))
  const { z } = setup.sources['roof']?.mount ?? { z: 0 }
  return tracker.objects({ tentative: true }).map((object) => ({ ...object, z: object.z - z }))
}

function count(frame: KittiFrame, label: KittiLabel, objects: readonly TrackedObject[], tallies: Map<string, Tally>): void {
  const range = Math.hypot(label.x, label.y)
  const limits = range <= near.range_m ? near : far
  const points = pointsIn(frame.points, label)
  const kind = label.kind.toLowerCase()
  if (range > limits.range_m || points.length < limits.points) {
    process.stderr.write(`skipped a ${kind} of frame ${frame.name}: ${points.length} returns at ${range.toFixed(0)} m\n`)
    return
  }
  const name = limits === near ? kind : `${kind}.far`
  const tally = tallies.get(name) ?? { found: 0, hinted: 0, all: 0 }
  tallies.set(name, tally)
  tally.all++
  const object = objects.find((object) => isWithin(label, object.x, object.y, found_m) && holds(object, points))
  if (object === undefined) {
    process.stderr.write(`missed a ${kind} of frame ${frame.name}: ${points.length} returns at ${range.toFixed(1)} m\n`)
    return
  }
  tally.found++
  if (object.class === hints[kind]) tally.hinted++
}

interface Box { x: number; y: number; length: number; width: number; heading: number }

function isWithin({ x, y, length, width, heading }: Box, px: number, py: number, grown: number): boolean {
  const cos = Math.cos(heading)
  const sin = Math.sin(heading)
  const along = (px - x) * cos + (py - y) * sin
  const across = (py - y) * cos - (px - x) * sin
  return Math.abs(along) <= length / 2 + grown && Math.abs(across) <= width / 2 + grown
}

function pointsIn(points: Float32Array, label: KittiLabel): [number, number][] {
  const inside: [number, number][] = []
  for (let at = 0; at < points.length; at += 4) {
    const x = points[at] ?? 0
    const y = points[at + 1] ?? 0
    const above = (points[at + 2] ?? 0) - label.z
    if (above >= road_m && above <= label.height && isWithin(label, x, y, 0)) inside.push([x, y])
  }
  return inside
}

function holds(object: TrackedObject, points: readonly (readonly [number, number])[]): boolean {
  const box = { ...object, heading: object.heading_rad }
  return points.filter(([x, y]) => isWithin(box, x, y, grown_m)).length >= shareMin * points.length
}
