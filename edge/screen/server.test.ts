import { once } from 'node:events'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { get, type IncomingMessage, request, type RequestOptions } from 'node:http'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import * as fc from 'fast-check'
import t, { type Test } from 'tap'
import { WebSocket } from 'ws'
import { ManualClock, systemClock } from '../base/clock.ts'
import { silent } from '../base/log.ts'
import { sleep } from '../base/wait.ts'
import { Camera } from '../device/capabilities.ts'
import { Component, type ComponentOf } from '../device/component.ts'
import { DeviceModel } from '../device/model.ts'
import { Gate, type GateView, Instruction, Phase, Reason } from '../gate/contract.ts'
import { discreetReasons } from '../gate/view.ts'
import { isLoopback, isOwnHost, isOwnOrigin } from './protection.ts'
import { type ScreenOptions, ScreenServer, screenLimits } from './server.ts'
import { shown, type Snapshot } from './snapshot.ts'

const jpeg = Uint8Array.of(0xff, 0xd8, 0xff, 0xd9)
const idle: GateView = { passage: 1, phase: 'idle', instruction: 'lay-document', steps: [{ step: 'document', status: 'now' }], attempt: 1 }
const face: GateView = { ...idle, passage: 2, phase: 'face', instruction: 'look-at-camera' }
const noSelfTest = async (): Promise<{ passed: boolean; checks: [] }> => ({ passed: true, checks: [] })

interface Bench {
  gate: ComponentOf<typeof Gate>
  camera: ComponentOf<typeof Camera>
  server: ScreenServer
  clock: ManualClock
  port: number
  count(name: string): number
}

async function pageDir(t: Test): Promise<string> {
  const folder = t.testdir()
  await mkdir(join(folder, '.hidden'))
  await Promise.all([
    writeFile(join(folder, 'index.html'), '<!doctype html><title>page</title>'),
    writeFile(join(folder, 'build.json'), '{"build":"0123456789abcdef"}'),
    writeFile(join(folder, '.hidden/secret'), 'hidden'),
  ])
  return folder
}

async function bench(t: Test, options: Partial<ScreenOptions> = {}): Promise<Bench> {
  const clock = new ManualClock()
  const model = new DeviceModel()
  const gate = new Component('gate', Gate, clock, { selfTest: noSelfTest, decide: async () => ({}), service: async () => ({}) })
  const camera = new Component('camera', Camera, clock, { selfTest: noSelfTest })
  model.add(gate)
  model.add(camera)
  gate.publish('health', { status: 'ready' })
  gate.publish('view', idle)
  const server = new ScreenServer({
    model, gate: 'gate', camera: 'camera', clock, log: silent, port: 0, languages: ['vi', 'zh', 'en'], pageDir: await pageDir(t), ...options,
  })
  await server.start()
  t.teardown(() => server.stop())
  const count = (name: string): number => {
    clock.advance(1_000)
    return server.component.read('counters')?.[name] ?? 0
  }
  return { gate, camera, server, clock, port: Number(new URL(server.address ?? '').port), count }
}

/** Waits, generously, for something that other processes' sockets decide. */
async function until(holds: () => boolean, what: string): Promise<void> {
  for (let tries = 0; tries < 2_000; tries++) {
    if (holds()) return
    await sleep(systemClock, 5)
  }
  throw new Error(`It never came to be that ${what}.`)
}

class Listener {
  readonly heard: Snapshot[] = []
  closed: { code: number; reason: string } | undefined
  readonly socket: WebSocket

  constructor(port: number, headers: Record<string, string> = {}) {
    this.socket = new WebSocket(`ws://127.0.0.1:${port}/state`, { headers })
    this.socket.on('message', (data) => this.heard.push(JSON.parse((data as Buffer).toString()) as Snapshot))
    this.socket.on('close', (code, reason) => (this.closed = { code, reason: reason.toString() }))
    this.socket.on('error', () => undefined)
  }

  get latest(): Snapshot | undefined {
    return this.heard.at(-1)
  }

  async words(count: number): Promise<void> {
    await until(() => this.heard.length >= count, `${count} snapshots were heard`)
  }
}

interface Answer {
  status: number
  headers: IncomingMessage['headers']
  body: string
}

async function ask(port: number, path: string, options: RequestOptions = {}): Promise<Answer> {
  const asked = request({ host: '127.0.0.1', port, path, ...options }).end()
  const [response] = (await once(asked, 'response')) as [IncomingMessage]
  const chunks = (await response.toArray()) as Buffer[]
  return { status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks).toString() }
}

class Watcher {
  received = ''
  ended = false
  status = 0

  constructor(port: number) {
    get({ host: '127.0.0.1', port, path: '/mirror' }, (response) => {
      this.status = response.statusCode ?? 0
      response.setEncoding('latin1')
      response.on('data', (chunk: string) => (this.received += chunk))
      response.on('close', () => (this.ended = true))
    }).on('error', () => (this.ended = true))
  }

