/** What the gate can do with the parts that work: derived, never stored. */
import type { Reason } from './contract.ts'
import type { Part } from './input.ts'
import { allKnownClosed, doorsOf, emergencyOf, insideCount, type State } from './state.ts'

export type Mode = 'full' | 'face-only' | 'officer-only' | 'closed'

const lost: Record<Part, Reason> = {
  reader: 'reader-lost', camera: 'camera-lost', face: 'face-unavailable', finger: 'finger-unavailable', entry: 'barrier-lost',
  exit: 'barrier-lost', presence: 'presence-lost', journal: 'journal-unavailable', lists: 'lists-too-old', clock: 'clock-untrusted',
}

export function mode(state: State): Mode {
  const { setup: { policy }, world } = state
  if (closedFor(state) !== undefined) return 'closed'
  if (officerFor(state) !== undefined) return 'officer-only'
  return policy.finger === 'never' || world.parts.finger ? 'full' : 'face-only'
}

/** Why nobody can use the gate now, if so. */
export function closedFor(state: State): Reason | undefined {
  return emergencyOf(state) ?? (state.world.service ? undefined : 'service') ?? brokenFor(state) ?? blindFor(state)
}

/** Why even a traveller on the way cannot go on, if so. */
export function brokenFor(state: State): Reason | undefined {
  const { setup: { layout }, world } = state
  return world.held ?? firstLost(state, ['journal', 'entry', 'exit', ...(layout === 'mantrap' ? (['presence'] as const) : [])])
}

/** Why no further traveller can be checked, if so. */
export function blindFor(state: State): Reason | undefined {
  const { policy } = state.setup
  return firstLost(state, [
    'reader',
    ...(policy.onFaceLost === 'closed' ? (['camera', 'face'] as const) : []),
    ...(policy.onListsStale === 'closed' ? (['lists'] as const) : []),
  ])
}

/** Why every traveller needs an officer now, if so. */
export function officerFor(state: State): Reason | undefined {
  const { policy } = state.setup
  return firstLost(state, [
    'clock', 'presence', 'camera', 'face',
    ...(policy.onListsStale === 'accept' ? [] : (['lists'] as const)),
    ...(policy.finger === 'always' && policy.onFingerLost === 'officer' ? (['finger'] as const) : []),
  ])
}

export function faceLost(state: State): Reason | undefined {
  return firstLost(state, ['camera', 'face'])
}

/** Why a door cannot be relied on as closed, if so. */
export function doorTrouble(state: State): Reason | undefined {
  if (allKnownClosed(state)) return undefined
  const { doors, parts } = state.world
  const gone = doorsOf(state).some((name) => doors[name].state === 'unknown' || !parts[name])
  return gone ? 'barrier-lost' : 'barrier-blocked'
}

/** Why an empty gate cannot wait for travellers, if so. */
export function obstacle(state: State): Reason | undefined {
  return closedFor(state) ?? doorTrouble(state) ?? (insideCount(state) === undefined ? 'presence-lost' : undefined)
}

function firstLost({ world }: State, parts: readonly Part[]): Reason | undefined {
  const part = parts.find((name) => !world.parts[name])
  return part === undefined ? undefined : lost[part]
}
