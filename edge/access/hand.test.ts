import t from 'tap'
import { ManualClock } from '../base/clock.ts'
import { ForbiddenError, type PortcullisError, ResourceError } from '../base/error.ts'
import { Component } from '../device/component.ts'
import { contract } from '../device/contract.ts'
import { inService } from '../device/in-service.ts'
import { DeviceModel } from '../device/model.ts'
import { madeUpDrive } from '../device/rig.ts'
import { Hand } from './hand.ts'

const vehicle = contract('vehicle', 'Carries goods.', { inService })

function bench() {
  const clock = new ManualClock()
  const model = new DeviceModel()
  const done: string[] = []
  const drive = madeUpDrive(clock, done)
  const controller = new Component('vehicle', vehicle, clock, {} as never)
  model.add(drive)
  model.add(controller)
  controller.publish('inService', false)
  const failures: unknown[] = []
  const asked: string[] = []
  const carried: { refuse?: PortcullisError | undefined; hangs?: Promise<void> } = {}
  const hand = () => new Hand({
    model, clock, component: 'drive', args: { direction: 'backward', speed: 0.1 }, onFailure: (error) => failures.push(error),
    carry: async (command, args, signal) => {
      asked.push(command)
      await carried.hangs
      if (carried.refuse !== undefined) throw carried.refuse
      return await drive.invoke(command as never, args as never, { id: 'li', role: 'engineer' }, signal)
    },
  })
  return { clock, model, done, drive, controller, failures, asked, carried, hand }
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

void t.test('it goes on while it is held, and no longer than its time', async (t) => {
  const { clock, done, asked, hand } = bench()
  const held = hand()
  for (let beat = 0; beat < 10; beat++) {
    held.hold()
    await settled()
    clock.advance(200)
  }
  t.strictSame(done, ['jog backward 0.1'], 'it never stood')
  t.equal(asked.length, 5, 'renewed when a quarter of its time is over')
  await held.release()
  t.strictSame(done, ['jog backward 0.1', 'halt'])
  await held.release()
  t.equal(asked.length, 6, 'it is let go once')
  held.hold()
  await settled()
  clock.advance(1_000)
  t.strictSame(done.slice(2), ['jog backward 0.1', 'stands'], 'who holds it and is gone: it ends by itself')
})

void t.test('what is asked for and let go before it began never begins', async (t) => {
  const { done, asked, carried, hand } = bench()
  let goOn = (): void => undefined
  carried.hangs = new Promise((resolve) => (goOn = resolve))
  const held = hand()
  held.hold()
  const released = held.release()
  goOn()
  await released
  t.strictSame(done, ['halt'])
  t.strictSame(asked, ['jog', 'halt'])
})

void t.test('letting go waits for neither a session nor a journal', async (t) => {
  for (const code of ['PC-ACCESS-ENDED', 'PC-ACCESS-JOURNAL', 'PC-ACCESS-BUSY'] as const) {
    const { done, carried, hand } = bench()
    const held = hand()
    held.hold()
    await settled()
    carried.refuse = new ResourceError(code, 'No.')
    await held.release()
    t.strictSame(done, ['jog backward 0.1', 'halt'], code)
  }
  const { carried, hand } = bench()
  const held = hand()
  held.hold()
  await settled()
  carried.refuse = new ResourceError('PC-BARRIER-FAULT', 'It is stuck.')
  await t.rejects(held.release(), { code: 'PC-BARRIER-FAULT' })
})

void t.test('who is refused has nothing to let go', async (t) => {
  const { clock, done, asked, carried, failures, hand } = bench()
  carried.refuse = new ForbiddenError('PC-DEVICE-ROLE', 'No.')
  const held = hand()
  held.hold()
  await settled()
  t.match(failures, [{ code: 'PC-DEVICE-ROLE' }])
  await held.release()
  t.strictSame([done, asked], [[], ['jog']])
  carried.refuse = undefined
  held.hold()
  await settled()
  carried.refuse = new ForbiddenError('PC-DEVICE-SERVICE', 'No.')
  clock.advance(500)
  held.hold()
  await settled()
  carried.refuse = undefined
  await held.release()
  t.strictSame(done, ['jog backward 0.1', 'halt'], 'unless it was refused only to go on')
})

void t.test('nothing begins, or goes on, in service', async (t) => {
  const { controller, model, clock, hand } = bench()
  const held = hand()
  held.hold()
  await settled()
  controller.publish('inService', true)
  t.throws(() => held.hold(), { code: 'PC-DEVICE-SERVICE' })
  await held.release()
  t.throws(hand, { code: 'PC-DEVICE-SERVICE' })
  t.throws(() => new Hand({ model, clock, component: 'vehicle', args: {}, carry: () => Promise.resolve(), onFailure: () => undefined }), { code: 'PC-DEVICE-HELD' })
})
