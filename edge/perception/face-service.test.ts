import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import sharp, { type Sharp } from 'sharp'
import t from 'tap'
import { systemClock } from '../base/clock.ts'
import { silent } from '../base/log.ts'
import type { Frame } from '../device/capabilities.ts'
import { type FaceVerdict, FaceService, type FaceServiceOptions } from './face-service.ts'
import { FaceAnalyser } from './face/analyser.ts'
import { likeness } from './face/embedding.ts'
import { decodeJpeg } from './face/image.ts'
import { qualityLimits, poorBecause } from './face/quality.ts'
import type { Prompt } from './face/verify.ts'
import { NewestFrame } from './newest-frame.ts'

const build = join(import.meta.dirname, '../../build')
const models = join(build, 'models')
const skip = existsSync(join(build, 'faces/index.json')) && existsSync(join(models, 'manifest.json')) ? false : 'no models or demo faces: run the set-up'

interface Index {
  people: { id: string; passport: string; scripts: Record<string, string[]> }[]
  attacks: Record<string, { of: string; frames: string[] }>
  scenes: Record<string, string[]>
}
const index: Index = skip === false ? (JSON.parse(readFileSync(join(build, 'faces/index.json'), 'utf8')) as Index) : { people: [], attacks: {}, scenes: {} }
const jpeg = (file: string): Uint8Array => new Uint8Array(readFileSync(join(build, 'faces', file)))
const person = (id: string) => {
  const found = index.people.find((each) => each.id === id)
  if (found === undefined) throw new Error(`no demo face ${id}`)
  return found
}

/** A camera before which somebody does what `show` says: which files for which prompt, again and again. */
function verify(service: FaceService, passport: string, show: (prompt: Prompt) => string[], limit_ms = 10_000): Promise<FaceVerdict & { prompts: Prompt[] }> {
  const prompts: Prompt[] = []
  let files = show('look-at-camera')
  let sequence = 0
  const frames = (listener: (frame: Frame) => void): (() => void) => {
    let at = 0
    const timer = setInterval(() => {
      const file = files[at++ % files.length]
      if (file !== undefined) listener({ sequence: sequence++, taken: systemClock.now(), jpeg: jpeg(file) })
    }, 40)
    const restart = (): void => void (at = 0)
    onPrompt = restart
    return () => clearInterval(timer)
  }
  let onPrompt = (): void => undefined
  return service
    .verify({
      photo: jpeg(passport), frames, limit_ms,
      onPrompt: (prompt) => {
        prompts.push(prompt)
        files = show(prompt)
        onPrompt()
      },
    }, new AbortController().signal)
    .then((verdict) => ({ ...verdict, prompts }))
}

const live = (id: string) => (prompt: Prompt): string[] => person(id).scripts[prompt] ?? person(id).scripts['neutral'] ?? []

async function started(t: { teardown(action: () => Promise<void>): void }, options: Partial<FaceServiceOptions> = {}): Promise<FaceService> {
  const service = new FaceService({ clock: systemClock, log: silent, models, ...options })
  t.teardown(() => service.stop())
  await service.start()
  return service
}

