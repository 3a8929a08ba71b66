/**
 * Joins what the camera recognises with what is tracked. The camera makes a track surer and says what it
 * is; it never takes a track away, for what it does not see may be there all the same. What only the camera
 * sees stands where its foot meets the ground, if that can be.
 */
import { Assignment } from '../obstacles/tracking/assignment.ts'
import type { TrackedObject } from '../obstacles/contract.ts'
import { type Box, type CameraObject, overlap } from './detector.ts'
import { type CameraSetup, Projection } from './projection.ts'

/** As many as the contract tells of. */
const tracksMax = 256
const objectsMax = 64
/** Less alike than this are two things. */
const worthMin = 0.25
/** Lidars see little of a thing's height: how they share its width says almost as much as the whole box. */
const widthWorth = 0.8
/** Of the lower of two boxes this share must be beside the other. */
const besideShare = 0.3
/** Mounts and clocks are this inexact. */
const slack_rad = 0.01
/**
 * A foot seems farther than it is when something hides it, nearer it cannot be: shares of the track's distance
 * that it may be in, and metres beyond.
 */
const footShares = [0.7, 2] as const
const foot_m = 1.5
/** Of the doubt that a track leaves, a certain find takes this share away. */
const trust = 0.6
/** What the camera alone sees is never surer than this. */
const aloneTrust = 0.4
/** Beyond it a degree of pitch, over a bump, moves a foot by half its distance. */
const alone_m_max = 30
/** Closer to the picture's edge than this a box is cut off, pixels. */
const edge_px = 2
/** Around a track's box, a foot in here is the track's own. */
const own_m = 0.3

/** What can be, by what it is: its height, its width as the camera sees it, and how deep it is taken for, metres. */
const bodies = {
  person: { height: [0.5, 2.4], width: [0.2, 1.5], depth: 0.5 },
  cyclist: { height: [0.8, 2.4], width: [0.3, 2.5], depth: 1 },
  vehicle: { height: [0.5, 5], width: [0.4, 20], depth: 2 },
} as const

/** Who must be kept away from more. */
const care = { unknown: 0, structure: 0, vehicle: 1, person: 2, cyclist: 2 } as const

const assignment = new Assignment(tracksMax, objectsMax)

export interface Fused {
  /** All tracks in their order, then what the camera alone sees: these have ids below 0 and are not followed. */
  objects: TrackedObject[]
  /** Tracks that the camera sees, too. */
  matched: number
  /** Seen by the camera alone, and stand somewhere. */
  alone: number
  /** Seen by the camera alone, and nobody knows where. */
  unplaced: number
}

/**
 * Nothing of what is given is changed.
 * @param objects boxes in pixels of a picture as the camera's setup says
 * @param age_ms how long before the tracks the picture was taken
 */
export function fuse(tracks: readonly TrackedObject[], objects: readonly CameraObject[], camera: CameraSetup, age_ms = 0): Fused {
  const projection = new Projection(camera)
  const seen = objects.slice(0, objectsMax)
  assign(tracks, seen, projection, camera, age_ms / 1000)
  const known = tracks.map((track, index) => joined(track, seen[assignment.sightingOf[index] ?? -1]))
  const rest = seen.filter((_, index) => assignment.trackOf[index] === -1)
  const placed = rest.map((object) => stand(object, projection, camera)).filter((each) => each !== undefined)
  const alone = placed.filter((each) => !tracks.some((track) => care[track.class] >= care[each.class] && isOn(each, track)))
    .toSorted((a, b) => Math.atan2(b.y, b.x) - Math.atan2(a.y, a.x))
    .slice(0, Math.max(0, tracksMax - tracks.length))
  return {
    objects: [...known, ...alone.map((each, index) => ({ ...each, id: -1 - index }))],
    matched: seen.length - rest.length,
    alone: alone.length,
    unplaced: rest.length - placed.length,
  }
}

/** Gives each track at most one find, and the other way round. */
function assign(tracks: readonly TrackedObject[], objects: readonly CameraObject[], projection: Projection, camera: CameraSetup, age_s: number): void {
  const feet = objects.map((object) => footOf(object, projection, camera))
  const slack_px = slack_rad * camera.focal_px
  assignment.begin()
  for (const [index, track] of tracks.slice(0, tracksMax).entries()) {
    const then = { ...track, x: track.x - age_s * track.vx, y: track.y - age_s * track.vy }
    const box = projection.boxOf(then)
    if (box === undefined) continue
    const wide = { ...box, left: box.left - slack_px, right: box.right + slack_px }
    for (const [number, object] of objects.entries()) {
      const worth = likeness(box, wide, object.box)
      if (worth >= worthMin && canStandAt(feet[number], then, camera)) assignment.offer(index, number, worth)
    }
  }
  assignment.settle()
}

