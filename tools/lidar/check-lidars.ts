/** Starts the lidars of a profile, and nothing else, and tests each. */
import { join } from 'node:path'
import { type Clock, systemClock } from '../../edge/base/clock.ts'
import { describe, UsageError } from '../../edge/base/error.ts'
import { silent } from '../../edge/base/log.ts'
import { sleep } from '../../edge/base/wait.ts'
import { Lidar } from '../../edge/device/capabilities.ts'
import type { Identity, SelfTestReport } from '../../edge/device/contract.ts'
import { DeviceModel } from '../../edge/device/model.ts'
import type { Device } from '../../drivers/kit/driver.ts'
import { readSecret } from '../../profiles/boot/secrets.ts'
import type { LoadedProfile } from '../../profiles/load.ts'
import type { LoadedPart } from '../../profiles/profile.ts'
import { partsNamedBy } from '../../profiles/references.ts'

export interface LidarChecked {
  part: string
  driver: string
  passed: boolean
  identity?: Identity
  checks: SelfTestReport['checks']
}

export interface CheckOptions {
  /** The only part to check. */
  part?: string | undefined
  /** How long a lidar may take to become usable. */
  wait_ms: number
  /** Where `credential:NAME` is looked for. */
  state: string
  clock?: Clock
  signal?: AbortSignal
  onProgress?(says: string): void
}

const look_ms = 50

/** @throws UsageError (PC-CLI-OPTION) when the profile has no such lidar, or none at all */
export async function checkLidars({ parts }: LoadedProfile, options: CheckOptions): Promise<LidarChecked[]> {
  const { part: only, clock = systemClock, signal = new AbortController().signal, onProgress } = options
  const lidars = [...parts].filter(([name, { driver }]) => driver.contract.name === Lidar.name && (only === undefined || name === only))
  if (lidars.length === 0) throw new UsageError('PC-CLI-OPTION', only === undefined ? 'The profile has no lidar.' : `The profile has no lidar named ${only}.`)
  const running = makeParts(parts, lidars.map(([name]) => name), options, clock)
  onProgress?.(`waiting for ${lidars.map(([name]) => name).join(', ')}`)
  try {
    for (const [name, device] of running) if (!lidars.some(([lidar]) => lidar === name)) await device.start(signal)
    return await Promise.all(lidars.map(async ([name, { driver }]) => {
      const device = running.get(name) as Device
      const { passed, checks } = await device.start(signal).then(() => testOf(device, clock, options.wait_ms, signal)).catch(failure)
      const identity = device.component.read('identity')
      onProgress?.(`${name}: ${passed ? 'passed' : 'FAILED'}`)
      return { part: name, driver: driver.name, passed, ...(identity === undefined ? {} : { identity }), checks }
    }))
  } finally {
    await Promise.all([...running.values()].map((device) => device.stop()))
  }
}

const needsOf = (parts: ReadonlyMap<string, LoadedPart>, name: string): string[] => {
  const part = parts.get(name)
  return part === undefined ? [] : partsNamedBy(part).map((named) => named.name)
}

/** The lidars, each after what its options name. */
function makeParts(parts: ReadonlyMap<string, LoadedPart>, names: readonly string[], { state }: CheckOptions, clock: Clock): Map<string, Device> {
  const model = new DeviceModel()
  const devices = new Map<string, Device>()
  const secret = (reference: string): Promise<Uint8Array> => readSecret(reference, { credentials: process.env['CREDENTIALS_DIRECTORY'] ?? join(state, 'credentials'), env: process.env })
  const make = (name: string): void => {
    const part = parts.get(name)
    if (part === undefined || devices.has(name)) return
    for (const need of needsOf(parts, name)) make(need)
    const device = part.driver.create(part.options, { name, clock, log: silent, secret, part: (wanted, contract) => model.as(wanted, contract) })
    model.add(device.component)
    devices.set(name, device)
  }
  for (const name of names) make(name)
  return devices
}

async function testOf({ component }: Device, clock: Clock, wait_ms: number, signal: AbortSignal): Promise<SelfTestReport> {
  const began = clock.now()
  while (!component.usable && clock.now() - began < wait_ms) await sleep(clock, look_ms, signal)
  if (component.usable) return await component.invoke('selfTest', {}, { id: 'check', role: 'technician' }, signal)
  const { code, says } = component.health
  return { passed: false, checks: [{ name: 'connection', passed: false, says: says === undefined ? 'It did not become usable in time.' : `${says} (${code ?? 'no code'})` }] }
}

function failure(error: unknown): SelfTestReport {
  const { code, message } = describe(error)
  return { passed: false, checks: [{ name: 'connection', passed: false, says: `${message} (${code})` }] }
}

/** For people. */
export function checkTable(lidars: readonly LidarChecked[]): string {
  return lidars.map(({ part, driver, passed, identity, checks }) => {
    const who = identity === undefined ? '' : ` (${[identity.manufacturer, identity.model, identity.serial].filter(Boolean).join(' ')})`
    const lines = checks.map((check) => `  ${check.passed ? 'ok  ' : 'FAIL'} ${check.name.padEnd(12)} ${figure(check).padEnd(16)} ${check.says}\n`)
    return `${part}: ${passed ? 'passed' : 'FAILED'}, ${driver}${who}\n${lines.join('')}`
  }).join('')
}

const figure = ({ value, unit }: SelfTestReport['checks'][number]): string => (value === undefined ? '' : `${value}${unit === undefined || unit === '1' ? '' : ` ${unit}`}`)
