/** A turnstile's own sensors as a presence sensor: whether somebody stands on one of its sides. */
import { Type } from '../../../edge/base/schema.ts'
import { Barrier, PresenceSensor } from '../../../edge/device/capabilities.ts'
import { Component, type ComponentOf } from '../../../edge/device/component.ts'
import { madeOf } from '../../io/source.ts'
import { defineDriver, optionsOf, partOf } from '../../kit/driver.ts'

export const driver = defineDriver({
  name: 'presence/turnstile',
  says: 'Whether somebody stands on the entry or the exit side of a turnstile, by its own sensors.',
  contract: PresenceSensor,
  options: optionsOf({
    barrier: partOf(Barrier),
    zone: Type.Enum(['entry', 'exit'], { description: 'The side that is watched.' }),
  }),
  create({ barrier, zone }, context) {
    const source = context.part(barrier, Barrier)
    const component: ComponentOf<typeof PresenceSensor> = new Component(context.name, PresenceSensor, context.clock, {
      selfTest: async () => {
        const known = component.health.status === 'ready' && source.read('objects') !== undefined
        return { passed: known, checks: [{ name: 'sensors', passed: known, says: 'The barrier says what its sensors see.' }] }
      },
    })
    const link = madeOf({
      component, source,
      onSight: () => {
        const objects = source.read('objects')
        if (objects !== undefined) component.publish('count', objects[zone] ? 1 : 0)
      },
      onLost: () => undefined,
    })
    return { component, start: link.start, stop: async () => link.stop() }
  },
})
