/** What technicians do to the device as a whole, the same for every kind of device. */
import { join } from 'node:path'
import type { DeviceModel } from '../../edge/device/model.ts'
import { Gate } from '../../edge/gate/contract.ts'
import type { Journal } from '../../edge/journal/journal.ts'
import { DiagnosisService } from '../../edge/service/diagnosis.ts'
import type { LogBook } from '../../edge/service/log-book.ts'
import { logsComponent } from '../../edge/service/logs.ts'
import { PowerService } from '../../edge/service/power.ts'
import { type OverlayAtStart, SettingsService } from '../../edge/service/settings.ts'
import { followThreads } from '../../edge/service/thread-logs.ts'
import { TraceService } from '../../edge/service/traces.ts'
import type { LoadedProfile } from '../load.ts'
import { overlayFile, secretiveParts, settingsRules, wholeProfile } from '../overlay.ts'
import { logChannel } from './log-channel.ts'
import type { BootOptions } from './options.ts'

/** Where bundles and what else is to be fetched lies, below the state folder. */
export const outboxFolder = (state: string): string => join(state, 'outbox')

export interface ServiceContext extends BootOptions {
  model: DeviceModel
  journal: Journal
  /** The profile as the operator wrote it, and the one in force. */
  bare: LoadedProfile
  loaded: LoadedProfile
  start: OverlayAtStart
}

/** Adds the components to the model. @returns what ends them */
export function addServices(context: ServiceContext): () => void {
  const { model, journal, clock, log, state, version, env, bare, loaded, start, end } = context
  const book: LogBook = context.book
  const { site, id } = loaded.profile.device
  const logs = logsComponent(book, model, clock)
  const unfollow = followThreads(book, logChannel)
  const traces = new TraceService({ model, clock, secretive: secretiveParts(loaded.parts) })
  const profile = wholeProfile(loaded)
  const settings = new SettingsService({ clock, file: overlayFile(state), start, bare: bare.profile, inForce: profile, rules: settingsRules(bare) })
  const diagnosis = new DiagnosisService({ clock, model, journal, book, traces, settings, profile, device: `${site}/${id}`, version, state, outbox: outboxFolder(state) })
  const power = new PowerService({ clock, log, journal, env, busy: () => passageUnderWay(model), end })
  for (const component of [logs.component, traces.component, settings.component, diagnosis.component, power.component]) model.add(component as never)
  return () => {
    for (const service of [power, diagnosis, settings, traces, logs]) service.stop()
    unfollow()
  }
}

/** Nobody is shut in, and no emergency is cut short: its doors are held open by the running program. */
function passageUnderWay(model: DeviceModel): string | undefined {
  for (const component of model.list()) {
    if (component.contract.name !== Gate.name || !component.usable) continue
    const { phase } = model.as(component.name, Gate).read('view') ?? {}
    if (phase === 'emergency') return 'an emergency is on.'
    if (phase !== undefined && phase !== 'idle' && phase !== 'out-of-service') return 'a traveller is in the gate. Wait, or let an officer take the gate out of service.'
  }
  return undefined
}
