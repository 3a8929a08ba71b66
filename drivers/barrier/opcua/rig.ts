/** A driver with its twin, for the tests. */
import type { Test } from 'tap'
import { mistakes } from '../../../edge/base/schema.ts'
import { standaloneContext, until } from '../../kit/conformance.ts'
import { driver } from './driver.ts'
import type { OpcuaBarrierOptions } from './options.ts'
import { OpcuaBarrierTwin, type TwinOptions } from './twin.ts'

/** Quick, and yet such that a machine with much else to do keeps up. */
const quick = { publish_ms: 40, sampling_ms: 20, reconnect_ms: 20, reply_ms: 2_000, confirm_ms: 2_000 }

/** Options as a profile gives them, with the limits that a test wants. */
export function filled(found: Record<string, unknown>, changes: Record<string, unknown>): OpcuaBarrierOptions {
  const { beat, ...rest } = changes
  const options = { ...found, ...quick, ...rest, beat: { ...found['beat'] as object, every_ms: 100, alive_ms: 2_000, ...beat as object } }
  const wrong = mistakes(driver.options, options)
  if (wrong.length > 0) throw new Error(JSON.stringify(wrong))
  return options as unknown as OpcuaBarrierOptions
}

export async function running(t: Test, changes: Record<string, unknown> = {}, plc: TwinOptions = {}) {
  const twin = new OpcuaBarrierTwin({ security: 'none', watchdog_ms: 5_000, ...plc })
  const found = await twin.start()
  const options = filled(found, changes)
  const device = driver.create(options, standaloneContext('barrier'))
  await device.start(new AbortController().signal)
  t.teardown(async () => {
    await device.stop()
    await twin.stop()
  })
  const barrier = device.component
  let forced = 0
  barrier.onEvent('forced', () => forced++)
  return {
    twin, world: twin.world, barrier, device, options,
    forced: () => forced,
    failed: (code: string) => until(() => barrier.health.code === code, code),
    ready: () => until(() => barrier.health.status === 'ready', 'it is ready'),
  }
}