void t.test('travellers before the camera', { skip }, async (t) => {
  const service = await started(t)
  t.equal(service.component.health.status, 'ready')
  t.equal(service.models.length, 4)

  await t.test('the holder of the passport is let through', async (t) => {
    for (const { id, passport } of index.people.slice(0, 3)) {
      const verdict = await verify(service, passport, live(id))
      t.equal(verdict.result, 'match', id)
      t.ok((verdict.score ?? 0) >= verdict.threshold)
      t.ok(verdict.signals.every((signal) => signal.passed || !signal.required))
      t.equal(verdict.prompts.length, 2)
      t.match(verdict.models, { 'face-embedder': /^[0-9a-f]{64}$/, 'face-texture': /^[0-9a-f]{64}$/ })
      t.ok(verdict.elapsed_ms >= verdict.compute_ms)
    }
  })

  await t.test('nobody else is', async (t) => {
    const stranger = await verify(service, person('anh').passport, live('dung'))
    t.match(stranger, { result: 'no-match' })
    t.ok((stranger.score ?? 1) < stranger.threshold)
    const swapped = await verify(service, person('anh').passport, (prompt) => (prompt === 'look-at-camera' ? live('anh')(prompt) : live('dung')(prompt)))
    t.equal(swapped.result, 'attack')
    t.match(swapped.signals.find(({ name }) => name === 'same-person'), { passed: false })
  })

  await t.test('nobody, two people, no picture at all', async (t) => {
    t.match(await verify(service, person('chi').passport, () => index.scenes['empty'] ?? [], 1_000), { result: 'not-found' })
    t.match(await verify(service, person('chi').passport, () => index.scenes['two'] ?? []), { result: 'several' })
    t.match(await verify(service, person('chi').passport, () => [], 500), { result: 'not-found', frames: 0 })
  })

  await t.test('a passport without a face, or that is no picture, makes it unavailable', async (t) => {
    t.match(await verify(service, index.scenes['empty']?.[0] ?? '', live('chi')), { result: 'unavailable' })
    t.match(await verify(service, index.scenes['two']?.[0] ?? '', live('chi')), { result: 'unavailable' })
    t.match(await verify(service, 'index.json', live('chi')), { result: 'unavailable' })
  })

  await t.test('cancelling ends it', async (t) => {
    const abort = new AbortController()
    const running = service.verify({ photo: jpeg(person('anh').passport), frames: () => () => undefined, onPrompt: () => undefined, limit_ms: 10_000 }, abort.signal)
    abort.abort()
    await t.rejects(running, { code: 'PC-BASE-CANCELLED' })
  })
})

void t.test('attackers before the camera', { skip }, async (t) => {
  // They cannot answer: no need to wait for long.
  const service = await started(t, { settings: { challenge_ms: 700, tries: 1 } })

  await t.test('a photo and a screen held up to the camera are attacks', async (t) => {
    for (const { of, frames } of Object.values(index.attacks)) {
      const verdict = await verify(service, person(of).passport, () => frames)
      t.equal(verdict.result, 'attack')
      t.ok((verdict.score ?? 0) > verdict.threshold, 'although the likeness is there')
    }
  })

  await t.test('who does nothing, or the opposite, is refused', async (t) => {
    const idle = await verify(service, person('binh').passport, () => person('binh').scripts['neutral'] ?? [])
    t.match(idle, { result: 'attack' })
    const opposite: Record<string, Prompt> = { 'turn-left': 'turn-right', 'turn-right': 'turn-left' }
    t.match(await verify(service, person('binh').passport, (prompt) => live('binh')(opposite[prompt] ?? prompt)), { result: 'attack' })
  })
})

void t.test('blink and come closer can be asked for as well', { skip }, async (t) => {
  const drawn = [0, 0.9, 0]
  const service = await started(t, { challenges: { pool: ['blink', 'come-closer'], each: 2 }, random: () => drawn.shift() ?? 0 })
  const verdict = await verify(service, person('dung').passport, live('dung'))
  t.match(verdict, { result: 'match', prompts: ['look-at-camera', 'blink', 'come-closer', 'turn-left'] })
})

void t.test('the portable engine comes to the same result', { skip }, async (t) => {
  const service = await started(t, { engine: 'litert' })
  t.ok(service.models.every(({ engine }) => engine === 'litert'))
  t.match(await verify(service, person('giang').passport, live('giang')), { result: 'match' })
})

void t.test('without models it says what to do', async (t) => {
  const service = new FaceService({ clock: systemClock, log: silent, models: join(build, 'nowhere') })
  await t.rejects(service.start(), { code: 'PC-MODEL-MISSING' })
  t.match(service.component.health, { status: 'failed', code: 'PC-MODEL-MISSING' })
  t.match(await service.verify({ photo: new Uint8Array(0), frames: () => () => undefined, onPrompt: () => undefined, limit_ms: 100 }, new AbortController().signal), {
    result: 'unavailable', signals: [],
  })
})

