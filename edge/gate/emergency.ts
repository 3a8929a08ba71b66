/**
 * Fire alarm and power failure: the way out opens from every stage, and only an officer ends it.
 *
 * A door that is not closed is the way out, because somebody may be in it; the other one is kept
 * closed. So people get out, and the gate never becomes an open passage.
 */
import type { DoorName, SafetyReason } from './input.ts'
import { close, end, secure } from './passage.ts'
import { doorsOf, emergencyOf, type Door, type State } from './state.ts'
import type { At } from './outside.ts'
import type { Turn } from './turn.ts'

export function startEmergency(turn: Turn, reason: SafetyReason): void {
  end(turn, 'emergency', reason)
  turn.alert('alarm', reason)
  const way = wayOut(turn.state)
  for (const door of doorsOf(turn.state)) if (door !== way) shut(turn, door)
  turn.free(way)
  turn.go({ at: 'emergency', reason, way, failed: [], until: undefined })
}

function wayOut(state: State): DoorName {
  const { doors } = state.world
  const doubt = openness(doors.entry) - openness(doors.exit)
  if (state.setup.layout === 'single' || doubt < 0) return 'exit'
  return doubt > 0 ? 'entry' : state.setup.policy.emergencyWay
}

/** How likely somebody is in this door. */
function openness({ state, freed, opened }: Door): number {
  const doubt = freed || opened !== undefined ? 1 : 0
  return { open: 4, opening: 4, blocked: 3, closing: 3, unknown: 2, closed: doubt }[state]
}

function shut(turn: Turn, door: DoorName): void {
  if (turn.state.world.doors[door].freed) turn.unfree(door)
  turn.emit({ kind: 'close', door })
}

export const emergency = {
  on(turn: Turn, stage: At<'emergency'>): void {
    const { input, state } = turn
    if (input.kind === 'officer' && input.decision === 'release' && emergencyOf(state) === undefined) endEmergency(turn, stage)
    if (input.kind === 'effectFailed' && input.effect.kind === 'free' && input.effect.on && input.effect.door === stage.way) otherWay(turn, stage)
  },
  advance(turn: Turn, stage: At<'emergency'>): void {
    if (stage.until === undefined || turn.now < stage.until) return
    turn.free(stage.way)
    turn.go({ ...stage, failed: [], until: undefined })
  },
}

function endEmergency(turn: Turn, { reason }: At<'emergency'>): void {
  turn.unhold()
  secure(turn)
  close(turn, reason, reason)
}

/** The way out does not obey: the other door becomes it. When neither does, both are tried again and again. */
function otherWay(turn: Turn, stage: At<'emergency'>): void {
  turn.alert('alarm', 'barrier-lost')
  const failed = [...stage.failed, stage.way]
  const next = doorsOf(turn.state).find((door) => !failed.includes(door))
  if (next === undefined) return turn.go({ ...stage, failed, until: turn.later(turn.limits.door_s) })
  shut(turn, stage.way)
  turn.free(next)
  turn.go({ ...stage, way: next, failed })
}
