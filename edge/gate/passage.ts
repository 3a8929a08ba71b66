/** The turns a passage can take: each function moves the gate to another stage and asks for what belongs to it. */
import type { Instruction, Outcome, Reason } from './contract.ts'
import type { DoorName } from './input.ts'
import {
  allKnownClosed, doorsOf, frontOf, insideCount, knownClosed, needsFinger, running, spotOf, type Passage, type Place, type State,
} from './state.ts'
import { doorTrouble, faceLost, obstacle } from './mode.ts'
import { spentBy, type Turn } from './turn.ts'

/** What a person must judge, rather than a machine refuse. */
const forOfficer: ReadonlySet<Reason> = new Set<Reason>([
  'document-revoked', 'document-unchecked', 'watchlist-hit', 'face-attack', 'face-unavailable', 'finger-unavailable', 'lists-too-old',
  'clock-untrusted', 'object-left', 'barrier-blocked', 'barrier-forced', 'barrier-lost', 'camera-lost', 'presence-lost', 'restarted', 'too-slow',
])
const grave: ReadonlySet<Reason> = new Set<Reason>(['watchlist-hit', 'document-revoked', 'face-attack', 'barrier-forced'])

/**
 * Somebody may be between the doors. Not knowing counts as somebody, and a traveller who was locked
 * in to be checked is still there, whatever the sensor says now.
 */
export function occupied(state: State): boolean {
  const { setup, stage } = state
  if (setup.layout === 'single') return false
  const lockedIn = stage.at === 'face' || stage.at === 'finger' || stage.at === 'deciding' || (stage.at === 'referred' && stage.inside)
  return lockedIn || insideCount(state) !== 0
}

/** The place has been empty for so long that its traveller is gone. */
export function deserted({ limits, now }: Turn, place: Place): boolean {
  return place.count === 0 && now >= place.since + Math.round(limits.walkBack_s * 1000)
}

/** The traveller before the gate was there and went away. */
export const walkedAway = (turn: Turn): boolean => running(turn.state)?.seen === true && deserted(turn, frontOf(turn.state))

/** Ends the running passage on the record. The personal data go with it. */
export function end(turn: Turn, outcome: Outcome, reason?: Reason): void {
  const passage = running(turn.state)
  if (passage === undefined) return
  const { number, ref, referral, began, face, finger, officer } = passage
  const spent_ms = spentBy(passage, turn.now)
  turn.emit({
    kind: 'record', passage: number, outcome, cycle_ms: turn.now - began, spent_ms,
    ...(reason === undefined ? {} : { reason }), ...(referral === undefined ? {} : { referral }), ...(ref === undefined ? {} : { ref }),
    ...(face === undefined ? {} : { face }), ...(finger === undefined ? {} : { finger }), ...(officer === undefined ? {} : { officer }),
  })
  if (ref !== undefined) turn.emit({ kind: 'forget', ref })
  turn.update({ ended: reason === undefined ? { outcome } : { outcome, reason }, spent_ms, ref: undefined })
}

/** Nobody is on the way any more: close, and wait until all is closed and empty. */
export function finish(turn: Turn, outcome: Outcome, reason?: Reason): void {
  end(turn, outcome, reason)
  turn.closeAll()
  turn.go({ at: 'recording', until: turn.later(turn.limits.door_s) })
}

/** Where a gate without a passage belongs: waiting for travellers, out of service, or with somebody left in it. */
export function rest(turn: Turn, leftOver: Reason): void {
  const trouble = obstacle(turn.state)
  if (somebodyLeft(turn.state)) refer(turn, leftOver)
  else if (trouble === undefined) turn.go({ at: 'idle' })
  else close(turn, trouble, leftOver)
}

/** Somebody or something is between the doors; out of service, that is the technician. */
export const somebodyLeft = (state: State): boolean => (insideCount(state) ?? 0) > 0 && state.world.service

export function close(turn: Turn, reason: Reason, leftOver: Reason): void {
  turn.alert(reason === 'service' ? 'info' : 'warning', reason)
  turn.closeAll()
  turn.go({ at: 'closed', reason, leftOver, until: turn.later(turn.limits.door_s) })
}

/** To the officer by the nature of the reason, or refused. */
export function reject(turn: Turn, reason: Reason): void {
  if (forOfficer.has(reason)) refer(turn, reason)
  else refuse(turn, reason)
}

export function refer(turn: Turn, reason: Reason): void {
  if (running(turn.state) === undefined) turn.begin()
  turn.update({ referral: reason, grant: undefined })
  turn.alert(grave.has(reason) ? 'alarm' : 'warning', reason)
  turn.closeAll()
  turn.go({ at: 'referred', reason, inside: occupied(turn.state), until: turn.later(turn.limits.officer_s) })
}

export function refuse(turn: Turn, reason: Reason): void {
  if (!occupied(turn.state)) return refuseOutside(turn, reason)
  if (turn.state.setup.policy.onRefusal === 'officer') refer(turn, reason)
  else sendBack(turn, 'refused', reason)
}

