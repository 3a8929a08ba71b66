/** Nobody moves a barrier by hand while travellers use the gate. */
import { UsageError } from '../../base/error.ts'
import type { DeviceModel } from '../../device/model.ts'

/** @throws UsageError (PC-CONSOLE-SERVICE) while the gate lets travellers through. */
export function demandOutOfService(model: DeviceModel): void {
  for (const gate of model.list().filter(({ contract }) => contract.name === 'gate')) {
    const view = gate.reading('view')?.value as { phase: string } | undefined
    if (view !== undefined && view.phase !== 'out-of-service') {
      throw new UsageError('PC-CONSOLE-SERVICE', `The gate is in service: an officer takes it out first, with "call ${gate.name} service on=false".`)
    }
  }
}
