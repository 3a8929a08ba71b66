/** Puts an e-Gate together: its parts by their roles, its lists, its records, its face recognition. */
import { join, resolve } from 'node:path'
import {
  Barrier, Camera, CodeReader, DocumentReader, FingerprintScanner, Indicator, PresenceSensor, SafetyInput,
} from '../../edge/device/capabilities.ts'
import type { Cancel, WallTime } from '../../edge/base/clock.ts'
import { sleep } from '../../edge/base/wait.ts'
import type { Component } from '../../edge/device/component.ts'
import type { Common, Contract, Members } from '../../edge/device/contract.ts'
import type { DeviceModel } from '../../edge/device/model.ts'
import { emergencyKind, GateController, serviceKind } from '../../edge/gate/controller.ts'
import { Enrolments } from '../../edge/gate/enrolment.ts'
import type { SafetyReason } from '../../edge/gate/input.ts'
import { ListFolder, type RefusedList } from '../../edge/gate/list-folder.ts'
import type { GateParts } from '../../edge/gate/parts.ts'
import type { Journal } from '../../edge/journal/journal.ts'
import { FaceService } from '../../edge/perception/face-service.ts'
import type { Unit } from '../../edge/run/supervisor.ts'
import { ScreenServer } from '../../edge/screen/server.ts'
import type { EgateProfile } from '../profile.ts'
import type { BootOptions } from './options.ts'
import { publicKey } from './secrets.ts'

/** How often the folder of the lists is looked at. */
const listsLook_ms = 30_000
/** How long the gate waits for its face recognition before it begins without. */
const faceStart_ms = 3_000

export interface GateContext extends BootOptions {
  model: DeviceModel
  journal: Journal
  secret(reference: string): Promise<Uint8Array>
}

/** The lists, face recognition, the gate, which needs every part to have been asked once, and its page. */
export async function gateUnits(profile: EgateProfile, partNames: readonly string[], context: GateContext) {
  const { model, journal, clock, log, secret, state } = context
  const key = await secret(profile.lists.key)
  const authority = publicKey(await secret(profile.lists.authority), profile.lists.authority)
  const folder = join(state, profile.lists.folder)
  const listFolder = await ListFolder.open(folder, { key, signers: new Map([['authority', authority]]) })
  const { lists } = listFolder
  sayRefused(listFolder.refused, log)
  if (journal.setAside !== undefined) {
    // An emergency, or that somebody took the gate out of service, may have stood in the lost journal.
    await journal.append({ kind: serviceKind, class: 'safety', body: { on: false, by: 'journal-set-aside' } })
  }
  const face = new FaceService({
    clock, log, models: resolve(context.home, profile.face.models), engine: profile.face.engine,
    ...(context.workers === undefined ? {} : { worker: context.workers.face }),
  })
  model.add(face.component)
  const { use, ...setup } = profile.gate
  const controller = new GateController({
    name: 'gate', clock, log, setup, parts: gateParts(use, model), journal, face, lists,
    emergency: emergencyBefore(journal), outOfServiceBy: outOfServiceBefore(journal),
    enrolments: new Enrolments({ folder: join(folder, 'enrolments'), key, authority }), timeZone: profile.device.timeZone,
  })
  model.add(controller.component)
  const units: Unit[] = [
    listsUnit(listFolder, context),
    { name: 'face', needs: [], restart: 'retry', background: true, start: (signal) => face.start(signal), stop: () => face.stop() },
    {
      name: 'gate', needs: partNames, restart: 'give-up', stop: () => controller.stop(),
      start: async () => {
        await firstOutcome(face, clock)
        await controller.start()
      },
    },
  ]
  const vouchedUntil = (): WallTime => Math.max(0, ...lists.loaded.map(({ expires }) => Date.parse(expires)))
  if (profile.screen === undefined) return { units, vouchedUntil }
  const screen = new ScreenServer({
    model, gate: 'gate', camera: use.camera, clock, log, host: profile.screen.host, port: profile.screen.port,
    languages: profile.device.languages, pageDir: context.page,
  })
  model.add(screen.component)
  units.push({ name: 'screen', needs: [], restart: 'retry', start: (signal) => screen.start(signal), stop: () => screen.stop() })
  return { units, vouchedUntil, screen }
}

/** Looks for new lists while the gate runs: an operator only has to put a file in the place of the old one. */
function listsUnit(folder: ListFolder, { clock, log }: GateContext): Unit {
  let cancel: Cancel = () => undefined
  let stopped = false
  const look = async (): Promise<void> => {
    const { taken, refused } = await folder.refresh()
    sayRefused(refused, log)
    for (const list of taken) log.info({ list }, 'a new list was taken')
    if (!stopped) later()
  }
  const later = (): void => {
    cancel = clock.after(listsLook_ms, () => void look().catch((error: unknown) => {
      log.error({ error }, 'the lists could not be looked at')
      if (!stopped) later()
    }))
  }
  return {
    name: 'lists', needs: [], restart: 'retry',
    start: async () => later(),
    stop: async () => {
      stopped = true
      cancel()
    },
  }
}

function sayRefused(refused: readonly RefusedList[], log: GateContext['log']): void {
  for (const { list, code, message } of refused) log.error({ list, error: { code, message } }, 'a list was not taken')
}

/** A gate that opened before its face recognition would send its first traveller to an officer for nothing. */
async function firstOutcome(face: FaceService, clock: GateContext['clock']): Promise<void> {
  const settled = (): boolean => face.usable || face.component.health.status === 'failed'
  const waited = new AbortController()
  const remove = face.component.onChange('health', () => {
    if (settled()) waited.abort()
  })
  if (!settled()) await sleep(clock, faceStart_ms, waited.signal).catch(() => undefined)
  remove()
}

/** The emergency that was on when the runtime last ran: only an officer ends one, no restart does. */
function emergencyBefore(journal: Journal): SafetyReason | undefined {
  const { on, reason } = (journal.newestSafety(emergencyKind)?.body ?? {}) as { on?: boolean; reason?: SafetyReason }
  return on === true ? (reason ?? 'fire-alarm') : undefined
}

function outOfServiceBefore(journal: Journal): string | undefined {
  const { on, by } = (journal.newestSafety(serviceKind)?.body ?? {}) as { on?: boolean; by?: string }
  return on === false ? by : undefined
}

function gateParts(use: EgateProfile['gate']['use'], model: DeviceModel): GateParts {
  const optional = <M extends Members & Common, K extends keyof GateParts>(role: K, contract: Contract<M>): { [Role in K]?: Component<M> } => {
    const name = use[role]
    return (name === undefined ? {} : { [role]: model.as(name, contract) }) as { [Role in K]?: Component<M> }
  }
  return {
    reader: model.as(use.reader, DocumentReader),
    camera: model.as(use.camera, Camera),
    exit: model.as(use.exit, Barrier),
    ...optional('codes', CodeReader),
    ...optional('finger', FingerprintScanner),
    ...optional('entry', Barrier),
    ...optional('front', PresenceSensor),
    ...optional('inside', PresenceSensor),
    ...optional('behind', PresenceSensor),
    ...optional('lampEntry', Indicator),
    ...optional('lampExit', Indicator),
    ...optional('fire', SafetyInput),
    ...optional('power', SafetyInput),
  }
}
