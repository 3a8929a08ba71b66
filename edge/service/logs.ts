/** The log as a component: its latest lines, and how much is written into it. */
import type { Clock } from '../base/clock.ts'
import { Component } from '../device/component.ts'
import type { DeviceModel } from '../device/model.ts'
import { Logs } from './contract.ts'
import type { LogBook } from './log-book.ts'
import { everything, type Volume } from './loudness.ts'

export type LogsComponent = Component<(typeof Logs)['members']>

/** @returns the component, and what ends its upkeep */
export function logsComponent(book: LogBook, model: DeviceModel, clock: Clock): { component: LogsComponent; stop(): void } {
  const component: LogsComponent = new Component('logs', Logs, clock, {
    tail: async ({ count, component: of, after }) => {
      const { lines, lost } = book.tail(count, { component: of, after })
      return { lines: lines.map(({ seq, item }) => ({ seq, text: item })), lost }
    },
    setLevel: async ({ component: of, level, for_s }) => {
      // Only what exists: a slip of the pen would wait for lines that never come.
      if (of !== undefined) model.get(of)
      book.loudness.raise(of ?? everything, level, for_s * 1_000, clock)
      return {}
    },
    selfTest: async () => {
      const { lines } = book.tail(1)
      const passed = lines.length > 0
      return { passed, checks: [{ name: 'memory', passed, says: passed ? 'Lines are kept.' : 'No line was written yet, or none is kept.' }] }
    },
  })
  const show = ({ base, louder }: Volume): void => {
    component.publish('level', base as 'info')
    component.publish('louder', louder)
  }
  show(book.loudness.volume)
  const stopListening = book.loudness.changed.add(show)
  component.publish('health', { status: 'ready' })
  return {
    component,
    stop: () => {
      stopListening()
      book.loudness.stop()
      component.publish('health', { status: 'stopped' })
    },
  }
}
