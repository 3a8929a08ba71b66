/** Nobody looks through the camera, or moves a barrier by hand, while travellers use the gate. */
import { UsageError } from '../base/error.ts'
import type { DeviceModel } from '../device/model.ts'
import { Gate } from './contract.ts'

/** @throws UsageError (PC-GATE-SERVICE) unless every gate is out of service. Devices without a gate have none to take out. */
export function demandOutOfService(model: DeviceModel): void {
  for (const { name, contract } of model.list()) {
    if (contract.name !== Gate.name || model.as(name, Gate).read('view')?.phase === 'out-of-service') continue
    throw new UsageError('PC-GATE-SERVICE', `The gate is in service: an officer takes it out first ("${name} service on=false").`)
  }
}