export function refuseOutside(turn: Turn, reason: Reason): void {
  end(turn, 'refused', reason)
  turn.closeAll()
  turn.go({ at: 'refused', reason, told: false, until: turn.later(turn.limits.message_s) })
}

/** Back by the entry door. One that is still open serves; else it opens once both doors are closed. */
export function sendBack(turn: Turn, outcome: Outcome, reason: Reason): void {
  turn.update({ grant: undefined })
  if (!knownClosed(turn.state.world.doors.exit)) turn.emit({ kind: 'close', door: 'exit' })
  turn.go({ at: 'leaving', outcome, reason, opened: false, since: turn.now, until: turn.later(turn.limits.leaving_s) })
}

export function toEntering(turn: Turn): void {
  turn.go({ at: 'entering', opened: false, until: turn.later(turn.limits.entering_s) })
}

export function toAlone(turn: Turn): void {
  turn.go({ at: 'alone', until: turn.later(turn.limits.alone_s) })
}

export function toFace(turn: Turn, instruction: Instruction): void {
  const { ref, faceTries = 0, document } = running(turn.state) ?? {}
  const lost = faceLost(turn.state)
  if (lost !== undefined || ref === undefined || document?.photo !== true) return refer(turn, lost ?? 'face-unavailable')
  const attempt = faceTries + 1
  turn.update({ faceTries: attempt })
  turn.emit({ kind: 'startFace', ref, attempt })
  turn.go({ at: 'face', attempt, instruction, until: turn.later(turn.limits.face_s) })
}

/** The face is the traveller's: on to the finger, when one is needed, or to the decision. */
export function afterFace(turn: Turn): void {
  if (!needsFinger(turn.state)) decide(turn, 'checks')
  else if (running(turn.state)?.document?.fingerTemplate !== true) refer(turn, 'finger-unavailable')
  else toFinger(turn)
}

export function toFinger(turn: Turn): void {
  const { ref, fingerTries = 0 } = running(turn.state) ?? {}
  if (!turn.state.world.parts.finger || ref === undefined) return withoutFinger(turn)
  const attempt = fingerTries + 1
  turn.update({ fingerTries: attempt })
  turn.emit({ kind: 'startFinger', ref, attempt })
  turn.go({ at: 'finger', attempt, instruction: 'place-finger', until: turn.later(turn.limits.finger_s) })
}

/** The scanner is lost: what that means is policy. */
export function withoutFinger(turn: Turn): void {
  if (turn.state.setup.policy.onFingerLost === 'face-only') decide(turn, 'checks')
  else refer(turn, 'finger-unavailable')
}

export function decide(turn: Turn, grant: NonNullable<Passage['grant']>): void {
  turn.update({ grant })
  turn.go({ at: 'deciding', until: turn.later(turn.limits.deciding_s) })
}

/**
 * While a traveller is checked: exactly one, where nobody can come or go. Deals with anything else
 * and says so. In a single gate the check starts over, so that nobody can be swapped after it.
 */
export function disturbed(turn: Turn): boolean {
  const { state } = turn
  const { setup: { layout, presence } } = state
  const place = spotOf(state)
  if (layout === 'single' && presence === 'none') return false
  if (place.count === undefined) refer(turn, 'presence-lost')
  else if (layout === 'mantrap' && !allKnownClosed(state)) refer(turn, doorTrouble(state) ?? 'barrier-lost')
  else if (place.count > 1 && presence === 'counts') severalPeople(turn)
  else if (deserted(turn, place)) vanished(turn)
  else return false
  return true
}

function severalPeople(turn: Turn): void {
  if (turn.state.setup.layout === 'mantrap') return refuse(turn, 'not-alone')
  turn.update({ face: undefined, finger: undefined, grant: undefined })
  if ((running(turn.state)?.faceTries ?? 0) >= turn.limits.faceTries) refuse(turn, 'not-alone')
  else toAlone(turn)
}

/** Nobody can leave a locked gate: there, it is the sensor that is wrong. */
function vanished(turn: Turn): void {
  if (turn.state.setup.layout === 'mantrap') refer(turn, 'presence-lost')
  else finish(turn, 'abandoned', 'walked-back')
}

/** The passage as a whole takes too long: deals with it, and says so. */
export function overdue(turn: Turn): boolean {
  const passage = running(turn.state)
  if (passage === undefined || turn.now < passage.until) return false
  refer(turn, 'too-slow')
  return true
}

/** The door could not be told to open. */
export const openFailed = ({ input }: Turn, door: DoorName): boolean =>
  input.kind === 'effectFailed' && input.effect.kind === 'open' && input.effect.door === door

/** Ends whatever lets people out, and closes: an officer has released the gate. */
export function secure(turn: Turn): void {
  for (const door of doorsOf(turn.state)) {
    turn.unfree(door)
    turn.emit({ kind: 'close', door })
  }
}
