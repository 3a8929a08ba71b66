/** Stages of the checks: stepping in, being alone, the face, the finger. */
import type { Evidence, Input } from './input.ts'
import { brokenFor, doorTrouble, faceLost } from './mode.ts'
import type { At } from './outside.ts'
import {
  afterFace, decide, deserted, disturbed, finish, openFailed, overdue, refer, refuse, refuseOutside, toAlone, toFace, toFinger, walkedAway, withoutFinger,
} from './passage.ts'
import { allKnownClosed, insideCount, running, spotOf } from './state.ts'
import type { Reason } from './contract.ts'
import type { Turn } from './turn.ts'

export const entering = {
  on(turn: Turn): void {
    if (openFailed(turn, 'entry')) refer(turn, 'barrier-lost')
  },
  advance(turn: Turn, stage: At<'entering'>): void {
    const inside = insideCount(turn.state)
    const broken = brokenFor(turn.state)
    if (inside === undefined) refer(turn, 'presence-lost')
    else if (broken !== undefined && inside === 0) refuseOutside(turn, broken)
    else if (broken !== undefined) refer(turn, broken)
    else if (inside > 0) stepIn(turn, stage.opened, inside)
    else if (!stage.opened && turn.open('entry', turn.limits.entering_s)) turn.go({ ...stage, opened: true, until: turn.later(turn.limits.entering_s) })
    else if (overdue(turn)) return
    else if (turn.now >= stage.until) notEntered(turn, stage.opened)
  },
}

function stepIn(turn: Turn, opened: boolean, inside: number): void {
  if (!opened) return refer(turn, 'object-left')
  if (inside > 1 && !byOfficer(turn)) return refuse(turn, 'not-alone')
  turn.closeAll()
  toAlone(turn)
}

/** Nobody came: the door did not let them, or they did not want to. */
function notEntered(turn: Turn, opened: boolean): void {
  const { opened: pending, state } = turn.state.world.doors.entry
  const never = !opened || state === 'blocked' || state === 'unknown' || pending?.moved === false
  if (never) refer(turn, doorTrouble(turn.state) ?? 'barrier-blocked')
  else finish(turn, 'abandoned', 'walked-back')
}

const byOfficer = (turn: Turn): boolean => running(turn.state)?.grant === 'officer'

export const alone = {
  advance(turn: Turn, stage: At<'alone'>): void {
    if (turn.state.setup.layout === 'single') aloneInFront(turn, stage)
    else aloneInside(turn, stage)
  },
}

function aloneInside(turn: Turn, stage: At<'alone'>): void {
  const { state } = turn
  const inside = insideCount(state)
  const shut = allKnownClosed(state)
  if (inside === undefined) refer(turn, 'presence-lost')
  else if (inside > 1 && state.setup.presence === 'counts' && !byOfficer(turn)) refuse(turn, 'not-alone')
  else if (inside > 0 && shut && byOfficer(turn)) decide(turn, 'officer')
  else if (inside > 0 && shut) toFace(turn, 'look-at-camera')
  else if (!shut && deserted(turn, state.world.places.inside)) finish(turn, 'abandoned', 'walked-back')
  else if (overdue(turn) || turn.now < stage.until) return
  else if (inside > 0) refer(turn, doorTrouble(state) ?? 'barrier-blocked')
  else finish(turn, 'abandoned', 'walked-back')
}

function aloneInFront(turn: Turn, stage: At<'alone'>): void {
  const { presence } = turn.state.setup
  const { count } = spotOf(turn.state)
  const broken = brokenFor(turn.state)
  if (broken !== undefined) refuse(turn, broken)
  else if (presence === 'none') toFace(turn, 'look-at-camera')
  else if (count === undefined) refer(turn, 'presence-lost')
  else if (count === 1 || (count > 1 && presence === 'detects')) toFace(turn, 'look-at-camera')
  else if (walkedAway(turn)) finish(turn, 'abandoned', 'walked-back')
  else if (overdue(turn) || turn.now < stage.until) return
  else if (count > 1) refuse(turn, 'not-alone')
  else finish(turn, 'abandoned', 'walked-back')
}

type FaceVerdict = Extract<Input, { kind: 'faceVerdict' }>
type FingerVerdict = Extract<Input, { kind: 'fingerVerdict' }>

