import fc from 'fast-check'
import t from 'tap'
import { ManualClock } from '../../edge/base/clock.ts'
import { DeviceError } from '../../edge/base/error.ts'
import type { Frame } from '../../edge/device/capabilities.ts'
import { standaloneContext } from '../kit/conformance.ts'
import { bareStart } from './jpeg.ts'
import { Newest } from './newest.ts'
import { withNoise } from './playback.ts'
import type { CameraLimits, PictureSource, SourceListener } from './source.ts'
import { cameraDevice } from './supervision.ts'
import { testCard } from './test-card.ts'
import { Watch } from './watch.ts'

const [picture = new Uint8Array()] = await testCard(64, 48)
const limits: CameraLimits = {
  rate_max: 25, frame_bytes_max: 100_000, first_frame_ms: 2_000, silence_ms: 800, frozen_ms: 900, brightness_min: 8, brightness_max: 250, sharpness_min: 5,
  reconnect_ms: 100,
}

/** Lets promises settle; no time passes. */
const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve()
}

/** A source in the test's hand, and a clock that moves only when told to. */
async function stage(changed: Partial<CameraLimits> = {}) {
  const clock = new ManualClock()
  let listener: SourceListener | undefined
  let opened = 0
  let end = (): void => undefined
  const source: PictureSource = {
    kind: 'MJPEG', where: 'here',
    async deliver(to, signal) {
      opened++
      listener = to
      to.onOpened('Test', bareStart)
      await new Promise<void>((resolve, reject) => {
        end = resolve
        signal.addEventListener('abort', () => reject(new DeviceError('PC-TEST-GONE', 'Gone.')), { once: true })
      })
    },
  }
  const device = cameraDevice(standaloneContext('camera', clock), { ...limits, ...changed }, source)
  const frames: Frame[] = []
  const stuck: { reason: string; at: number }[] = []
  device.component.onStream('frames', (frame) => frames.push(frame))
  device.component.onEvent('stuck', ({ reason }) => stuck.push({ reason, at: clock.now() }))
  const started = device.start(new AbortController().signal)
  await settle()
  let turn = 0
  const pass = async (ms: number): Promise<void> => {
    clock.advance(ms)
    await settle()
  }
  return {
    clock, device, frames, stuck, started,
    opened: () => opened,
    end: () => end(),
    show: (jpeg: Uint8Array = withNoise(picture, turn++)) => listener?.onBytes(jpeg),
    pass,
    /** Pictures at 15/s for so long, all alike when `jpeg` is given. */
    async play(ms: number, jpeg?: Uint8Array) {
      for (let passed = 0; passed < ms; passed += 66) {
        listener?.onBytes(jpeg ?? withNoise(picture, turn++))
        await pass(66)
      }
    },
  }
}

void t.test('a camera is ready once its picture has changed, and not before', async (t) => {
  const { device, show, started, frames, pass } = await stage()
  t.equal(device.component.health.status, 'starting')
  show(picture)
  show(picture)
  await pass(100)
  t.equal(device.component.health.status, 'starting')
  t.equal(frames.length, 0, 'what is not known to live is not shown')
  show(withNoise(picture, 1))
  await pass(1)
  await started
  t.equal(device.component.health.status, 'ready')
  t.strictSame(device.component.read('identity'), { manufacturer: 'Test', model: 'MJPEG 64x48' })
  t.match(frames, [{ sequence: 3, taken: 100 }])
  await device.stop()
})

void t.test('frozen: noticed within a second, told once, and ready again only when the picture moves', async (t) => {
  const { clock, device, stuck, play, pass, opened, frames } = await stage()
  await play(3_000)
  const last = withNoise(picture, 7)
  const froze = clock.now()
  await play(850, last)
  t.equal(device.component.health.status, 'ready', 'not yet')
  await play(132, last)
  t.match(device.component.health, { status: 'failed', code: 'PC-CAMERA-FROZEN' })
  t.equal(stuck.length, 1)
  t.ok(stuck[0]?.reason === 'frozen' && stuck[0].at - froze < 1_000, `noticed after ${(stuck[0]?.at ?? 0) - froze} ms`)
  t.equal(device.component.read('rate'), 0)
  const shown = frames.length
  await play(10_000, last)
  t.ok(opened() > 2, 'it was opened again')
  t.equal(device.component.health.code, 'PC-CAMERA-FROZEN', 'never ready in between')
  t.equal(stuck.length, 1, 'told once')
  t.equal(frames.length, shown, 'nothing of it was passed on')
  await pass(5_000)
  await play(200)
  t.equal(device.component.health.status, 'ready')
  await device.stop()
  t.equal(clock.pending, 0)
})

