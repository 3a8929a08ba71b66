/** Joins profile, drivers and edge into a running device: the one place that wires anything. */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Access } from '../../edge/access/access.ts'
import type { Gatekeeper } from '../../edge/access/contract.ts'
import { ConfigError } from '../../edge/base/error.ts'
import { DeviceModel } from '../../edge/device/model.ts'
import { journalComponent } from '../../edge/journal/component.ts'
import { Journal } from '../../edge/journal/journal.ts'
import { deviceKey } from '../../edge/journal/seal.ts'
import { Chronicle } from '../../edge/run/chronicle.ts'
import { RuntimeMonitor } from '../../edge/run/runtime.ts'
import { Supervisor, type Unit } from '../../edge/run/supervisor.ts'
import { Uplink } from '../../edge/uplink/uplink.ts'
import type { Device, DriverContext } from '../../drivers/kit/driver.ts'
import type { LoadedProfile } from '../load.ts'
import type { EgateProfile, IgvProfile, LoadedPart } from '../profile.ts'
import { withOverlay } from '../overlay.ts'
import { partsNamedBy } from '../references.ts'
import { consoleUnit } from './console.ts'
import type { BootOptions, KindUnits } from './options.ts'
import { readSecret } from './secrets.ts'
import { addServices } from './service.ts'

export interface RunningDevice {
  readonly model: DeviceModel
  readonly runtime: RuntimeMonitor
  /** Where the traveller's page is; `undefined` without a screen, or before it was started. */
  readonly pageAddress: string | undefined
  start(): Promise<void>
  stop(): Promise<void>
}

/** A clock this far beyond the last day of every signed list is not believed when something is to be destroyed for good. */
const vouched_ms = 30 * 86_400_000

/** How often facts that are too old are removed. */
const prunePeriod_ms = 60 * 60_000

/** @throws ConfigError for what the profile promises and the device does not have. */
export async function assemble(bare: LoadedProfile, options: BootOptions): Promise<RunningDevice> {
  const { clock, log, state } = options
  await mkdir(state, { recursive: true, mode: 0o700 })
  const { loaded, start: overlay } = await withOverlay(bare, state)
  const { profile } = loaded
  if (!options.logLevelFixed) options.book.loudness.setBase(profile.runtime.log)
  const secret = (reference: string): Promise<Uint8Array> =>
    readSecret(reference, { credentials: options.env['CREDENTIALS_DIRECTORY'] ?? join(state, 'credentials'), env: options.env })

  const model = new DeviceModel()
  const runtime = new RuntimeMonitor(options.version, clock, profile.runtime)
  model.add(runtime.component)
  const journal = await Journal.open({
    file: join(state, 'journal.db'), device: `${profile.device.site}/${profile.device.id}`, clock, log,
    keys: deviceKey(await secret(profile.journal.key)), retention: profile.journal.keep, versions: { portcullis: options.version },
  })
  if (journal.setAside !== undefined) log.error({ code: 'PC-JOURNAL-DAMAGED', why: journal.setAside.why }, 'the journal was set aside and a new one begun')
  const chronicle = new Chronicle(model, journal, log)
  chronicle.start()
  const memory = journalComponent(journal, clock)
  model.add(memory.component)
  const closeJournal = async (): Promise<void> => {
    chronicle.stop()
    memory.stop()
    await journal.close()
  }
  const stopServices = addServices({ ...options, model, journal, bare, loaded, start: overlay })
  const close = async (): Promise<void> => {
    stopServices()
    await closeJournal()
  }
  const { units, vouchedUntil, screen } = await assembleUnits(loaded, { ...options, model, journal, secret }).catch(async (error: unknown) => {
    await close()
    throw error
  })

  const supervisor = new Supervisor(units, clock, log)
  let stopping = false
  let cancelPrune = (): void => undefined
  const prune = (): void => {
    cancelPrune()
    if (stopping) return
    cancelPrune = clock.after(prunePeriod_ms, prune)
    if (vouchedUntil !== undefined && clock.wall() > vouchedUntil() + vouched_ms) {
      log.warn({ code: 'PC-RUN-CLOCK' }, 'nothing old is removed: the clock says more than the newest list can vouch for')
      return
    }
    journal.prune(clock.wall()).catch((error: unknown) => log.error({ error }, 'old facts could not be removed'))
  }
  journal.onState((state) => {
    if (state === 'reserve') prune()
  })
  return {
    model,
    runtime,
    get pageAddress() {
      return screen?.address
    },
    async start() {
      runtime.start()
      await supervisor.start()
      prune()
    },
    async stop() {
      stopping = true
      cancelPrune()
      await supervisor.stop()
      runtime.stop()
      await close()
    },
  }
}

interface AssemblyContext extends BootOptions {
  model: DeviceModel
  journal: Journal
  secret(reference: string): Promise<Uint8Array>
}

