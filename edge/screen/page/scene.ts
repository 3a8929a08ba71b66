/** What to show, decided from what is known: a pure function, so that every screen can be tested. */
import type { GateView, Instruction, Reason } from '../../gate/contract.ts'
import type { Snapshot } from '../snapshot.ts'
import type { Tone } from './palette.ts'
import { neutral, notReady, reasons, reconnecting, type Words } from './texts.ts'

/** What the page knows of the device. */
export type Knowledge = { kind: 'connecting' } | { kind: 'lost' } | { kind: 'live'; snapshot: Snapshot }

/** What kind of thing a reason is about: the small pictogram beside it. */
export type Topic =
  | 'document' | 'time' | 'face' | 'finger' | 'people' | 'luggage' | 'officer' | 'gate' | 'tools' | 'fire' | 'power' | 'link'

export interface Because {
  words: Words
  topic: Topic
}

export interface Scene {
  tone: Tone
  instruction: Instruction
  because: Because | undefined
  steps: GateView['steps']
  attempt: number
  /** The passage whose traveller sees themselves. */
  mirrorOf: number | undefined
  /** Screen readers drop everything else for it. */
  urgent: boolean
}

export const topics: Readonly<Record<Reason, Topic>> = {
  'document-unreadable': 'document', 'document-not-accepted': 'document', 'document-expired': 'document',
  'document-unchecked': 'officer', 'document-revoked': 'officer', 'document-inconsistent': 'officer', 'watchlist-hit': 'officer',
  'not-resident': 'people', 'face-no-match': 'face', 'face-not-found': 'face', 'face-several': 'people', 'face-attack': 'officer',
  'face-unavailable': 'officer',
  'finger-no-match': 'finger', 'finger-missing': 'finger', 'finger-poor': 'finger', 'finger-unavailable': 'officer',
  'not-alone': 'people', 'object-left': 'luggage', 'walked-back': 'gate', 'too-slow': 'time',
  'officer-granted': 'officer', 'officer-refused': 'officer', 'officer-released': 'officer',
  'barrier-blocked': 'gate', 'barrier-forced': 'gate', 'barrier-lost': 'tools', 'reader-lost': 'tools', 'camera-lost': 'tools',
  'presence-lost': 'tools', 'lists-too-old': 'officer', 'clock-untrusted': 'officer', 'journal-unavailable': 'tools',
  restarted: 'gate', service: 'tools', 'fire-alarm': 'fire', 'power-fail': 'power',
}

const closed = { tone: 'closed', steps: [], attempt: 1, mirrorOf: undefined } as const satisfies Partial<Scene>

export function sceneOf(knowledge: Knowledge): Scene {
  if (knowledge.kind === 'connecting') return { ...closed, instruction: 'please-wait', because: undefined, urgent: false }
  if (knowledge.kind === 'lost') return turnedAway({ words: reconnecting, topic: 'link' })
  const { view, mirror } = knowledge.snapshot
  return view === null ? turnedAway({ words: notReady, topic: 'gate' }) : sceneOfGate(view, mirror)
}

const turnedAway = (because: Because): Scene => ({ ...closed, instruction: 'use-other-gate', because, urgent: true })

function sceneOfGate(view: GateView, mirror: boolean): Scene {
  const tone = toneOf(view)
  return {
    tone,
    instruction: view.instruction,
    because: becauseOf(view),
    steps: tone === 'emergency' || tone === 'closed' ? [] : view.steps,
    attempt: view.attempt,
    mirrorOf: mirror && view.phase === 'face' ? view.passage : undefined,
    urgent: tone === 'notice' || tone === 'emergency',
  }
}

function toneOf({ phase, instruction }: GateView): Tone {
  if (phase === 'emergency' || instruction === 'leave-now') return 'emergency'
  if (phase === 'out-of-service') return 'closed'
  if (phase === 'exiting' || instruction === 'go-through') return 'go'
  return phase === 'refused' || phase === 'referred' || phase === 'leaving' ? 'notice' : 'calm'
}

/** A refusal whose reason the device keeps to itself is explained by the neutral text. */
function becauseOf({ phase, reason }: GateView): Because | undefined {
  if (reason !== undefined) return { words: reasons[reason], topic: topics[reason] }
  return phase === 'refused' || phase === 'referred' ? { words: neutral, topic: 'officer' } : undefined
}

/** Whether one traveller's time at the gate is over, so that the next finds the page as it always is. */
export function endsPassage(before: Knowledge, after: Knowledge): boolean {
  const [old, fresh] = [viewOf(before), viewOf(after)]
  if (old === undefined || fresh === undefined) return old !== fresh
  return old.phase !== 'idle' && (fresh.phase === 'idle' || fresh.passage !== old.passage)
}

export function isIdle(knowledge: Knowledge): boolean {
  return viewOf(knowledge)?.phase === 'idle'
}

function viewOf(knowledge: Knowledge): GateView | undefined {
  return knowledge.kind === 'live' ? (knowledge.snapshot.view ?? undefined) : undefined
}