  get pictures(): number {
    return this.received.split('content-type: image/jpeg').length - 1
  }
}

void t.test('the page is served with headers that keep it to itself', async (t) => {
  const { port, server } = await bench(t)
  const { status, headers, body } = await ask(port, '/')
  t.equal(status, 200)
  t.match(body, 'page')
  const policy = String(headers['content-security-policy'])
  t.match(policy, "default-src 'none'")
  t.match(policy, "frame-ancestors 'none'")
  t.notMatch(policy, /unsafe|https?:|\*/, 'nothing inline, nothing from elsewhere')
  t.match(headers, {
    'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer', 'cache-control': 'no-store', 'cross-origin-resource-policy': 'same-origin',
  })
  t.equal(headers['set-cookie'], undefined)
  t.match(JSON.parse((await ask(port, '/health')).body), { status: 'ready', build: '0123456789abcdef', viewers: 0 })
  t.equal(new URL(server.address ?? '').hostname, '127.0.0.1', 'loopback unless told otherwise')
})

void t.test('everything else is refused without repeating it', async (t) => {
  const { port } = await bench(t)
  for (const path of ['/no-such-page', '/.hidden/secret', '/../server.test.ts', '/%2e%2e/%2e%2e/package.json', '/%00', '/build.json/x']) {
    const { status, body, headers } = await ask(port, path)
    t.ok(status >= 400 && status < 500, `${path} is refused`)
    t.notMatch(body, /hidden|tap|no-such/)
    t.equal(headers['x-content-type-options'], 'nosniff')
  }
  t.equal((await ask(port, '/', { method: 'POST', headers: { 'content-length': 0 } })).status, 404)
  t.equal((await ask(port, '/', { headers: { padding: 'x'.repeat(20_000) } })).status, 431)
})

void t.test('only the own address is answered, only the own page may listen', async (t) => {
  const { port, count } = await bench(t)
  const foreign = await ask(port, '/health', { headers: { host: 'evil.example' } })
  t.equal(foreign.status, 403)
  t.match(foreign.body, 'PC-SCREEN-FOREIGN')
  const listener = new Listener(port, { origin: 'http://evil.example' })
  await until(() => listener.closed !== undefined, 'the foreign page was refused')
  t.equal(listener.heard.length, 0)
  const own = new Listener(port, { origin: `http://127.0.0.1:${port}` })
  await own.words(1)
  t.equal(count('requestsForeign'), 2)

  for (const host of ['127.0.0.1', '127.0.0.1:80', 'localhost:8080', '[::1]:80', '10.0.0.7:1']) t.ok(isOwnHost(host), host)
  for (const host of [undefined, '', 'gate.example', '127.0.0.1.evil.example', 'a@b:c']) t.notOk(isOwnHost(host), host ?? 'none')
  t.ok(isOwnOrigin(undefined, 'localhost'), 'not a browser')
  t.notOk(isOwnOrigin('null', 'localhost'), 'a sandboxed page')
  for (const address of ['127.0.0.1', '127.9.9.9', '::1', '::ffff:127.0.0.1']) t.ok(isLoopback(address), address)
  for (const address of [undefined, '10.0.0.1', '::ffff:10.0.0.1', '1127.0.0.1']) t.notOk(isLoopback(address), address ?? 'none')
})

void t.test('a page hears the view at once, each change, and a beat', async (t) => {
  const { gate, port, clock } = await bench(t)
  const page = new Listener(port)
  await page.words(1)
  t.strictSame(page.latest, { build: '0123456789abcdef', languages: ['vi', 'zh', 'en'], mirror: false, view: idle })
  gate.publish('view', face)
  await page.words(2)
  t.strictSame(page.latest?.view, face)
  t.equal(page.latest?.mirror, true)
  clock.advance(screenLimits.beat_ms)
  await page.words(3)
  t.strictSame(page.heard[2], page.heard[1], 'the beat repeats what is true')
})

void t.test('a gate that cannot work has no view, but an emergency stays one', async (t) => {
  const { gate, port } = await bench(t)
  const page = new Listener(port)
  await page.words(1)
  gate.publish('health', { status: 'failed' })
  await page.words(2)
  t.equal(page.latest?.view, null)
  gate.publish('view', { ...idle, phase: 'emergency', instruction: 'leave-now', reason: 'fire-alarm' })
  await page.words(3)
  t.equal(page.latest?.view?.instruction, 'leave-now')
  gate.publish('health', { status: 'ready' })
  await page.words(4)
  gate.publish('view', { ...idle, phase: 'no-such-phase' } as unknown as GateView)
  await page.words(5)
  t.equal(page.latest?.view, null, 'a view that breaks its schema is not shown')
})

