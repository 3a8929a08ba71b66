import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { systemClock } from '../../edge/base/clock.ts'
import { sleep } from '../../edge/base/wait.ts'
import { Frames } from '../../edge/console/frames/service.ts'
import { type Device, rig, secretOf } from '../../edge/console/rig.ts'
import { pseudoTerminalsAvailable } from '../../drivers/kit/twin.ts'
import { transportTo } from '../../drivers/kit/transport.ts'
import { FrameClient } from './frame-client.ts'

const skip = pseudoTerminalsAvailable() ? false : 'socat or pseudo-terminals are missing'

/** Two pseudo-terminals that are the two ends of one cable. */
async function cable(t: Test): Promise<{ device: string; laptop: string; cut(): Promise<void> }> {
  const folder = mkdtempSync(join(tmpdir(), 'portcullis-cable-'))
  const [device, laptop] = [join(folder, 'device'), join(folder, 'laptop')]
  const socat = spawn('socat', [`PTY,link=${device},rawer`, `PTY,link=${laptop},rawer`], { stdio: 'ignore' })
  const ended = new Promise<void>((resolve) => socat.once('exit', () => resolve()))
  const cut = async (): Promise<void> => {
    socat.kill()
    await ended
  }
  t.teardown(async () => {
    await cut()
    rmSync(folder, { recursive: true, force: true })
  })
  for (let tries = 0; !existsSync(device) || !existsSync(laptop); tries++) {
    if (tries > 500) throw new Error('no pseudo-terminals')
    await sleep(systemClock, 10)
  }
  return { device, laptop, cut }
}

async function until(holds: () => boolean): Promise<void> {
  for (let waited_ms = 0; !holds(); waited_ms += 10) {
    if (waited_ms > 10_000) throw new Error('it did not happen')
    await sleep(systemClock, 10)
  }
}

interface Table {
  device: Device
  laptop: string
  cut(): Promise<void>
}

/** A device with a console on one end of the cable. */
async function table(t: Test): Promise<Table> {
  const wire = await cable(t)
  const made: { frames?: Frames } = {}
  const { device } = await rig(t, {
    section: { ports: [{ port: wire.device, baud: 115_200 }] },
    openSerial: (path, baud) => transportTo(path, { baud }),
    frames: {
      frameMax: 4_096, recognises: (frame) => made.frames?.recognises(frame) ?? false,
      serve: async (io, signal) => made.frames?.serve(io, signal),
    },
  })
  made.frames = new Frames({ model: device.model, gatekeeper: device.access, clock: systemClock, device: 'mong-cai/bl1-e07', version: '1.2.3' })
  return { device, laptop: wire.laptop, cut: wire.cut }
}

/** The program starts while the console still asks for a name. */
async function clientAt(t: Test, laptop: string): Promise<FrameClient> {
  const client = await FrameClient.open(laptop, 115_200, { answer_ms: 5_000 })
  t.teardown(() => client.close())
  return client
}

void t.test('a laptop program works with the device over a serial line', { skip }, async (t) => {
  const { device, laptop } = await table(t)
  const client = await clientAt(t, laptop)
  t.match(await client.hello(), { protocol: 1, device: 'mong-cai/bl1-e07' })
  await t.rejects(client.components(), { code: 'PC-FRAMES-LOGIN' })
  t.match(await client.login('nguyen', secretOf('nguyen')), { role: 'technician' })
  t.ok((await client.components()).some(({ name }) => name === 'gizmo'))
  const pins = Object.fromEntries(Array.from({ length: 2_000 }, (_, index) => [`pin${index}`, index % 2 === 0]))
  device.model.get('gizmo').publish('pins' as 'counters', pins as never)
  t.strictSame((await client.read('gizmo', 'pins'))['pins']?.value, pins, 'an answer of several frames')
  t.match(await client.read('gizmo', 'speed'), { speed: { value: 12.5 } })
  t.match(await client.call('gizmo', 'paint', { colour: 'green', coats: 2 }), { painted: 'green x 2' })
  await t.rejects(client.call('gizmo', 'spin'), { code: 'PC-FRAMES-CONFIRM' })
  const cancel = new AbortController()
  const hanging = client.call('gizmo', 'hang', {}, { signal: cancel.signal })
  cancel.abort()
  await t.rejects(hanging, { code: 'PC-BASE-CANCELLED' })
  const seen: unknown[] = []
  client.onNews.add(({ news }) => seen.push(...news))
  await client.watch(['gizmo'], 20)
  device.model.get('gizmo').publish('health', { status: 'degraded', code: 'PC-TEST-WORN' })
  await until(() => JSON.stringify(seen).includes('PC-TEST-WORN'))
  await client.leave()
  t.equal(device.access.component.read('sessions')?.length, 0)
  t.match(await client.hello(), { protocol: 1 }, 'it may come again, at the prompt')
})

void t.test('without a secret, by an answer of the authority', { skip }, async (t) => {
  const { device, laptop } = await table(t)
  const client = await clientAt(t, laptop)
  t.match(await client.answer('tran', device.answerTo(await client.challenge('tran'), 'viewer')), { role: 'viewer' })
  await t.rejects(client.call('gizmo', 'paint', { colour: 'red' }), { code: 'PC-DEVICE-ROLE' })
  await client.logout()
  await t.rejects(client.read('gizmo'), { code: 'PC-FRAMES-LOGIN' })
})

void t.test('a cable that is pulled ends the session and what is waited for', { skip }, async (t) => {
  const { device, laptop, cut } = await table(t)
  const client = await clientAt(t, laptop)
  await client.login('nguyen', secretOf('nguyen'))
  const hanging = client.call('gizmo', 'hang')
  await until(() => JSON.stringify(device.facts).includes('hang'))
  await Promise.all([t.rejects(hanging, { code: /PC-LINK-LOST|PC-FRAMES-SILENT/ }), cut()])
  await until(() => device.access.component.read('sessions')?.length === 0)
  await t.rejects(client.hello(), { code: 'PC-LINK-LOST' })
})
