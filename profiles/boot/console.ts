/** The technician's console: its ports are opened as the drivers' are. */
import type { Gatekeeper } from '../../edge/access/contract.ts'
import { parse } from '../../edge/base/schema.ts'
import { Console } from '../../edge/console/console.ts'
import type { ConsoleSection } from '../../edge/console/contract.ts'
import { Frames } from '../../edge/console/frames/service.ts'
import { FileTransfer, TransferSettings } from '../../edge/console/transfer/transfer.ts'
import type { DeviceModel } from '../../edge/device/model.ts'
import type { Journal } from '../../edge/journal/journal.ts'
import type { Unit } from '../../edge/run/supervisor.ts'
import { transportTo } from '../../drivers/kit/transport.ts'
import type { LoadedProfile } from '../load.ts'
import type { BootOptions } from './options.ts'

export interface ConsoleContext extends Pick<BootOptions, 'clock' | 'log' | 'state' | 'version'> {
  model: DeviceModel
  journal: Journal
  gatekeeper: Gatekeeper
  secret(reference: string): Promise<Uint8Array>
}

export async function consoleUnit(section: ConsoleSection, { profile: { device } }: LoadedProfile, context: ConsoleContext): Promise<Unit> {
  const { model, journal, gatekeeper, clock, log, state, version, secret } = context
  const { network } = section
  const tls = network === undefined ? undefined : { ca: await secret(network.ca), cert: await secret(network.cert), key: await secret(network.key) }
  const settings = parse(TransferSettings, section.transfer ?? {}, 'PC-PROFILE-INVALID', 'console.transfer')
  const where = `${device.site}/${device.id}`
  const console = new Console({
    section, model, gatekeeper, clock, log, state, version, device: where, facts: journal,
    openSerial: (path, baud) => transportTo(path, { baud, watchPeer: true }), transfer: new FileTransfer({ clock, settings }),
    frames: new Frames({ model, gatekeeper, clock, version, device: where }),
    ...(tls === undefined ? {} : { tls }),
  })
  model.add(console.component)
  return { name: 'console', needs: ['access'], restart: 'retry', start: () => console.start(), stop: () => console.stop() }
}
