/** The OPC UA server, where the profile has one: loaded only then, and in a thread of its own. */
import { join } from 'node:path'
import type { Gatekeeper } from '../../edge/access/contract.ts'
import type { DeviceModel } from '../../edge/device/model.ts'
import type { Journal } from '../../edge/journal/journal.ts'
import type { OpcuaSection } from '../../edge/opcua/section.ts'
import { OpcuaService } from '../../edge/opcua/service.ts'
import type { Unit } from '../../edge/run/supervisor.ts'
import type { LoadedProfile } from '../load.ts'
import { logChannel } from './log-channel.ts'
import type { BootOptions } from './options.ts'

export interface OpcuaContext extends Pick<BootOptions, 'clock' | 'log' | 'state' | 'version' | 'workers'> {
  model: DeviceModel
  journal: Journal
  gatekeeper: Gatekeeper
}

/** Reading the type definitions takes its time; the device is ready without. */
const start_ms = 90_000

export function opcuaUnit(section: OpcuaSection, { profile: { device } }: LoadedProfile, { model, journal, gatekeeper, clock, log, state, version, workers }: OpcuaContext): Unit {
  const service = new OpcuaService({
    section, about: { site: device.site, id: device.id, kind: device.kind, version }, model, gatekeeper, facts: journal, journal: join(state, 'journal.db'), state, clock, log, logChannel,
    ...(workers === undefined ? {} : { program: workers.opcua }),
  })
  model.add(service.component)
  return { name: 'opcua', needs: ['access'], restart: 'retry', background: true, start_ms, start: (signal) => service.start(signal), stop: () => service.stop() }
}
