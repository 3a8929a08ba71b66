/** What a PLC's feedback, seen again and again, says about its barrier. Pure. */
import type { Instant } from '../../../edge/base/clock.ts'
import type { BarrierState } from '../../../edge/device/capabilities.ts'

export type Mode = 'normal' | 'locked' | 'free'

export interface Sight {
  /** `unknown` while the PLC's own value is not good. */
  state: BarrierState
  mode: Mode | 'unknown'
  /** The PLC's counter; `undefined` without one, or while its value is not good. */
  counted: number | undefined
  at: Instant
}

export interface Door {
  /** Passages since the driver began to count. */
  passed: number
  /** It was opened, or somebody passed, without a command: just now. */
  forced: boolean
  /** What we let open and is not shut again, or until when that was so. */
  letting: { opened: boolean } | { until: Instant }
  /** It opened at this instant, and nothing has explained that yet. */
  unexplained: Instant | undefined
  /** It was forced and has not been shut since: one alarm is enough. */
  alarmed: boolean
  last: Sight
}

export interface DoorLimits {
  /** How far apart two values that belong together may arrive. */
  grace_ms: number
}

/** More at once than anybody can walk: the counter was set back. */
const plausibleMax = 1_000
/** Counters are 16 or 32 bits wide, or wider. */
const widths = [0x1_0000, 0x1_0000_0000] as const

const isOpening = (state: BarrierState): boolean => state === 'opening' || state === 'open'

/** The first sight after a (re)connect. Passages that happened meanwhile count, but nobody can tell who let them through. */
export function firstDoor(sight: Sight, before?: Door): Door {
  const passed = before === undefined ? sight.counted ?? 0 : before.passed + advance(before.last.counted, sight.counted)
  return { passed, forced: false, letting: { until: sight.at }, unexplained: undefined, alarmed: false, last: sight }
}

/** A command to open is on its way. */
export const letOpen = (door: Door): Door => ({ ...door, letting: { opened: isOpening(door.last.state) }, unexplained: undefined })

/** What was let open must be shut now. */
export const letNoMore = (door: Door, at: Instant): Door => ('until' in door.letting ? door : { ...door, letting: { until: at } })

export function nextDoor(door: Door, sight: Sight, { grace_ms }: DoorLimits): Door {
  const { last } = door
  const letting = lettingAt(door, sight)
  const isFree = sight.mode === 'free' || last.mode === 'free'
  const gone = advance(last.counted, sight.counted)
  const isShut = sight.state === 'closed'

  const opened = last.state === 'closed' && isOpening(sight.state) && 'until' in letting
  const since = opened ? sight.at : door.unexplained
  const unexplained = isFree || 'opened' in letting ? undefined : since
  const isOver = unexplained !== undefined && (isShut || sight.at - unexplained >= grace_ms)
  const passedUnseen = gone > 0 && !isFree && 'until' in letting && sight.at - letting.until > grace_ms && unexplained === undefined
  const forced = (isOver || passedUnseen) && !door.alarmed

  return {
    passed: door.passed + gone,
    forced,
    letting,
    unexplained: isOver ? undefined : unexplained,
    alarmed: (door.alarmed || forced) && !isShut,
    last: { ...sight, counted: sight.counted ?? last.counted },
  }
}

function lettingAt({ letting }: Door, { state, at }: Sight): Door['letting'] {
  if ('until' in letting) return letting
  if (state === 'closed' && letting.opened) return { until: at }
  return isOpening(state) ? { opened: true } : letting
}

/** How far a counter went on, across its wrap-around. */
export function advance(before: number | undefined, now: number | undefined): number {
  if (before === undefined || now === undefined) return 0
  const forward = now >= before ? now - before : Math.min(...widths.filter((width) => before < width).map((width) => now - before + width))
  return forward <= plausibleMax ? forward : 0
}
