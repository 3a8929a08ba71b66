import t, { type Test } from 'tap'
import { systemClock } from '../../../edge/base/clock.ts'
import { sleep } from '../../../edge/base/wait.ts'
import { conformance, standaloneContext, until } from '../../kit/conformance.ts'
import { driver } from './driver.ts'
import type { OpcuaBarrierOptions } from './options.ts'
import { filled } from './rig.ts'
import { OpcuaBarrierTwin, type TwinOptions } from './twin.ts'

/** Errors of a link that is just being lost are borne by trying again, as a gate does; silence is not. */
async function persistently(isMute: () => boolean, use: () => Promise<void>): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      return await use()
    } catch (error) {
      if (isMute() || tries > 5) throw error
      await sleep(systemClock, 50)
    }
  }
}

conformance(t, {
  driver,
  twin: () => new OpcuaBarrierTwin(),
  options: { publish_ms: 40, sampling_ms: 20, reconnect_ms: 20, reply_ms: 600, confirm_ms: 1_500 },
  exercise: async (component, { world, faults }) => {
    await persistently(() => faults.mute, async () => {
      if (!faults.mute) await until(() => component.usable && component.read('state') === 'closed', 'it is shut')
      const before = world.passed
      await component.invoke('open', { for_ms: 10_000 })
      if (await world.walk({ patience_ms: 1_000 }) !== 'passed' || world.passed !== before + 1) throw new Error('nobody could pass')
      await component.invoke('close', {})
      await until(() => component.read('state') === 'closed' && component.read('passed') !== undefined, 'it is shut')
    })
  },
})

void t.test('only the PLC that is trusted, and all that the profile names', async (t) => {
  const begun = async (t: Test, changes: (found: OpcuaBarrierOptions) => object, plc: TwinOptions = {}, before = async (_twin: OpcuaBarrierTwin): Promise<void> => undefined) => {
    const twin = new OpcuaBarrierTwin(plc)
    const options = filled(await twin.start(), {})
    await before(twin)
    const device = driver.create({ ...options, ...changes(options) }, standaloneContext('barrier'))
    await device.start(new AbortController().signal)
    t.teardown(async () => {
      await device.stop()
      await twin.stop()
    })
    return { health: device.component.health, device, twin }
  }
  const as = (security: object) => ({ security: options }: { security: unknown }) => ({ security: { ...options as object, ...security } })

  void t.test('a PLC with another certificate is refused, until the right one is back', async (t) => {
    const { health, device, twin } = await begun(t, () => ({}), {}, (twin) => twin.exchange('stranger'))
    t.match(health, { status: 'failed', code: 'PC-PLC-REFUSED' })
    t.equal(twin.world.inputs.beat, 0, 'nothing was written to it')
    await twin.exchange('plc')
    await until(() => device.component.health.status === 'ready', 'it is used')
  })

  void t.test('a wrong password is refused by the PLC', async (t) => {
    const { health } = await begun(t, ({ security }) => as({ user: { name: (security as { user: { name: string } }).user.name, password: (security as { user: { name: string } }).user.name } })({ security }))
    t.match(health, { status: 'failed', code: 'PC-PLC-REFUSED' })
  })

  void t.test('a key that belongs to another certificate is said to be so', async (t) => {
    const { health } = await begun(t, ({ security }) => as({ certificate: (security as { server: string }).server })({ security }))
    t.match(health, { status: 'failed', code: 'PC-PLC-CERTIFICATE' })
  })

  void t.test('a node that the PLC has not is named', async (t) => {
    const absent = (part: string) => ({ node: `nsu=urn:portcullis:twin:plc;s=${part}` })
    const { health } = await begun(t, ({ state }) => ({ state: { ...state, ...absent('Nowhere') } }), { security: 'none' })
    t.match(health, { status: 'failed', code: 'PC-PLC-NODE', says: /Nowhere/ })
    const { health: unwritable } = await begun(t, ({ commands }) => ({ commands: { ...commands, close: { ...absent('Nothing'), value: true } } }), { security: 'none' })
    t.match(unwritable, { status: 'failed', code: 'PC-PLC-NODE', says: /Nothing/ })
  })
})