function likeness(box: Box, wide: Box, found: Box): number {
  const beside = (Math.min(box.bottom, found.bottom) - Math.max(box.top, found.top)) / Math.min(box.bottom - box.top, found.bottom - found.top)
  if (!(beside >= besideShare)) return 0
  const shared = Math.min(wide.right, found.right) - Math.max(wide.left, found.left)
  // Both narrow and wide, so that slack helps what is beside and does not harm what fits.
  const across = Math.max(0, shared) / (Math.max(box.right, found.right) - Math.min(box.left, found.left))
  return Math.max(overlap(box, found), widthWorth * Math.min(1, across))
}

/** Who stands in front of a wall is not the wall. */
function canStandAt(foot: Foot | undefined, track: TrackedObject, { mount }: CameraSetup): boolean {
  if (foot === undefined) return true
  const [there, far] = [foot, track].map(({ x, y }) => Math.hypot(x - mount.x, y - mount.y)) as [number, number]
  const slack = foot_m + Math.hypot(track.length, track.width) / 2
  return there >= footShares[0] * far - slack && there <= footShares[1] * far + slack
}

interface Foot {
  x: number
  y: number
  depth: number
}

/** Where it stands; `undefined` when its foot is out of the picture or above the horizon. */
function footOf({ box }: CameraObject, projection: Projection, camera: CameraSetup): Foot | undefined {
  return box.bottom >= camera.height - edge_px ? undefined : projection.ground((box.left + box.right) / 2, box.bottom)
}

function joined(track: TrackedObject, object: CameraObject | undefined): TrackedObject {
  if (object === undefined) return track
  return {
    ...track,
    class: moreCareful(track.class, object.class),
    confidence: 1 - (1 - track.confidence) * (1 - trust * object.score),
    seenBy: track.seenBy.includes('camera') ? track.seenBy : [...track.seenBy, 'camera'],
  }
}

/** Who must be kept away from more wins; of two that need the same, the camera knows wheels from legs when it sees them. */
function moreCareful(tracked: TrackedObject['class'], found: CameraObject['class']): TrackedObject['class'] {
  if (care[found] !== care[tracked]) return care[found] > care[tracked] ? found : tracked
  return found === 'cyclist' ? found : tracked
}

/** What the camera alone sees as an object of its own, where it can be one. */
function stand(object: CameraObject, projection: Projection, camera: CameraSetup): TrackedObject | undefined {
  const foot = footOf(object, projection, camera)
  if (foot === undefined || Math.hypot(foot.x - camera.mount.x, foot.y - camera.mount.y) > alone_m_max) return undefined
  const { box, score } = object
  const body = bodies[object.class]
  const height = projection.heightAt(box.top, foot.x, foot.y)
  const width = ((box.right - box.left) * foot.depth) / camera.focal_px
  const [whole, inside] = [box.top > edge_px, box.left > edge_px && box.right < camera.width - edge_px]
  // What is cut off is larger than it seems: only too much of it cannot be.
  if (height > body.height[1] || (whole && height < body.height[0]) || width > body.width[1] || (inside && width < body.width[0])) return undefined
  const heading = Math.atan2(foot.y - camera.mount.y, foot.x - camera.mount.x)
  return {
    id: -1, class: object.class,
    // The foot is its near side.
    x: foot.x + (body.depth / 2) * Math.cos(heading), y: foot.y + (body.depth / 2) * Math.sin(heading), z: 0,
    length: body.depth, width: Math.max(width, body.width[0]), height: Math.max(height, body.height[0]),
    heading_rad: heading, vx: 0, vy: 0,
    confidence: aloneTrust * score, seenBy: ['camera'],
  }
}

function isOn(place: TrackedObject, track: TrackedObject): boolean {
  const [cos, sin] = [Math.cos(track.heading_rad), Math.sin(track.heading_rad)]
  const [dx, dy] = [place.x - track.x, place.y - track.y]
  return Math.abs(dx * cos + dy * sin) <= track.length / 2 + own_m && Math.abs(dy * cos - dx * sin) <= track.width / 2 + own_m
}
