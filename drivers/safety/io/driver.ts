/**
 * A fire alarm, power-fail or emergency-stop contact on a board's input.
 *
 * Built on quiescent current: the line is on while all is well, so that a cut wire, a lost board and
 * an unknown level all count as the emergency.
 */
import { Type } from '../../../edge/base/schema.ts'
import { IoBoard, SafetyInput } from '../../../edge/device/capabilities.ts'
import { Component, type ComponentOf } from '../../../edge/device/component.ts'
import { Debounce } from '../../io/debounce.ts'
import { madeOf } from '../../io/source.ts'
import { defineDriver, optionsOf, partOf } from '../../kit/driver.ts'

export const driver = defineDriver({
  name: 'safety/io',
  says: 'A fire alarm, power-fail or emergency-stop contact on a board\'s input.',
  contract: SafetyInput,
  options: optionsOf({
    board: partOf(IoBoard),
    line: Type.String({ description: 'The input of the contact.' }),
    active_when: Type.Enum(['off', 'on'], { default: 'off', description: 'Which level means the emergency. Keep off, so that a cut wire is noticed.' }),
    debounce_ms: Type.Integer({ minimum: 0, maximum: 5_000, default: 50, description: 'How long a level must stand to count.' }),
  }),
  create({ board, line, active_when, debounce_ms }, context) {
    const source = context.part(board, IoBoard)
    const component: ComponentOf<typeof SafetyInput> = new Component(context.name, SafetyInput, context.clock, {
      selfTest: async () => {
        const known = component.health.status === 'ready'
        return { passed: known, checks: [{ name: 'line', passed: known, value: Number(component.read('active')), unit: '1', says: 'The contact\'s level is known; 1 is the emergency.' }] }
      },
    })
    const debounce = new Debounce(context.clock, debounce_ms, (active) => component.publish('active', active))
    component.publish('active', true)
    const link = madeOf({
      component, source,
      missing: () => (line in (source.read('inputs') ?? {}) ? undefined : line),
      onSight: () => debounce.offer(source.read('inputs')?.[line] === (active_when === 'on')),
      onLost: () => {
        debounce.reset()
        component.publish('active', true)
      },
    })
    return {
      component,
      start: link.start,
      stop: async () => {
        debounce.reset()
        link.stop()
      },
    }
  },
})