async function assembleUnits(loaded: LoadedProfile, context: AssemblyContext): Promise<KindUnits> {
  const { profile, parts } = loaded
  const { model, clock, log, secret } = context
  // The lidars that the vehicle's safety rests on run in a thread of their own, with nothing beside them.
  const elsewhere = new Set(profile.device.kind === 'igv' ? Object.keys((profile as IgvProfile).obstacles.sources) : [])
  const here = new Map([...parts].filter(([name]) => !elsewhere.has(name)))
  const units = partUnits(here, model, { clock, log, secret })
  // Each kind of device loads its own half of the program only.
  const kind: KindUnits = profile.device.kind === 'egate'
    ? await (await import('./gate.ts')).gateUnits(profile as EgateProfile, units.map(({ name }) => name), context)
    : (await import('./obstacles.ts')).obstacleUnits(loaded as LoadedProfile<IgvProfile>, context)
  if (profile.uplink !== undefined) units.push(await uplinkUnit(profile.uplink, loaded, context))
  const access = await accessUnit(loaded, context)
  units.push(access.unit)
  units.push(await consoleUnit(profile.console, loaded, { ...context, gatekeeper: access.gatekeeper }))
  if (profile.opcua !== undefined) units.push((await import('./opcua.ts')).opcuaUnit(profile.opcua, loaded, { ...context, gatekeeper: access.gatekeeper }))
  if (profile.technician !== undefined) units.push(await (await import('./technician.ts')).technicianUnit(profile.technician, loaded, { ...context, gatekeeper: access.gatekeeper, lidar: kind.lidar }))
  return { ...kind, units: [...units, ...kind.units] }
}

/** A unit for each part of the profile; each needs the parts that its options name. */
function partUnits(parts: ReadonlyMap<string, LoadedPart>, model: DeviceModel, context: Pick<DriverContext, 'clock' | 'log' | 'secret'>): Unit[] {
  const waiting = new Map(parts)
  const units: Unit[] = []
  const make = (name: string, trail: readonly string[]): void => {
    const part = waiting.get(name)
    if (part === undefined) return
    if (trail.includes(name)) throw new ConfigError('PC-RUN-LOOP', `These parts need each other in a loop: ${[...trail, name].join(', ')}.`)
    const needs = partsNamedBy(part).map((named) => named.name)
    for (const need of needs) make(need, [...trail, name])
    waiting.delete(name)
    const device: Device = part.driver.create(part.options, {
      ...context, name, part: (wanted, contract) => model.as(wanted, contract),
    })
    model.add(device.component)
    units.push({ name, needs, restart: 'retry', start: (signal) => device.start(signal), stop: () => device.stop() })
  }
  for (const name of parts.keys()) make(name, [])
  return units
}

/** Who gets in at the device, over all its faces. */
async function accessUnit({ profile: { access: section, device, uplink } }: LoadedProfile, { model, journal, clock, log, state, secret }: AssemblyContext): Promise<{ unit: Unit; gatekeeper: Gatekeeper }> {
  const authority = section.authority ?? uplink?.authority
  const authorities = authority === undefined ? [] : [Buffer.from(await secret(authority)).toString('utf8')]
  const access = new Access({ clock, log, model, sink: journal, device: device.id, file: join(state, section.accounts), authorities, section })
  model.add(access.component)
  return { gatekeeper: access, unit: { name: 'access', needs: section.tamper === undefined ? [] : [section.tamper], restart: 'retry', start: () => access.start(), stop: () => access.stop() } }
}

async function uplinkUnit(section: NonNullable<LoadedProfile['profile']['uplink']>, { profile }: LoadedProfile, context: AssemblyContext): Promise<Unit> {
  const { model, journal, clock, log, version, secret } = context
  const text = async (reference: string): Promise<string> => Buffer.from(await secret(reference)).toString('utf8')
  const pem = async (name: 'ca' | 'cert' | 'key'): Promise<Record<string, string>> => (section[name] === undefined ? {} : { [name]: await text(section[name]) })
  const identity = section.identity === undefined ? undefined : await text(section.identity)
  const [username, ...password] = identity?.split(':') ?? []
  const uplink = new Uplink({
    site: profile.device.site, device: profile.device.id, version, epoch: journal.epoch, source: journal, sink: journal, model, clock, log,
    connect: {
      url: section.broker, ...(username === undefined ? {} : { username, password: password.join(':') }),
      ...await pem('ca'), ...await pem('cert'), ...await pem('key'),
    },
    authorities: section.authority === undefined ? [] : [await text(section.authority)],
  })
  model.add(uplink.component)
  return { name: 'uplink', needs: [], restart: 'retry', start: (signal) => uplink.start(signal), stop: () => uplink.stop() }
}
