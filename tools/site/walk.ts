/**
 * A simulated traveller on their way through the gate: sees the page, does what it asks for in the
 * time that people take, and walks through real (emulated) doors.
 */
import { systemClock } from '../../edge/base/clock.ts'
import { sleep } from '../../edge/base/wait.ts'
import type { GateView, Instruction } from '../../edge/gate/contract.ts'
import type { EgateWorld } from './egate-world.ts'
import type { PageWatch } from './page-watch.ts'
import { documentLines, fingerOf, type Traveller } from './people.ts'
import { humanTime_ms } from './random.ts'

/** Medians of the times that people take, in ms. */
export const paces = {
  human: { layDocument: 1500, stepIn: 1200, faceCamera: 800, finger: 1000, stepOut: 1500 },
  /** For tests: as fast as the devices allow. */
  hurried: { layDocument: 50, stepIn: 50, faceCamera: 50, finger: 50, stepOut: 50 },
}
export type Pace = keyof typeof paces

export interface WalkOptions {
  page: PageWatch
  world: EgateWorld
  pace: Pace
  random: () => number
  signal: AbortSignal
  /** They stand before the gate and begin to lay the document down. */
  onArrive?(): void
}

const limit_ms = 90_000
/** Nobody lifts a document and lays it down again sooner; the reader takes less for one swipe. */
const swipeAgain_ms = 500
/** Somebody who is turned away stands there for a moment before they go. */
const turnAway_ms = 600

/** Resolves when the traveller has left and the gate waits for the next. */
export async function walk(traveller: Traveller, options: WalkOptions): Promise<void> {
  const { page, world, signal } = options
  await page.until(({ phase }) => phase === 'idle', limit_ms, 'it waits for a traveller', signal)
  const first = page.view?.passage ?? 0
  await world.approach()
  options.onArrive?.()
  const stopWatching = watchInside(traveller, options)
  try {
    await present(traveller, options)
    const shown = await page.until(({ phase, instruction, passage }) => passage > first && (phase === 'refused' || instruction === 'step-in' || isOver(phase)), limit_ms, 'the document was checked', signal)
    if (shown.instruction === 'step-in') await passThrough(traveller, options)
    else await leaveFront(options)
  } finally {
    stopWatching()
    world.showNobody()
    await world.clear()
  }
  await page.until(({ phase }) => phase === 'idle' || phase === 'out-of-service', limit_ms, 'it is free again', signal)
}

async function passThrough(traveller: Traveller, options: WalkOptions): Promise<void> {
  const { world } = options
  await pause(options, 'stepIn')
  if (traveller.behaviour === 'walks-back') return await world.leaveFront()
  await world.stepIn(traveller.behaviour === 'tailgates' ? 2 : 1)
  await goWhereItSays(options)
}

const isOver = (phase: GateView['phase']): boolean => phase === 'idle' || phase === 'referred' || phase === 'out-of-service'

async function present(traveller: Traveller, options: WalkOptions): Promise<void> {
  const { world, page, signal } = options
  const lines = documentLines(traveller)
  const swipeDamaged = async (): Promise<void> => {
    world.passport.swipeDamaged(lines)
    await pause(options, 'layDocument')
    await sleep(systemClock, swipeAgain_ms, signal)
  }
  await pause(options, 'layDocument')
  if (traveller.behaviour === 'damaged-once') await swipeDamaged()
  if (traveller.behaviour !== 'unreadable') return world.passport.swipe(lines)
  while (page.view?.phase === 'idle' || page.view?.phase === 'reading') await swipeDamaged()
}

/** Does what the page asks for between the doors, whenever it asks. */
function watchInside(traveller: Traveller, options: WalkOptions): () => void {
  const { page, world } = options
  let asked = ''
  let touches = 0
  const act = (view: GateView | null): void => {
    if (view === null) return
    const now = `${view.passage} ${view.phase} ${view.instruction} ${view.attempt}`
    if (now === asked) return
    asked = now
    const later = (pace: 'faceCamera' | 'finger', action: () => void): void => {
      void pause(options, pace).then(() => {
        if (asked === now) action()
      }, () => undefined)
    }
    if (view.phase === 'face') later('faceCamera', () => world.showFace(traveller, view.instruction))
    // Who is asked again takes the finger away first.
    world.liftFinger()
    if (view.phase === 'finger') later('finger', () => world.touch(fingerFor(traveller, touches++)))
  }
  const remove = page.onChange(act)
  act(page.view)
  return remove
}

function fingerFor(traveller: Traveller, touches: number): { identity: string } | 'dry' {
  if (traveller.behaviour === 'dry-finger' || (traveller.behaviour === 'dry-finger-once' && touches === 0)) return 'dry'
  return { identity: traveller.behaviour === 'other-finger' ? 'finger of somebody else' : fingerOf(traveller) }
}

/** Leaves by the way that the page names, in the end. */
async function goWhereItSays(options: WalkOptions): Promise<void> {
  const { page, world, signal } = options
  const ways = new Set<Instruction>(['go-through', 'go-back', 'wait-for-officer', 'leave-now'])
  for (;;) {
    const view = await page.until(({ phase, instruction }) => ways.has(instruction) || phase === 'idle' || phase === 'out-of-service', limit_ms, 'where to go', signal)
    if (view.instruction === 'go-through' || view.instruction === 'leave-now') {
      await pause(options, 'stepOut')
      if (await world.stepOut()) return
    } else if (view.instruction === 'go-back') {
      await pause(options, 'stepOut')
      await world.stepBack()
      return await leaveFront(options)
    } else if (view.instruction === 'wait-for-officer') {
      await page.until(({ instruction, passage }) => instruction !== 'wait-for-officer' || passage !== view.passage, limit_ms, 'what the officer decided', signal)
    } else return await leaveFront(options)
  }
}

async function leaveFront({ world, signal }: WalkOptions): Promise<void> {
  await sleep(systemClock, turnAway_ms, signal)
  await world.leaveFront()
}

/** Takes the time that this person takes for it. */
async function pause({ pace, random, signal }: WalkOptions, what: keyof (typeof paces)['human']): Promise<void> {
  const median_ms = paces[pace][what]
  await sleep(systemClock, pace === 'human' ? humanTime_ms(median_ms, random) : median_ms, signal)
}