void t.test('nothing personal can pass', async (t) => {
  const { gate, port } = await bench(t)
  const page = new Listener(port)
  await page.words(1)
  const leaky = { ...idle, name: 'LEAK', steps: [{ step: 'document', status: 'now', number: 'LEAK' }], document: { mrz: 'LEAK' } }
  gate.publish('view', leaky as unknown as GateView)
  gate.publish('view', { ...face, reason: 'watchlist-hit', holder: 'LEAK' } as unknown as GateView)
  await page.words(3)
  t.notMatch(JSON.stringify(page.heard), /LEAK|watchlist/)

  const known = new Set(['passage', 'phase', 'instruction', 'steps', 'reason', 'attempt'])
  const anyView = fc.record({
    passage: fc.integer(), phase: fc.constantFrom(...Phase.enum), instruction: fc.constantFrom(...Instruction.enum),
    steps: fc.array(fc.record({ step: fc.constantFrom('document', 'face'), status: fc.constantFrom('todo', 'now'), extra: fc.anything() })),
    reason: fc.option(fc.constantFrom(...Reason.enum), { nil: undefined }), attempt: fc.integer({ min: 1 }),
  })
  fc.assert(fc.property(anyView, fc.dictionary(fc.string(), fc.anything()), (view, extra) => {
    const { reason, ...rest } = view
    const passed = shown({ ...extra, ...rest, ...(reason === undefined ? {} : { reason }) })
    if (reason === undefined && 'reason' in extra) return
    t.ok(Object.keys(passed).every((key) => known.has(key)))
    t.ok(passed.steps.every((step) => Object.keys(step).length === 2))
    t.notOk(passed.reason !== undefined && discreetReasons.has(passed.reason))
  }), { numRuns: 60 })
  fc.assert(fc.property(fc.anything(), (value) => {
    try {
      shown(value)
    } catch (error) {
      t.match(error, { code: 'PC-SCREEN-VIEW' })
    }
  }), { numRuns: 60 })
})

void t.test('pages are bounded: one too many is told so, and room comes free', async (t) => {
  const { port, count, server } = await bench(t, { limits: { viewersMax: 2 } })
  const [first, second] = [new Listener(port), new Listener(port)]
  await first.words(1)
  await second.words(1)
  const third = new Listener(port)
  await until(() => third.closed !== undefined, 'the third page was dismissed')
  t.match(third.closed, { code: 1013, reason: /^PC-SCREEN-FULL: 2 pages already watch/ })
  t.equal(third.heard.length, 0)
  t.equal(count('viewersRefused'), 1)
  t.equal(server.component.read('viewers'), 2)
  first.socket.close()
  await until(() => first.closed !== undefined, 'the first page left')
  await until(() => (count('viewers'), server.component.read('viewers') === 1), 'its place came free')
  await new Listener(port).words(1)
})

void t.test('a page that talks is dismissed', async (t) => {
  const { port, count } = await bench(t)
  const page = new Listener(port)
  await page.words(1)
  page.socket.send('{"view":"mine"}')
  await until(() => page.closed !== undefined, 'it was dismissed')
  t.equal(page.closed?.code, 1008)
  t.equal(count('viewersTalking'), 1)
})

void t.test('a page that stops answering is dropped, one that answers stays', async (t) => {
  const { port, clock, count } = await bench(t)
  const [dead, alive] = [new Listener(port), new Listener(port)]
  await dead.words(1)
  await alive.words(1)
  dead.socket.pause()
  const pinged = (): Promise<unknown> => once(alive.socket, 'ping')
  for (let beats = 0; beats < 12; beats++) {
    const answered = pinged()
    clock.advance(screenLimits.beat_ms)
    await answered
    await sleep(systemClock, 5)
  }
  t.equal(count('viewersSilent'), 1)
  t.equal(alive.closed, undefined)
  dead.socket.terminate()
})

void t.test('a page that cannot keep up is dropped rather than buffered for', async (t) => {
  const { gate, port, count } = await bench(t, { limits: { silent_ms: Infinity } })
  const [slow, quick] = [new Listener(port), new Listener(port)]
  await slow.words(1)
  await quick.words(1)
  slow.socket.pause()
  for (let passage = 1; passage < 1_000 && count('viewersSlow') === 0; passage++) {
    for (let again = 0; again < 500; again++) gate.publish('view', { ...idle, passage: passage * 1_000 + again })
    await sleep(systemClock, 0)
  }
  t.equal(count('viewersSlow'), 1)
  const last: GateView = { ...idle, passage: -1 }
  gate.publish('view', last)
  await until(() => quick.latest?.view?.passage === -1, 'the other page heard the last view')
  slow.socket.terminate()
})

