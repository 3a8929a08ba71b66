/** What a door's lines, seen again and again, say about it. Pure. */
import type { Instant } from '../../../edge/base/clock.ts'
import type { BarrierState } from '../../../edge/device/capabilities.ts'

export interface Sight {
  /** The line that opens the door is on. */
  letting: boolean
  /** What the contact of a shut door says; `undefined` without one. */
  shut: boolean | undefined
  /** Something stands in the way. */
  obstructed: boolean
  at: Instant
}

export interface Door {
  state: BarrierState
  /** When it was last let open or let go. */
  turned: Instant
  /** It has been open since it was let open: one that falls shut then is not stuck. */
  opened: boolean
  /** It was pushed open just now. */
  forced: boolean
  /** It was pushed open and has not been shut since. */
  pushed: boolean
  /** How often something went out of the way of the open door. */
  passed: number
  last: Sight
}

export function firstDoor(sight: Sight, move_ms: number, passed = 0): Door {
  const door: Door = {
    state: 'unknown', opened: false, forced: false, pushed: false, passed, last: sight,
    turned: sight.letting || sight.shut === false ? sight.at : Number.NEGATIVE_INFINITY,
  }
  return { ...door, state: stateOf(door, move_ms) }
}

export function nextDoor(door: Door, sight: Sight, move_ms: number): Door {
  const { last } = door
  const turned = sight.letting === last.letting ? door.turned : sight.at
  const idle = !sight.letting && sight.at - turned >= move_ms
  const forced = idle && last.shut === true && sight.shut === false
  const next: Door = {
    ...door, turned, forced,
    opened: sight.letting && (sight.shut === false || (door.opened && last.letting)),
    pushed: (door.pushed || forced) && sight.shut === false && !sight.letting,
    passed: door.passed + Number(last.obstructed && !sight.obstructed && door.state !== 'closed'),
    last: sight,
  }
  return { ...next, state: stateOf(next, move_ms) }
}

/** When the state changes though no line does. */
export function deadline({ turned, last }: Door, move_ms: number): Instant | undefined {
  return last.at < turned + move_ms ? turned + move_ms : undefined
}

function stateOf({ turned, opened, pushed, last: { letting, shut, obstructed, at } }: Door, move_ms: number): BarrierState {
  const moving = at - turned < move_ms
  if (letting) {
    if (shut === false) return 'open'
    // Shut, and not locked yet.
    if (opened) return 'closing'
    if (moving) return 'opening'
    return shut === true ? 'blocked' : 'open'
  }
  if (shut === true) return 'closed'
  if (pushed) return 'open'
  if (moving) return 'closing'
  return shut === false || obstructed ? 'blocked' : 'closed'
}