/** What is answered is the check that runs now, not one before. */
const isCurrent = (turn: Turn, attempt: number, said: { ref: string; attempt: number }): boolean =>
  said.ref === running(turn.state)?.ref && said.attempt === attempt

export const face = {
  on(turn: Turn, stage: At<'face'>): void {
    const { input } = turn
    if (input.kind === 'facePrompt' && isCurrent(turn, stage.attempt, input)) turn.go({ ...stage, instruction: input.instruction })
    if (input.kind === 'faceVerdict' && isCurrent(turn, stage.attempt, input)) judgeFace(turn, input)
    if (input.kind === 'effectFailed' && input.effect.kind === 'startFace' && isCurrent(turn, stage.attempt, input.effect)) refer(turn, 'face-unavailable')
  },
  advance(turn: Turn, stage: At<'face'>): void {
    const lost = brokenFor(turn.state) ?? faceLost(turn.state)
    if (lost !== undefined) refer(turn, lost)
    else if (disturbed(turn) || overdue(turn)) return
    else if (turn.now >= stage.until) faceAgain(turn, 'face-not-found')
  },
}

function judgeFace(turn: Turn, verdict: FaceVerdict): void {
  const { result, score, threshold } = verdict
  // What speaks against a traveller belongs into the record as much as what speaks for them.
  turn.update({ face: evidenceOf(verdict) })
  switch (result) {
    case 'match':
      if (score === undefined || threshold === undefined || !(score >= threshold)) return refer(turn, 'face-unavailable')
      return afterFace(turn)
    case 'attack':
      return refer(turn, 'face-attack')
    case 'unavailable':
      return refer(turn, 'face-unavailable')
    case 'no-match':
    case 'not-found':
    case 'several':
      return faceAgain(turn, `face-${result}`)
  }
}

function evidenceOf({ score, threshold, models, signals }: FaceVerdict): Evidence | undefined {
  if (score === undefined || !Number.isFinite(score)) return undefined
  return {
    score, ...(threshold === undefined ? {} : { threshold }), ...(models === undefined ? {} : { models }), ...(signals === undefined ? {} : { signals }),
  }
}

function faceAgain(turn: Turn, reason: Reason): void {
  if ((running(turn.state)?.faceTries ?? 0) >= turn.limits.faceTries) refuse(turn, reason)
  else toFace(turn, reason === 'face-several' ? 'one-person' : 'look-at-camera')
}

export const finger = {
  on(turn: Turn, stage: At<'finger'>): void {
    const { input } = turn
    if (input.kind === 'fingerPrompt' && isCurrent(turn, stage.attempt, input)) turn.go({ ...stage, instruction: input.instruction })
    if (input.kind === 'fingerVerdict' && isCurrent(turn, stage.attempt, input)) judgeFinger(turn, input)
    if (input.kind === 'effectFailed' && input.effect.kind === 'startFinger' && isCurrent(turn, stage.attempt, input.effect)) withoutFinger(turn)
  },
  advance(turn: Turn, stage: At<'finger'>): void {
    const broken = brokenFor(turn.state)
    if (broken !== undefined) refer(turn, broken)
    else if (disturbed(turn) || overdue(turn)) return
    else if (!turn.state.world.parts.finger) withoutFinger(turn)
    else if (turn.now >= stage.until) fingerAgain(turn, 'finger-missing')
  },
}

function judgeFinger(turn: Turn, { result, score }: FingerVerdict): void {
  switch (result) {
    case 'match': {
      const evidence: Evidence | undefined = score === undefined ? undefined : { score }
      turn.update({ finger: evidence })
      return evidence === undefined ? refer(turn, 'finger-unavailable') : decide(turn, 'checks')
    }
    case 'unavailable':
      return withoutFinger(turn)
    case 'no-match':
      return fingerAgain(turn, 'finger-no-match')
    case 'no-finger':
      return fingerAgain(turn, 'finger-missing')
    case 'poor-image':
      return fingerAgain(turn, 'finger-poor')
  }
}

function fingerAgain(turn: Turn, reason: Reason): void {
  if ((running(turn.state)?.fingerTries ?? 0) >= turn.limits.fingerTries) refuse(turn, reason)
  else toFinger(turn)
}
