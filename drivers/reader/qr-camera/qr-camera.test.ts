import fc from 'fast-check'
import t, { type Test } from 'tap'
import { type Clock, ManualClock, systemClock } from '../../../edge/base/clock.ts'
import { createLogger } from '../../../edge/base/log.ts'
import { parse } from '../../../edge/base/schema.ts'
import { conformance, standaloneContext, until } from '../../kit/conformance.ts'
import { loadDecoder } from './decode.ts'
import { driver } from './driver.ts'
import { codePicture, type CodePictureOptions } from './picture.ts'
import { SceneTwin } from './twin.ts'

/** In the form of a citizen card's code; nobody's. */
const card = '001099000001|012345678|Nguyễn Thị Ánh Đào|01021990|Nữ|Số 5 Ngõ 12, Phường Trà Cổ, Móng Cái, Quảng Ninh|03042021'

const seeded = (seed: number): (() => number) => {
  let state = seed
  return () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647
}

void t.test('codes are found turned, blurred, pale, noisy, small and in large pictures', async (t) => {
  const decoder = await loadDecoder(1_280)
  const cases: CodePictureOptions[] = [
    {}, { rotate_deg: 17 }, { rotate_deg: 90 }, { rotate_deg: 200 }, { blur_px: 1.5 }, { contrast: 0.35 }, { noise: 25 },
    { module_px: 3 }, { quality: 25 }, { rotate_deg: 33, blur_px: 0.8, noise: 12, contrast: 0.7, quality: 60 },
    { width: 1_920, height: 1_080, module_px: 6, rotate_deg: 8 },
  ]
  for (const options of cases) {
    t.strictSame(await decoder.decode(await codePicture(card, { ...options, random: seeded(1) })), [{ content: card, symbology: 'qr' }], JSON.stringify(options))
  }
})

void t.test('nothing is found where nothing is, and where it cannot be read', async (t) => {
  const decoder = await loadDecoder(1_280)
  t.strictSame(await decoder.decode(await codePicture(undefined, { noise: 30, random: seeded(2) })), [])
  t.strictSame(await decoder.decode(await codePicture(card, { module_px: 3, blur_px: 8 })), [])
})

void t.test('any text that a code can hold comes through', async (t) => {
  const decoder = await loadDecoder(1_280)
  const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 30 }).filter((content) => !/[\0\ufeff]|\p{Cs}/u.test(content))
  await fc.assert(fc.asyncProperty(text, async (content) => {
    const [code] = await decoder.decode(await codePicture(content, { module_px: 4 }))
    return code?.content === content
  }), { numRuns: 15 })
  t.pass()
})

void t.test('bytes that are no picture are refused, whatever they are', async (t) => {
  const decoder = await loadDecoder(640)
  const whole = await codePicture(card)
  await t.rejects(decoder.decode(new Uint8Array(0)))
  await t.rejects(decoder.decode(Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>')), { code: 'PC-CODE-JPEG' })
  await fc.assert(fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), fc.nat(whole.length - 1), async (noise, at) => {
    const damaged = whole.slice()
    damaged.set(noise.subarray(0, whole.length - at), at)
    const codes = await decoder.decode(damaged).catch(() => [])
    return codes.every((code) => code.content === card)
  }), { numRuns: 25 })
})

const picture = await codePicture(card, { rotate_deg: 5 })

void t.test('conformance', async (t) => {
  conformance(t, {
    driver,
    twin: () => new SceneTwin({ every_ms: 10 }),
    parts: (twin) => [twin.camera],
    options: { every_ms: 20, hold_ms: 0 },
    identifies: false,
    answers: false,
    exercise: async (reader, twin) => {
      let heard = ''
      const stop = reader.onEvent('read', ({ content }) => (heard = content))
      twin.look(picture)
      await until(() => heard === card, 'the code was read')
      stop()
    },
  })
})

async function started(t: Test, options: Record<string, unknown> = {}, clock: Clock = systemClock) {
  const log: string[] = []
  const twin = new SceneTwin({ every_ms: 10 })
  const settings = parse(driver.options, { ...await twin.start(), every_ms: 20, ...options }, 'PC-TEST-OPTIONS', 'options')
  const device = driver.create(settings, { ...standaloneContext('code', clock, [twin.camera]), log: createLogger('trace', { write: (line) => log.push(line) }) })
  await device.start(new AbortController().signal)
  t.teardown(async () => {
    await device.stop()
    await twin.stop()
  })
  const heard: string[] = []
  device.component.onEvent('read', ({ content }) => heard.push(content))
  return { reader: device.component, twin, heard, log }
}

void t.test('a code that stays in sight is read once; nothing of it is logged', async (t) => {
  const { reader, twin, heard, log } = await started(t, { hold_ms: 60_000 })
  twin.look(picture)
  await until(() => (reader.read('counters')?.['looked'] ?? 0) > 5, 'it looked several times')
  twin.look(await codePicture('another'))
  await until(() => heard.length > 1, 'the next one was read')
  t.strictSame(heard, [card, 'another'])
  t.notMatch(log.join('') + JSON.stringify(reader.read('counters')), /Nguy|001099000001/)
})

void t.test('it looks no more often than it should, and says how many pictures it left out', async (t) => {
  const clock = new ManualClock()
  const { reader, twin, heard } = await started(t, { every_ms: 1_000 }, clock)
  twin.look(picture)
  await until(() => heard.length === 1, 'the first picture is looked at')
  await new Promise((resolve) => setTimeout(resolve, 100))
  clock.advance(1_000)
  t.equal(reader.read('counters')?.['looked'], 1)
  await until(() => {
    clock.advance(100)
    return (reader.read('counters')?.['looked'] ?? 0) > 1
  }, 'the next second has come')
  t.ok((reader.read('counters')?.['skipped'] ?? 0) > 1)
})

void t.test('a camera that fails, or sends what is no picture', async (t) => {
  const { reader, twin } = await started(t)
  twin.look(Buffer.from('no picture at all'))
  await until(() => reader.health.status === 'degraded', 'the pictures are found broken')
  t.match(reader.health, { code: 'PC-CODE-PICTURES' })
  twin.look(picture)
  await until(() => reader.health.status === 'ready', 'they are good again')
  await twin.unplug()
  t.match(reader.health, { status: 'failed', code: 'PC-CODE-CAMERA' })
  await twin.plug()
  t.match(reader.health, { status: 'ready' })
})
