/** Stages with nobody in the gate: out of service, idle, the document, and a refusal shown outside. */
import type { Input } from './input.ts'
import { blindFor, brokenFor, obstacle, officerFor } from './mode.ts'
import { finish, overdue, refer, refuse, reject, rest, secure, somebodyLeft, toAlone, toEntering, walkedAway } from './passage.ts'
import { allKnownClosed, doorsOf, frontOf, insideCount, knownClosed, running, type Stage } from './state.ts'
import type { Turn } from './turn.ts'

export type At<Name extends Stage['at']> = Extract<Stage, { at: Name }>

export const closed = {
  on(turn: Turn, stage: At<'closed'>): void {
    const { input } = turn
    if (input.kind === 'start') {
      turn.closeAll()
      turn.go({ ...stage, until: turn.later(turn.limits.door_s) })
    } else if (input.kind === 'officer' && input.decision === 'release') {
      turn.unhold()
      secure(turn)
    }
  },
  advance(turn: Turn, stage: At<'closed'>): void {
    const { state } = turn
    const trouble = obstacle(state)
    if (trouble === undefined || somebodyLeft(state)) return rest(turn, stage.leftOver)
    const shut = allKnownClosed(state)
    // Once an officer has taken the gate out of service and its doors are shut, a technician may move one of them.
    const isServed = trouble === 'service' && stage.reason === 'service'
    if (isServed && stage.until === undefined && doorsOf(state).filter((door) => !knownClosed(state.world.doors[door])).length <= 1) return
    if (isServed && stage.until !== undefined && shut) return turn.go({ ...stage, until: undefined })
    if (stage.until === undefined ? trouble === stage.reason && shut : turn.now < stage.until) return
    if (trouble !== stage.reason) turn.alert('warning', trouble)
    turn.closeAll()
    turn.go({ ...stage, reason: trouble, until: shut ? undefined : turn.later(turn.limits.door_s) })
  },
}

export const idle = {
  on(turn: Turn): void {
    const { kind } = turn.input
    if (kind !== 'documentPresented' && kind !== 'documentRead' && kind !== 'documentUnreadable') return
    if (obstacle(turn.state) !== undefined || insideCount(turn.state) !== 0) return
    turn.begin()
    turn.go({ at: 'reading', until: turn.later(turn.limits.reading_s) })
    reading.on(turn)
  },
  advance(turn: Turn): void {
    if (obstacle(turn.state) !== undefined || insideCount(turn.state) !== 0) rest(turn, 'object-left')
  },
}

export const reading = {
  on(turn: Turn): void {
    const { input, limits } = turn
    const { documentTries = 0 } = running(turn.state) ?? {}
    if (input.kind === 'documentRead') {
      turn.update({ ref: input.ref })
      turn.emit({ kind: 'checkDocument', ref: input.ref })
      turn.go({ at: 'checking', until: turn.later(limits.checking_s) })
    } else if (input.kind === 'documentUnreadable') {
      turn.update({ documentTries: documentTries + 1 })
      if (documentTries + 1 >= limits.documentTries) refuse(turn, 'document-unreadable')
      else turn.go({ at: 'reading', until: turn.later(limits.reading_s) })
    }
  },
  advance(turn: Turn, stage: At<'reading'>): void {
    const broken = brokenFor(turn.state) ?? blindFor(turn.state)
    if (broken !== undefined) refuse(turn, broken)
    else if (overdue(turn)) return
    else if (walkedAway(turn)) finish(turn, 'abandoned', 'walked-back')
    else if (turn.now < stage.until) return
    else if ((running(turn.state)?.documentTries ?? 0) > 0) refuse(turn, 'document-unreadable')
    else finish(turn, 'abandoned', 'walked-back')
  },
}

type Verdict = Extract<Input, { kind: 'documentVerdict' }>

export const checking = {
  on(turn: Turn): void {
    const { input } = turn
    const ref = running(turn.state)?.ref
    if (input.kind === 'documentVerdict' && input.ref === ref) judge(turn, input)
    if (input.kind === 'effectFailed' && input.effect.kind === 'checkDocument' && input.effect.ref === ref) refer(turn, 'document-unchecked')
  },
  advance(turn: Turn, stage: At<'checking'>): void {
    const broken = brokenFor(turn.state)
    if (broken !== undefined) refuse(turn, broken)
    else if (overdue(turn)) return
    else if (walkedAway(turn)) finish(turn, 'abandoned', 'walked-back')
    else if (turn.now >= stage.until) refer(turn, 'document-unchecked')
  },
}

function judge(turn: Turn, { result, resident, photo, fingerTemplate, lists }: Verdict): void {
  turn.update({ document: { result, resident, photo, fingerTemplate, lists } })
  const officer = listsTooOld(turn, lists) ? 'lists-too-old' : officerFor(turn.state)
  if (result !== 'accepted') reject(turn, result)
  else if (officer !== undefined) refer(turn, officer)
  else if (!photo) refer(turn, 'face-unavailable')
  else if (turn.state.setup.layout === 'single') toAlone(turn)
  else toEntering(turn)
}

/** A needed list that is missing is never accepted: it may be one that was taken away. */
function listsTooOld(turn: Turn, lists: Verdict['lists']): boolean {
  const { lists: needed, onListsStale } = turn.state.setup.policy
  const ages = new Set(needed.map((name) => lists[name] ?? 'absent'))
  return ages.has('absent') || (ages.has('stale') && onListsStale !== 'accept')
}

export const refused = {
  advance(turn: Turn, stage: At<'refused'>): void {
    const someoneStays = (frontOf(turn.state).count ?? 0) > 0
    const calm = allKnownClosed(turn.state) && !someoneStays
    const due = turn.now >= stage.until
    if (stage.told ? calm || due : calm && due) rest(turn, 'object-left')
    else if (due) turn.go({ ...stage, told: true, until: turn.later(turn.limits.clear_s) })
  },
}
