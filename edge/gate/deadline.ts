/** When time alone changes something: each moment here is one at which a stage's `advance` acts. */
import type { Instant } from '../base/clock.ts'
import { allKnownClosed, doorsOf, frontOf, running, spotOf, type Passage, type Place, type Stage, type State } from './state.ts'

/** Stages that end when the whole passage takes too long. */
const counted: ReadonlySet<Stage['at']> = new Set<Stage['at']>(['reading', 'checking', 'entering', 'alone', 'face', 'finger', 'deciding'])

export function deadline(state: State): Instant | undefined {
  const { stage, world } = state
  const times = doorsOf(state).map((door) => world.doors[door].opened?.until)
  if (stage.at !== 'idle') times.push(stage.until)
  const passage = running(state)
  if (passage !== undefined) times.push(overdueAt(stage, passage), gone(state, stage, passage))
  const known = times.filter((time) => time !== undefined)
  return known.length === 0 ? undefined : Math.min(...known)
}

function overdueAt(stage: Stage, { grant, until }: Passage): Instant | undefined {
  return counted.has(stage.at) && !(stage.at === 'deciding' && grant === 'officer') ? until : undefined
}

/** When a place that is empty now has been empty for so long that its traveller counts as gone. */
function gone(state: State, stage: Stage, passage: Passage): Instant | undefined {
  const { layout, limits, presence } = state.setup
  const front = passage.seen ? frontOf(state) : undefined
  const emptyAt = (place: Place | undefined): Instant | undefined =>
    place?.count === 0 ? place.since + Math.round(limits.walkBack_s * 1000) : undefined
  if (stage.at === 'reading' || stage.at === 'checking' || (stage.at === 'referred' && !stage.inside)) return emptyAt(front)
  if (stage.at === 'alone' && layout === 'single') return emptyAt(front)
  if (stage.at === 'alone') return allKnownClosed(state) ? undefined : emptyAt(spotOf(state))
  const checked = stage.at === 'face' || stage.at === 'finger' || (stage.at === 'deciding' && passage.grant === 'checks')
  return checked && (layout === 'mantrap' || presence !== 'none') ? emptyAt(spotOf(state)) : undefined
}
