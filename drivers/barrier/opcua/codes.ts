/** What can be wrong with a PLC, each with its one sentence. */
import { DeviceError } from '../../../edge/base/error.ts'

const says = {
  'PC-PLC-GAP': (name: string) => `A notification of ${name} went missing, so that nothing of it is believed any more.`,
  'PC-PLC-SILENT': (name: string) => `The subscription to ${name} has gone silent.`,
  'PC-PLC-FROZEN': (name: string) => `The program of the PLC of ${name} stands still.`,
  'PC-PLC-STALE': (name: string) => `The values of ${name} arrive too late to be believed.`,
  'PC-PLC-VALUE': (name: string) => `What the PLC says of ${name} is not good, or means nothing.`,
  'PC-BARRIER-UNCONFIRMED': (name: string) => `${name} was commanded, and its feedback did not follow.`,
  'PC-BARRIER-OBSTACLE': () => 'Something stands in the way of the barrier, so it is not closed now.',
  'PC-BARRIER-FAULT': () => 'The barrier reports a fault of its own.',
} as const
export type PlcCode = keyof typeof says

export const plcError = (component: string, code: PlcCode, cause?: unknown): DeviceError =>
  new DeviceError(code, says[code](component), { component, ...(cause === undefined ? {} : { cause }) })
