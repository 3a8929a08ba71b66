/** Light beams, mats or motion detectors on a board's inputs as a presence sensor. */
import { Type } from '../../../edge/base/schema.ts'
import { IoBoard, PresenceSensor } from '../../../edge/device/capabilities.ts'
import { Component, type ComponentOf } from '../../../edge/device/component.ts'
import { Debounce } from '../../io/debounce.ts'
import { madeOf } from '../../io/source.ts'
import { defineDriver, optionsOf, partOf } from '../../kit/driver.ts'

export const driver = defineDriver({
  name: 'presence/io',
  says: 'Light beams, mats or motion detectors on a board\'s inputs.',
  contract: PresenceSensor,
  options: optionsOf({
    board: partOf(IoBoard),
    lines: Type.Array(Type.String(), { minItems: 1, maxItems: 16, uniqueItems: true, description: 'Inputs that are on while something is there.' }),
    count: Type.Enum(['any', 'lines'], { default: 'any', description: 'Counts 1 when any line is on, or each line that is on.' }),
    debounce_ms: Type.Integer({ minimum: 0, maximum: 5_000, default: 50, description: 'How long a level must stand to count.' }),
  }),
  create({ board, lines, count, debounce_ms }, context) {
    const source = context.part(board, IoBoard)
    const component: ComponentOf<typeof PresenceSensor> = new Component(context.name, PresenceSensor, context.clock, {
      selfTest: async () => {
        const known = component.health.status === 'ready'
        return { passed: known, checks: [{ name: 'lines', passed: known, value: lines.length, unit: '1', says: 'The level of every line is known.' }] }
      },
    })
    const occupied = new Map<string, boolean>()
    const debounced = new Map(lines.map((line) => [line, new Debounce(context.clock, debounce_ms, (on) => {
      occupied.set(line, on)
      publish()
    })]))
    const publish = (): void => {
      if (occupied.size < lines.length) return
      const on = [...occupied.values()].filter(Boolean).length
      component.publish('count', count === 'any' ? Math.min(on, 1) : on)
    }
    const forget = (): void => {
      for (const debounce of debounced.values()) debounce.reset()
      occupied.clear()
    }
    const link = madeOf({
      component, source,
      missing: () => lines.find((line) => !(line in (source.read('inputs') ?? {}))),
      onSight: () => {
        for (const [line, debounce] of debounced) debounce.offer(source.read('inputs')?.[line] === true)
      },
      onLost: forget,
    })
    return {
      component,
      start: link.start,
      stop: async () => {
        forget()
        link.stop()
      },
    }
  },
})