void t.test('silent: noticed within a second; a source that never sends is silent, too', async (t) => {
  const { clock, device, stuck, play, pass } = await stage()
  await play(1_000)
  const last = clock.now() - 66
  await pass(650)
  t.equal(device.component.health.status, 'ready', 'not yet')
  await pass(150)
  t.match(device.component.health, { status: 'failed', code: 'PC-CAMERA-SILENT', says: 'camera sends no pictures.' })
  t.ok(stuck[0]?.reason === 'silent' && stuck[0].at - last < 1_000)
  for (let turn = 0; turn < 100; turn++) await pass(100)
  t.equal(stuck.length, 1, 'told once')
  await device.stop()

  const never = await stage()
  await never.pass(1_950)
  t.equal(never.device.component.health.status, 'starting')
  await never.pass(100)
  await never.started
  t.equal(never.device.component.health.code, 'PC-CAMERA-SILENT')
  await never.device.stop()
})

void t.test('our own lateness is not the camera\'s silence', async (t) => {
  const watch = new Watch(limits)
  watch.picture(picture)
  // A loop that was busy for seconds fires one late tick; the pictures that waited come after it.
  t.equal(watch.tick(), undefined)
  watch.picture(withNoise(picture, 1))
  t.equal(watch.moving, true)
  const verdicts = Array.from({ length: 16 }, () => watch.tick())
  t.strictSame(verdicts.filter((verdict) => verdict !== undefined), ['silent'])
})

void t.test('a slow camera is not frozen, and one repeated picture is no freeze', async (t) => {
  const { device, stuck, show, pass } = await stage({ silence_ms: 5_000 })
  for (let turn = 0; turn < 8; turn++) {
    show(withNoise(picture, turn))
    await pass(2_000)
  }
  for (let turn = 0; turn < 40; turn++) {
    show(withNoise(picture, turn >> 1))
    await pass(100)
  }
  t.equal(device.component.health.status, 'ready')
  t.strictSame(stuck, [])
  await device.stop()
})

void t.test('a source that ends is opened again with growing pauses; the rate and the counters are known', async (t) => {
  const { device, play, pass, end, opened, clock } = await stage()
  await play(2_200)
  const rate = device.component.read('rate') ?? 0
  t.ok(rate > 14 && rate < 16, `rate ${rate}`)
  end()
  await settle()
  t.match(device.component.health, { status: 'failed', code: 'PC-LINK-LOST' })
  t.match(device.component.read('counters'), { connects: 1, losses: 1, stuck: 0 })
  const openings: number[] = []
  for (let before = opened(); clock.now() < 40_000; before = opened()) {
    end()
    await pass(10)
    if (opened() !== before) openings.push(clock.now())
  }
  const pauses = openings.slice(1).map((at, index) => at - (openings[index] ?? 0))
  t.ok(pauses.length > 5 && pauses.length < 40 && Math.max(...pauses) < 4_000 && (pauses.at(-1) ?? 0) > 1_000, `pauses ${pauses.join(' ')}`)
  await device.stop()
  t.equal(device.component.health.status, 'stopped')
  t.equal(clock.pending, 0)
})

void t.test('of more pictures than are wanted, or than a slow listener could take, the newest is passed on and the rest counted', async (t) => {
  const { device, play, pass, show, frames } = await stage({ rate_max: 5 })
  await play(4_000)
  t.ok(frames.length >= 19 && frames.length <= 22, `${frames.length} of 61`)
  await pass(200)
  const before = frames.length
  // What waited in the socket while a listener was busy comes at once.
  for (let turn = 0; turn < 7; turn++) show()
  await pass(200)
  t.equal(frames.length, before + 1)
  await pass(1_000)
  const counters = device.component.read('counters') ?? {}
  t.equal(frames.at(-1)?.sequence, counters['framesIn'], 'it is the newest')
  t.equal((counters['dropped'] ?? 0) + frames.length + 1, counters['framesIn'], 'every picture but the very first was passed on or counted')
  await device.stop()
})

void t.test('the newest of a burst, never more often than asked for, never more than one held', async (t) => {
  fc.assert(fc.property(fc.integer({ min: 1, max: 100 }), fc.array(fc.integer({ min: 0, max: 200 }), { maxLength: 50 }), (rate_max, pauses) => {
    const clock = new ManualClock()
    const passed: { item: number; at: number }[] = []
    let dropped = 0
    const newest = new Newest<number>(clock, rate_max, (item) => passed.push({ item, at: clock.now() }), () => dropped++)
    pauses.forEach((pause, item) => {
      newest.offer(item)
      if (clock.pending > 1) throw new Error('it holds more than one')
      clock.advance(pause)
    })
    clock.advance(2_000)
    const ascending = passed.every(({ item }, index) => index === 0 || item > (passed[index - 1]?.item ?? 0))
    const span = (passed.at(-1)?.at ?? 0) - (passed[0]?.at ?? 0)
    return ascending && passed.length + dropped === pauses.length && passed.length <= (span * rate_max) / 1_000 + 2
      && passed.at(-1)?.item === (pauses.length === 0 ? undefined : pauses.length - 1)
  }))
  t.pass()
})

void t.test('another camera than the expected one is not used', async (t) => {
  const { device, play, frames } = await stage({ expect: { model: 'MJPEG 640x480' } })
  await play(300)
  t.match(device.component.health, { status: 'failed', code: 'PC-LINK-WRONG-DEVICE' })
  t.strictSame(frames, [])
  await device.stop()
})
