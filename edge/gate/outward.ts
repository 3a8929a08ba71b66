/** Stages after the checks: the decision, the way out or back, the officer, the end. */
import { brokenFor, doorTrouble } from './mode.ts'
import type { At } from './outside.ts'
import {
  decide, disturbed, end, finish, occupied, openFailed, overdue, refer, refuseOutside, rest, sendBack, toEntering, walkedAway,
} from './passage.ts'
import { allKnownClosed, insideCount, knownClosed, running } from './state.ts'
import type { Turn } from './turn.ts'

export const deciding = {
  advance(turn: Turn, stage: At<'deciding'>): void {
    const checked = running(turn.state)?.grant === 'checks'
    if (checked && (disturbed(turn) || overdue(turn))) return
    const broken = brokenFor(turn.state)
    if (broken === undefined && turn.open('exit', turn.limits.exiting_s)) turn.go({ at: 'exiting', passed: 0, seen: false, until: turn.later(turn.limits.exiting_s) })
    else if (checked && broken !== undefined) refer(turn, broken)
    else if (turn.now >= stage.until) refer(turn, broken ?? doorTrouble(turn.state) ?? 'barrier-blocked')
  },
}

export const exiting = {
  on(turn: Turn, stage: At<'exiting'>): void {
    const { before, input } = turn
    if (input.kind === 'passed' && input.door === 'exit') {
      if (stage.passed > 0) turn.alert('alarm', 'not-alone')
      turn.go({ ...stage, passed: stage.passed + 1 })
    } else if (input.kind === 'presence' && input.zone === 'exit' && input.count > (before.world.places.exit.count ?? 0)) {
      turn.go({ ...stage, seen: true })
    } else if (openFailed(turn, 'exit')) refer(turn, 'barrier-lost')
  },
  advance(turn: Turn, stage: At<'exiting'>): void {
    const single = turn.state.setup.layout === 'single'
    const inside = insideCount(turn.state)
    const through = stage.seen || stage.passed > 0
    const moved = turn.state.world.doors.exit.state !== 'closed'
    if (single ? through : inside === 0 && moved) finish(turn, 'granted', grantReason(turn))
    else if (turn.now < stage.until) return
    else if (single) finish(turn, 'abandoned', 'walked-back')
    else if (inside === 0 || (inside === undefined && through)) finish(turn, 'granted', grantReason(turn))
    else if (through) leftSomething(turn)
    else refer(turn, inside === undefined ? 'presence-lost' : doorTrouble(turn.state) === 'barrier-lost' ? 'barrier-lost' : 'too-slow')
  },
}

const grantReason = (turn: Turn) => (running(turn.state)?.grant === 'officer' ? 'officer-granted' : undefined)

/** The traveller went, but something or somebody is still in the gate. */
function leftSomething(turn: Turn): void {
  end(turn, 'granted', 'object-left')
  refer(turn, 'object-left')
}

export const recording = {
  on(turn: Turn): void {
    const { input } = turn
    if (input.kind === 'passed' && input.door === 'exit') turn.alert('alarm', 'not-alone')
  },
  advance(turn: Turn, stage: At<'recording'>): void {
    const calm = allKnownClosed(turn.state) && insideCount(turn.state) === 0
    if (calm || turn.now >= stage.until) rest(turn, 'object-left')
  },
}

export const referred = {
  on(turn: Turn, stage: At<'referred'>): void {
    const { input, state } = turn
    if (input.kind !== 'officer' || input.decision !== 'grant') return
    turn.unhold()
    turn.update({ officer: input.by, until: turn.later(turn.limits.passage_s) })
    if (stage.inside || state.setup.layout === 'single') return decide(turn, 'officer')
    turn.update({ grant: 'officer' })
    toEntering(turn)
  },
  advance(turn: Turn, stage: At<'referred'>): void {
    if (!stage.inside && occupied(turn.state)) turn.go({ ...stage, inside: true })
    else if (!stage.inside && (turn.now >= stage.until || walkedAway(turn))) finish(turn, 'referred', stage.reason)
    else if (turn.now >= stage.until) {
      turn.alert('warning', stage.reason)
      turn.go({ ...stage, until: turn.later(turn.limits.officer_s) })
    }
  },
}

export const leaving = {
  on(turn: Turn): void {
    if (openFailed(turn, 'entry')) refer(turn, 'barrier-lost')
  },
  advance(turn: Turn, stage: At<'leaving'>): void {
    const { entry } = turn.state.world.doors
    const { count, since } = turn.state.world.places.inside
    const wayOpen = stage.opened || !knownClosed(entry)
    if (wayOpen && count === 0 && since >= stage.since) finish(turn, stage.outcome, stage.reason)
    else if (!stage.opened && openBack(turn)) turn.go({ ...stage, opened: true, since: turn.now, until: turn.later(turn.limits.leaving_s) })
    else if (turn.now < stage.until) return
    else if (stage.opened && (count ?? 0) === 0) finish(turn, stage.outcome, stage.reason)
    else refer(turn, stage.opened ? stage.reason : (doorTrouble(turn.state) ?? 'barrier-lost'))
  },
}

/**
 * Without a journal no door opens for a passage; but nobody may be kept between the doors for that,
 * so the way back is freed as in an emergency. It leads nowhere that the traveller did not come from.
 */
function openBack(turn: Turn): boolean {
  const { state } = turn
  if (state.world.parts.journal) return turn.open('entry', turn.limits.leaving_s)
  if (!allKnownClosed(state)) return false
  turn.free('entry')
  return true
}

/** An officer may end any passage that has not ended. */
export function officerEnds(turn: Turn): boolean {
  const { input, stage, state } = turn
  const passage = running(state)
  if (input.kind !== 'officer' || passage === undefined || stage.at === 'leaving') return false
  if (input.decision !== 'refuse' && input.decision !== 'release') return false
  turn.update({ officer: input.by })
  if (input.decision === 'release') turn.unhold()
  const refused = input.decision === 'refuse'
  if (occupied(state)) sendBack(turn, refused ? 'refused' : 'referred', refused ? 'officer-refused' : 'officer-released')
  else if (refused) refuseOutside(turn, 'officer-refused')
  else finish(turn, 'referred', 'officer-released')
  return true
}