void t.test('the mirror shows the traveller of this passage while their face is taken, and nobody else', async (t) => {
  const { gate, camera, clock, port, count } = await bench(t)
  const film = (size = 64, taken = clock.now()): void => camera.stream('frames', { sequence: 1, taken, jpeg: Buffer.concat([jpeg], size) })
  t.match(await ask(port, '/mirror'), { status: 204, body: '' })

  clock.advance(100)
  gate.publish('view', face)
  const watcher = new Watcher(port)
  await until(() => watcher.status === 200, 'the mirror opened')
  film(64, clock.now() - 50)
  t.equal(count('framesTooOld'), 1, 'a picture from before this phase is not shown')
  film()
  await until(() => watcher.pictures === 1, 'a picture came')
  t.match(watcher.received, /^--next-picture\r\ncontent-type: image\/jpeg\r\ncontent-length: 64\r\n\r\n/)
  await until(() => watcher.received.endsWith('\r\n--next-picture\r\n'), 'the boundary that shows it came with it')
  film()
  clock.advance(screenLimits.frameGap_ms - 1)
  film()
  clock.advance(1)
  film()
  await until(() => watcher.pictures === 2, 'the next picture came when its time had come')
  film(screenLimits.frame_B_max + 1)
  t.equal(count('framesTooLarge'), 1)
  t.equal(count('framesSkipped'), 2)

  gate.publish('view', { ...face, passage: 3 })
  await until(() => watcher.ended, 'the stream ended with the passage')
  gate.publish('view', idle)
  film()
  t.equal(watcher.pictures, 2)
  t.equal(count('framesShown'), 2)
  t.match(await ask(port, '/mirror'), { status: 204, body: '' })
})

void t.test('mirrors are bounded, and one that takes nothing is dropped', async (t) => {
  const { gate, camera, clock, port, count } = await bench(t, { limits: { mirrorsMax: 1 } })
  gate.publish('view', face)
  const stuck: Socket = connect(port, '127.0.0.1')
  t.teardown(() => stuck.destroy())
  stuck.write(`GET /mirror HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n`)
  await once(stuck, 'readable')
  const refused = await ask(port, '/mirror')
  t.equal(refused.status, 503)
  t.match(refused.body, 'PC-SCREEN-MIRROR-FULL')
  const large = Buffer.concat([jpeg], 1_500_000)
  await until(() => {
    camera.stream('frames', { sequence: 1, taken: clock.now(), jpeg: large })
    clock.advance(screenLimits.frameGap_ms)
    return count('mirrorsStalled') === 1
  }, 'the stalled mirror was dropped')
  const next = new Watcher(port)
  await until(() => next.status === 200, 'its place came free')
})

void t.test('what cannot start says why, and what stops leaves nothing behind', async (t) => {
  const { server, clock, port } = await bench(t)
  const model = new DeviceModel()
  const gate = new Component('gate', Gate, clock, { selfTest: noSelfTest, decide: async () => ({}), service: async () => ({}) })
  model.add(gate)
  const base: ScreenOptions = { model, gate: 'gate', clock, log: silent, port: 0, languages: ['en'], pageDir: await pageDir(t) }
  await t.rejects(new ScreenServer({ ...base, pageDir: join(base.pageDir, 'none') }).start(), { code: 'PC-SCREEN-PAGE' })
  await writeFile(join(base.pageDir, 'build.json'), '{"build":"<script>"}')
  await t.rejects(new ScreenServer(base).start(), { code: 'PC-SCREEN-PAGE' })
  await writeFile(join(base.pageDir, 'build.json'), '{"build":"0123456789abcdef"}')
  const taken = new ScreenServer({ ...base, port })
  await t.rejects(taken.start(), { code: 'PC-SCREEN-ADDRESS' })
  t.match(taken.component.health, { status: 'failed', code: 'PC-SCREEN-ADDRESS' })
  await t.rejects(new ScreenServer({ ...base, camera: 'gate' }).start(), { code: 'PC-DEVICE-CONTRACT' })
  t.throws(() => new ScreenServer({ ...base, languages: [] }), { code: 'PC-SCREEN-LANGUAGE' })

  const page = new Listener(port)
  await page.words(1)
  t.match(await server.component.invoke('selfTest', {}), { passed: true })
  await Promise.all([server.stop(), server.stop()])
  await until(() => page.closed !== undefined, 'the page was let go')
  t.equal(clock.pending, 0, 'no timer is left')
  t.equal(server.address, undefined)
  t.equal(server.component.health.status, 'stopped')
  const abort = new AbortController()
  const other = new ScreenServer(base)
  await other.start(abort.signal)
  abort.abort()
  await until(() => other.component.health.status === 'stopped', 'the signal stopped it')
  await rm(base.pageDir, { recursive: true })
  await t.rejects(other.start(abort.signal), { code: 'PC-BASE-CANCELLED' })
})
