/** A vehicle's drive that was made up: there is no driver of one yet, and no face shall need a line for it. */
import type { Clock } from '../base/clock.ts'
import { Type } from '../base/schema.ts'
import { Component, type ComponentOf } from './component.ts'
import { command, contract, property } from './contract.ts'

export const Drive = contract('drive', 'Drives a vehicle.', {
  speed: property(Type.Number(), 'How fast it drives.', 'm/s'),
  /** The maximum is the speed limit of the service mode. */
  jog: command({ direction: Type.Enum(['forward', 'backward']), speed: Type.Number({ minimum: 0.05, maximum: 0.3 }), for_ms: Type.Integer({ minimum: 100, maximum: 1_000 }) }, 'Drives slowly.', {
    role: 'engineer', moves: true, held: { release: 'halt', time: 'for_ms', shows: 'speed' },
  }),
  halt: command({}, 'Stops.', { role: 'technician', moves: true }),
})

/** @param done hears what it does: `jog forward 0.2` when it sets off, `halt`, or `stands` when its time ended it */
export function madeUpDrive(clock: Clock, done: string[]): ComponentOf<typeof Drive> {
  let cancel = (): void => undefined
  const drive: ComponentOf<typeof Drive> = new Component('drive', Drive, clock, {
    selfTest: async () => ({ passed: true, checks: [] }),
    jog: async ({ direction, speed, for_ms }) => {
      cancel()
      if (drive.read('speed') === 0) done.push(`jog ${direction} ${speed}`)
      drive.publish('speed', speed)
      cancel = clock.after(for_ms, () => stand('stands'))
      return {}
    },
    halt: async () => {
      stand('halt')
      return {}
    },
  })
  const stand = (how: string): void => {
    cancel()
    drive.publish('speed', 0)
    done.push(how)
  }
  drive.publish('speed', 0)
  drive.publish('health', { status: 'ready' })
  return drive
}
