/** Parts that are made of another part: they are as well as what they are made of. */
import { InputError } from '../../edge/base/error.ts'
import type { Component } from '../../edge/device/component.ts'
import type { Health, Identity } from '../../edge/device/contract.ts'

export interface Derivation {
  component: Component
  /** What it is made of. */
  source: Pick<Component, 'name' | 'health' | 'usable' | 'news' | 'reading'>
  /** The name of a line that the source should have and has not. */
  missing?(): string | undefined
  /** The source works, and one of its properties is new. */
  onSight(): void
  /** What was seen last is no longer known. */
  onLost(): void
}

/** Keeps the part in step with its source: health, identity and news. */
export function madeOf(derivation: Derivation): { start(): Promise<void>; stop(): void } {
  const { component, source, missing, onSight, onLost } = derivation
  let stopListening = (): void => undefined
  const look = (): void => {
    const health = healthOf(source, missing?.())
    if (health.status !== 'ready' && component.health.status !== 'failed') onLost()
    component.publish('health', health)
    if (health.status !== 'ready') return
    component.publish('identity', source.reading('identity')?.value as Identity)
    onSight()
  }
  return {
    start: async () => {
      stopListening = source.news.add((news) => {
        if (news.kind === 'property' && news.name !== 'counters') look()
      })
      look()
    },
    stop: () => {
      stopListening()
      component.publish('health', { status: 'stopped' })
    },
  }
}

function healthOf(source: Derivation['source'], missing: string | undefined): Health {
  if (!source.usable) return { status: 'failed', code: 'PC-IO-SOURCE', says: `${source.name}, which this part is made of, does not work.` }
  if (missing !== undefined) return { status: 'failed', code: 'PC-IO-LINE', says: `${source.name} has no line named ${missing}.` }
  return { status: 'ready' }
}

/** @throws InputError (PC-IO-LINE) */
export function noSuchLine(board: string, line: string): never {
  throw new InputError('PC-IO-LINE', `${board} has no output line named ${line}.`, { component: board })
}
