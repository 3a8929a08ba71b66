/** Nobody looks through the camera, or moves anything by hand, while the device serves travellers or carries goods. */
import { UsageError } from '../base/error.ts'
import { Type } from '../base/schema.ts'
import type { Component } from './component.ts'
import { type Caller, type CommandSpec, type Members, property } from './contract.ts'
import type { DeviceModel } from './model.ts'

/** A controller has it under the name `inService`: a gate, and the same for a lane or a vehicle. */
export const inService = property(Type.Boolean(), 'Whether it is in use: as long as it is, nothing is moved by hand.')

/**
 * A controller that has not said yet counts as in service. Devices without one have none to take out.
 * @throws UsageError (PC-DEVICE-SERVICE) unless every controller is out of service.
 */
export function demandOutOfService(model: DeviceModel): void {
  const serving = model.list().find((component) => (component.contract.members as Members)['inService'] === inService && component.reading('inService')?.value !== false)
  if (serving === undefined) return
  throw new UsageError('PC-DEVICE-SERVICE', `The ${serving.contract.name} is in service: an officer takes it out first ("call ${serving.name} service on=false" at the console).`)
}

/**
 * Says what speaks against somebody's command now: all that the component demands, and the service of the device.
 * @throws as `Component.demand`, UsageError (PC-DEVICE-SERVICE).
 */
export function demandNow(model: DeviceModel, component: Component, command: string, args: unknown, caller: Caller): CommandSpec {
  const spec = component.demand(command, args, caller)
  if (spec.outOfService) demandOutOfService(model)
  return spec
}
