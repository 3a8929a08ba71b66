/** The journal as a component: every face sees its state, and an engineer can erase a day from there. */
import type { Clock } from '../base/clock.ts'
import { Type } from '../base/schema.ts'
import { every } from '../base/wait.ts'
import { Component } from '../device/component.ts'
import { command, contract, property } from '../device/contract.ts'
import type { Journal } from './journal.ts'

export const JournalContract = contract('journal', 'The memory of the device.', {
  state: property(Type.Enum(['ok', 'reserve', 'unavailable']), 'Whether facts can be written; reserve: the disk is full and only the most important ones are.'),
  last: property(Type.Integer(), 'The sequence number of the newest durable fact.', '1'),
  epoch: property(Type.Integer(), 'How often the runtime has started.', '1'),
  eraseDay: command({ day: Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2}$' }) }, 'Makes the personal data of a UTC day unreadable for ever.', {
    role: 'engineer', result: Type.Object({ receipt: Type.Integer(), facts: Type.Integer() }),
  }),
})

/** How often the figures are made known. */
const period_ms = 1_000

/** @returns the component, and what ends its upkeep */
export function journalComponent(journal: Journal, clock: Clock): { component: Component<(typeof JournalContract)['members']>; stop(): void } {
  const component = new Component('journal', JournalContract, clock, {
    eraseDay: async ({ day }) => {
      const { seq, facts } = await journal.eraseDay(day)
      return { receipt: seq, facts }
    },
    selfTest: async () => {
      const passed = journal.state === 'ok'
      return { passed, checks: [{ name: 'state', passed, says: `The journal is ${journal.state}.` }] }
    },
  })
  const show = (): void => {
    component.publish('state', journal.state)
    component.publish('health', {
      ok: { status: 'ready' as const },
      reserve: { status: 'degraded' as const, code: 'PC-JOURNAL-DISK-FULL', says: 'The disk is full: only what matters most is still written.' },
      unavailable: { status: 'failed' as const, code: 'PC-JOURNAL-STORAGE', says: 'The journal cannot be written.' },
    }[journal.state])
  }
  const tell = (): void => {
    component.publish('last', journal.last)
    component.publish('counters', journal.counters)
  }
  component.publish('epoch', journal.epoch)
  const stopListening = journal.onState(show)
  show()
  tell()
  const stopTelling = every(clock, period_ms, tell)
  return {
    component,
    stop: () => {
      stopListening()
      stopTelling()
      component.publish('health', { status: 'stopped' })
    },
  }
}
