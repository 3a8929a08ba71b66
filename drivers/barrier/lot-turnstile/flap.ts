/**
 * What the turnstile's registers, seen again and again, say about its flap. Pure.
 *
 * It has no register for the flap's position: the position follows from what was granted, from
 * the time that its motion takes, and from what its sensors see.
 */
import type { Instant } from '../../../edge/base/clock.ts'
import type { BarrierState } from '../../../edge/device/capabilities.ts'
import { advance, type Direction, type Mode, type Status } from './codec.ts'

export interface Sight {
  status: Status
  mode: Mode
  at: Instant
}

export interface Flap {
  state: BarrierState
  /** Passages in the configured direction since the driver began. */
  passed: number
  /** Somebody passed whom nobody let through. */
  forced: boolean
  /** When it was last let open or shut. */
  turned: Instant
  /** What stood there when it was shut has not left since. */
  occupied: boolean
  /** Passages that this driver granted and has not seen used or ended. */
  credit: number
  last: Sight
}

export interface FlapLimits {
  /** How long the flap moves. */
  move_ms: number
  /** How long something may stand in the shut passage before that is a blockage. */
  clear_ms: number
}

const directions: readonly Direction[] = ['entry', 'exit']

const letsThrough = ({ status, mode }: Sight): boolean =>
  mode === 'free' || (mode === 'normal' && directions.some((direction) => status.left[direction] > 0))

/** Whoever waits in front stands on the side they come from; on the far side stands who has not left yet. */
const notLeft = ({ status }: Sight, direction: Direction): boolean => status.objects[direction === 'entry' ? 'exit' : 'entry'] !== 0

/** The first sight after a (re)connect; passages that happened meanwhile count, but nobody can tell who granted them. */
export function firstSight(sight: Sight, direction: Direction, limits: FlapLimits, before?: Flap): Flap {
  const now = sight.status.counted[direction]
  const occupied = !letsThrough(sight) && notLeft(sight, direction)
  const flap: Flap = {
    state: 'unknown', forced: false, occupied, credit: 0, last: sight,
    passed: before === undefined ? now : before.passed + advance(before.last.status.counted[direction], now),
    turned: occupied ? sight.at : Number.NEGATIVE_INFINITY,
  }
  return { ...flap, state: stateOf(flap, limits) }
}

/** A passage was granted. */
export const credited = (flap: Flap): Flap => ({ ...flap, credit: 1 })

export function nextSight(flap: Flap, sight: Sight, direction: Direction, limits: FlapLimits): Flap {
  const { last } = flap
  const letting = letsThrough(sight)
  const turnedNow = letsThrough(last) !== letting
  const gone = (side: Direction): number => advance(last.status.counted[side], sight.status.counted[side])
  const allowed = (side: Direction): number => last.status.left[side] + (side === direction ? flap.credit + Number(flap.occupied) : 0)
  const next: Flap = {
    ...flap,
    passed: flap.passed + gone(direction),
    forced: last.mode !== 'free' && sight.mode !== 'free' && directions.some((side) => gone(side) > allowed(side)),
    turned: turnedNow ? sight.at : flap.turned,
    occupied: !letting && notLeft(sight, direction) && (turnedNow || flap.occupied),
    credit: sight.status.left[direction] === 0 ? 0 : flap.credit,
    last: sight,
  }
  return { ...next, state: stateOf(next, limits) }
}

function stateOf({ turned, occupied, last }: Flap, { move_ms, clear_ms }: FlapLimits): BarrierState {
  const for_ms = last.at - turned
  if (last.status.error !== 0) return 'blocked'
  if (letsThrough(last)) return for_ms < move_ms ? 'opening' : 'open'
  if (occupied) return for_ms < clear_ms ? 'closing' : 'blocked'
  return for_ms < move_ms ? 'closing' : 'closed'
}