void t.test('what is measured in a picture', { skip }, async (t) => {
  const analyser = await FaceAnalyser.load(models, undefined, false)
  const wanted = { vector: true, texture: false }
  const [first = '', turned = ''] = [person('mai').scripts['neutral']?.[0], person('mai').scripts['turn-right']?.[8]]
  const a = await analyser.analyse(jpeg(first), wanted)
  const again = await analyser.analyse(jpeg(first), wanted)
  t.same(a, again, 'the same picture gives the same numbers')
  t.equal(poorBecause(a.face?.quality ?? t.fail('no face') as never, qualityLimits), undefined)
  t.ok((await analyser.analyse(jpeg(turned), wanted)).face!.quality.pose.yaw < a.face!.quality.pose.yaw - 10)

  const altered = async (change: (picture: Sharp) => Sharp) =>
    (await analyser.analyse(new Uint8Array(await change(sharp(jpeg(first))).jpeg().toBuffer()), wanted)).face
  const reason = async (change: (picture: Sharp) => Sharp) => poorBecause((await altered(change))!.quality, qualityLimits)
  t.equal(await reason((picture) => picture.blur(5)), 'blurred')
  t.equal(await reason((picture) => picture.linear(0.12, 0)), 'too-dark')
  t.equal(await reason((picture) => picture.rotate(30, { background: '#ccc' })), 'leaning')
  t.equal(await reason((picture) => picture.resize(320)), 'too-small')
  const dimmed = await altered((picture) => picture.linear(0.6, 10).blur(0.8))
  t.ok(likeness(dimmed!.vector!, a.face!.vector!) > 0.8, 'less light is still the same person')
  await analyser.dispose()
})

void t.test('pictures that could do harm are refused', async (t) => {
  const code = 'PC-FACE-IMAGE'
  const picture = await sharp({ create: { width: 400, height: 300, channels: 3, background: '#456' } }).jpeg().toBuffer()
  t.match(await decodeJpeg(picture), { width: 400, height: 300 })
  await t.rejects(decodeJpeg(picture.subarray(0, 300)), { code })
  await t.rejects(decodeJpeg(Buffer.from('no picture')), { code })
  await t.rejects(decodeJpeg(await sharp(picture).png().toBuffer()), { code }, 'another format')
  await t.rejects(decodeJpeg(picture, { bytesMax: 100, pixelsMax: 1e6, sideMax: 1_000 }), { code }, 'too many bytes')
  await t.rejects(decodeJpeg(picture, { bytesMax: 1e6, pixelsMax: 1_000, sideMax: 1_000 }), { code }, 'too many pixels')
  t.match(await decodeJpeg(picture, { bytesMax: 1e6, pixelsMax: 1e6, sideMax: 200 }), { width: 200, height: 150 })
  const sideways = await sharp(picture).withMetadata({ orientation: 6 }).jpeg().toBuffer()
  t.match(await decodeJpeg(sideways), { width: 300, height: 400 }, 'turned upright')
})

void t.test('damaged pictures are refused or decoded within the limits, never anything else', async (t) => {
  const picture = await sharp({ create: { width: 64, height: 48, channels: 3, background: '#456' } }).jpeg().toBuffer()
  const damaged = fc.array(fc.tuple(fc.nat(picture.length - 1), fc.nat(255)), { minLength: 1, maxLength: 12 }).map((changes) => {
    const copy = Uint8Array.from(picture)
    for (const [at, value] of changes) copy[at] = value
    return copy
  })
  const garbage = fc.uint8Array({ maxLength: 400 }).map((bytes) => Uint8Array.of(0xff, 0xd8, ...bytes))
  const limits = { bytesMax: 10_000, pixelsMax: 100_000, sideMax: 320 }
  await fc.assert(fc.asyncProperty(fc.oneof(damaged, garbage), async (bytes) => {
    try {
      const { width, height, data } = await decodeJpeg(bytes, limits)
      return Math.max(width, height) <= limits.sideMax && data.length === width * height * 3
    } catch (error) {
      return (error as { code?: string }).code === 'PC-FACE-IMAGE'
    }
  }), { numRuns: 150 })
  t.pass('150 pictures')
})

void t.test('of frames that come too fast the newest is taken', async (t) => {
  let push: (frame: Frame) => void = () => undefined
  const newest = new NewestFrame(systemClock, (listener) => {
    push = listener
    return () => undefined
  })
  const frame = (sequence: number): Frame => ({ sequence, taken: 0, jpeg: new Uint8Array(0) })
  const { signal } = new AbortController()
  push(frame(1))
  push(frame(2))
  push(frame(3))
  t.equal((await newest.take(systemClock.now() + 1_000, signal))?.sequence, 3)
  t.equal(newest.dropped, 2)
  const waiting = newest.take(systemClock.now() + 10_000, signal)
  push(frame(4))
  t.equal((await waiting)?.sequence, 4)
  t.equal(await newest.take(systemClock.now() + 1, signal), undefined, 'none came')
  newest.close()
})
