/** What an input and the time say about the world, whatever the gate is doing. */
import { unreachable } from '../base/error.ts'
import type { Instant } from '../base/clock.ts'
import type { DoorName, Input, Zone } from './input.ts'
import { type Door, doorsOf, type Place, type State, type World } from './state.ts'

export function observe(state: State, input: Input, now: Instant): World {
  const world = expire(state.world, now)
  switch (input.kind) {
    case 'door':
      return doorsOf(state).includes(input.door) ? withDoor(world, input.door, moved(world.doors[input.door], input.state)) : world
    case 'doorLost':
      return doorsOf(state).includes(input.door) ? withDoor(world, input.door, { ...world.doors[input.door], state: 'unknown' }) : world
    case 'forced':
      return doorsOf(state).includes(input.door) ? { ...world, held: 'barrier-forced' } : world
    case 'presence':
      return withPlace(world, input.zone, { count: Number.isInteger(input.count) && input.count >= 0 ? input.count : undefined, since: now })
    case 'presenceLost':
      return withPlace(world, input.zone, { count: undefined, since: now })
    case 'part':
      return withPart(state, world, input, now)
    case 'safety':
      return { ...world, safety: { ...world.safety, [input.input]: input.active } }
    case 'officer':
      if (input.decision === 'service-on') return { ...world, service: true }
      return input.decision === 'service-off' ? { ...world, service: false } : world
    case 'start':
    case 'timeout':
    case 'documentPresented':
    case 'documentUnreadable':
    case 'documentRead':
    case 'documentVerdict':
    case 'facePrompt':
    case 'faceVerdict':
    case 'fingerPrompt':
    case 'fingerVerdict':
    case 'passed':
    case 'effectFailed':
      return world
    default:
      return unreachable(input)
  }
}

/** A door that was told to open and has not moved by the end of its time will not open any more. */
function expire(world: World, now: Instant): World {
  const over = (door: Door): Door => (door.opened !== undefined && now >= door.opened.until ? { state: door.state, freed: door.freed } : door)
  const { entry, exit } = world.doors
  const doors = { entry: over(entry), exit: over(exit) }
  return doors.entry === entry && doors.exit === exit ? world : { ...world, doors }
}

/** `closed` ends an opening only after the door was seen anywhere else: before, it is old news. */
function moved({ freed, opened }: Door, state: Door['state']): Door {
  if (opened === undefined || (state === 'closed' && opened.moved)) return { state, freed }
  const seen = opened.moved || (state !== 'closed' && state !== 'unknown')
  return { state, freed, opened: { ...opened, moved: seen } }
}

function withPart(state: State, world: World, { part, usable }: { part: keyof World['parts']; usable: boolean }, now: Instant): World {
  const parts = { ...world.parts, [part]: usable }
  if (part === 'presence' && !usable) {
    const unknown: Place = { count: undefined, since: now }
    return { ...world, parts, places: { entry: unknown, inside: unknown, exit: unknown, front: unknown } }
  }
  if (part !== 'entry' && part !== 'exit') return { ...world, parts }
  if (!doorsOf(state).includes(part)) return world
  return usable ? { ...world, parts } : withDoor({ ...world, parts }, part, { ...world.doors[part], state: 'unknown' })
}

function withPlace(world: World, zone: Zone, place: Place): World {
  return world.places[zone].count === place.count ? world : { ...world, places: { ...world.places, [zone]: place } }
}

export function withDoor(world: World, name: DoorName, door: Door): World {
  return { ...world, doors: { ...world.doors, [name]: door } }
}
