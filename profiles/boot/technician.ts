/** The technician's page, where the profile has one. */
import { join } from 'node:path'
import type { Gatekeeper } from '../../edge/access/contract.ts'
import type { DeviceModel } from '../../edge/device/model.ts'
import type { Journal } from '../../edge/journal/journal.ts'
import type { Unit } from '../../edge/run/supervisor.ts'
import type { LidarScene } from '../../edge/screen/lidar/teller.ts'
import type { TechnicianSection } from '../../edge/screen/technician/section.ts'
import { TechnicianServer } from '../../edge/screen/technician/server.ts'
import type { LoadedProfile } from '../load.ts'
import type { BootOptions } from './options.ts'
import { outboxFolder } from './service.ts'

export interface TechnicianContext extends Pick<BootOptions, 'clock' | 'log' | 'state' | 'home'> {
  model: DeviceModel
  journal: Journal
  gatekeeper: Gatekeeper
  secret(reference: string): Promise<Uint8Array>
  lidar: LidarScene | undefined
}

export async function technicianUnit({ host, port, tls }: TechnicianSection, { profile: { device } }: LoadedProfile, context: TechnicianContext): Promise<Unit> {
  const { model, journal, gatekeeper, clock, log, state, home, secret, lidar } = context
  const text = async (reference: string): Promise<string> => Buffer.from(await secret(reference)).toString('utf8')
  const page = new TechnicianServer({
    model, gatekeeper, journal, clock, log, device: `${device.site}/${device.id}`, host, port, lidar, outbox: outboxFolder(state), pageDir: join(home, 'build', 'technician'),
    ...(tls === undefined ? {} : { tls: { cert: await text(tls.cert), key: await text(tls.key) } }),
  })
  model.add(page.component)
  return { name: 'technician', needs: ['access'], restart: 'retry', start: (signal) => page.start(signal), stop: () => page.stop() }
}
