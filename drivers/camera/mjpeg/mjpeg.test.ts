import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type RequestListener } from 'node:http'
import { createServer as createRawServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import t, { type Test } from 'tap'
import { systemClock } from '../../../edge/base/clock.ts'
import { createLogger } from '../../../edge/base/log.ts'
import { mistakes } from '../../../edge/base/schema.ts'
import { sleep, within } from '../../../edge/base/wait.ts'
import type { Frame } from '../../../edge/device/capabilities.ts'
import { conformance, standaloneContext, until } from '../../kit/conformance.ts'
import { testCard } from '../test-card.ts'
import { authorization, credentialOf } from '../authorization.ts'
import { driver } from './driver.ts'
import { MjpegTwin, type MjpegTwinOptions } from './twin.ts'

type Camera = ReturnType<typeof driver.create>['component']

function nextFrame(camera: Camera): Promise<Frame> {
  let stop = (): void => undefined
  return within({ clock: systemClock, limit_ms: 15_000, code: 'PC-TEST-FRAME', message: 'No frame came.' }, () => new Promise<Frame>((resolve) => {
    stop = camera.onStream('frames', resolve)
  })).finally(() => stop())
}

const quick = { reconnect_ms: 20 }

conformance(t, {
  driver,
  twin: () => new MjpegTwin(),
  options: quick,
  answers: false,
  figures: ['rate', 'age', 'width', 'height', 'brightness', 'sharpness'],
  async exercise(camera) {
    const first = await nextFrame(camera)
    const second = await nextFrame(camera)
    if (second.sequence <= first.sequence || first.jpeg[0] !== 0xff) throw new Error('it shows no new pictures')
  },
})

interface Scene {
  camera: Camera
  twin: MjpegTwin
  /** Everything that was logged. */
  log: string[]
}

function scene(name: string, options: { twin?: MjpegTwinOptions; driver?: Record<string, unknown>; secrets?: Record<string, string> }, body: (t: Test, scene: Scene) => Promise<void>): void {
  void t.test(name, async (t) => {
    const twin = new MjpegTwin(options.twin)
    const log: string[] = []
    const given = { ...await twin.start(), ...quick, ...options.driver }
    t.strictSame(mistakes(driver.options, given), [])
    const device = driver.create(given as never, {
      ...standaloneContext('camera'),
      log: createLogger('trace', { write: (line) => void log.push(line) }),
      secret: (reference) => Promise.resolve(Buffer.from(options.secrets?.[reference] ?? '')),
    })
    await device.start(new AbortController().signal)
    try {
      await body(t, { camera: device.component, twin, log })
    } finally {
      await device.stop()
      await twin.stop()
    }
  })
}

const failedWith = async (t: Test, camera: Camera, code: string | RegExp): Promise<void> => {
  await until(() => camera.health.status === 'failed', `it fails with ${code}`)
  t.match(camera.health, { code, says: /.\.$/ })
}

scene('a frozen camera is noticed, and used again when it lives', {}, async (t, { camera, twin }) => {
  const stuck: string[] = []
  camera.onEvent('stuck', ({ reason }) => stuck.push(reason))
  await nextFrame(camera)
  twin.world.freeze()
  await failedWith(t, camera, 'PC-CAMERA-FROZEN')
  t.strictSame(stuck, ['frozen'])
  twin.world.go()
  await nextFrame(camera)
  t.equal(camera.health.status, 'ready')
  t.strictSame(camera.read('identity'), { manufacturer: 'Portcullis twin', model: 'MJPEG 640x480' })
})

scene('a silent camera is noticed, and used again when it speaks', {}, async (t, { camera, twin }) => {
  const stuck: string[] = []
  camera.onEvent('stuck', ({ reason }) => stuck.push(reason))
  await nextFrame(camera)
  twin.world.silence()
  await failedWith(t, camera, 'PC-CAMERA-SILENT')
  twin.faults.mute = true
  t.strictSame(stuck, ['silent'])
  twin.faults.mute = false
  twin.world.go()
  await nextFrame(camera)
  t.equal(camera.health.status, 'ready')
})

scene('a still picture is not a frozen camera', {}, async (t, { camera, twin }) => {
  const [still = new Uint8Array()] = await testCard(160, 120)
  twin.world.play([still], { rate: 50 })
  const before = (await nextFrame(camera)).sequence
  await until(() => (camera.read('counters')?.['framesIn'] ?? 0) > before + 50, 'it has played for a second')
  t.equal(camera.health.status, 'ready')
  t.equal(camera.read('counters')?.['stuck'], 0)
})

scene('truncated and oversized pictures are counted and never shown; the next ones are', { driver: { frame_bytes_max: 40_000 } }, async (t, { camera, twin }) => {
  const sizes = new Set<number>()
  camera.onStream('frames', ({ jpeg }) => sizes.add(jpeg.length))
  const pictures = await testCard(160, 120)
  const large = Buffer.concat([(pictures[0] ?? new Uint8Array()).subarray(0, -2), Buffer.alloc(50_000), Buffer.from([0xff, 0xd9])])
  twin.world.play(pictures)
  await nextFrame(camera)
  twin.faults.truncateNext = 2
  await until(() => camera.read('counters')?.['truncated'] === 2, 'both are counted')
  twin.world.play([...pictures, large])
  await until(() => (camera.read('counters')?.['oversized'] ?? 0) > 0, 'the large one is counted')
  await nextFrame(camera)
  t.ok(Math.max(...sizes) < 40_000)
  t.equal(camera.health.status, 'ready')
})

void t.test('a slow listener gets the newest picture and misses others, which are counted', async (t) => {
  // In a thread of its own, so that the camera goes on while the listener is busy.
  const elsewhere = new Worker(new URL('./twin-thread.ts', import.meta.url))
  const [url] = await once(elsewhere, 'message') as [string]
  const device = driver.create(withDefaults({ url, rate_max: 120, silence_ms: 2_000, ...quick }), standaloneContext('camera'))
  await device.start(new AbortController().signal)
  const steps: number[] = []
  let last = 0
  device.component.onStream('frames', ({ sequence }) => {
    for (const end = performance.now() + 150; performance.now() < end;) continue
    steps.push(sequence - last)
    last = sequence
  })
  await until(() => steps.length >= 8, 'it has seen some pictures')
  t.ok(steps.filter((step) => step > 3).length > 4, `it went on by ${steps.join(' ')}`)
  t.ok((device.component.read('counters')?.['dropped'] ?? 0) > 3, 'the missed ones are counted')
  t.equal(device.component.health.status, 'ready', 'a slow listener does not make the camera look silent')
  await device.stop()
  await elsewhere.terminate()
})

const open = { user: 'gate', password: 'open:sesame-42' }
for (const scheme of ['basic', 'digest'] as const) {
  scene(`signs in by ${scheme}, and tells nobody`, {
    twin: { credential: { ...open, scheme } }, driver: { credential: 'credential:camera' }, secrets: { 'credential:camera': 'gate:open:sesame-42\n' },
  }, async (t, { camera, log }) => {
    await nextFrame(camera)
    const told = JSON.stringify([log, camera.health, camera.read('identity'), camera.read('counters')])
    t.notMatch(told, /sesame|b3BlbjpzZXNhbWU|Z2F0ZTpvcGVu/)
    t.ok(log.length > 0)
  })
}

scene('a wrong password', { twin: { credential: { ...open, scheme: 'digest' } }, driver: { credential: 'credential:camera' }, secrets: { 'credential:camera': 'gate:sesame' } },
  async (t, { camera, log }) => {
    await failedWith(t, camera, 'PC-CAMERA-AUTH')
    t.notMatch(JSON.stringify([log, camera.health]), /sesame/)
  })
scene('no password where one is needed', { twin: { credential: { ...open, scheme: 'basic' } } }, (t, { camera }) => failedWith(t, camera, 'PC-CAMERA-AUTH'))
scene('a credential without a colon', { twin: { credential: { ...open, scheme: 'basic' } }, driver: { credential: 'credential:camera' }, secrets: { 'credential:camera': 'sesame' } },
  (t, { camera }) => failedWith(t, camera, 'PC-CAMERA-CREDENTIAL'))
scene('something else than pictures', { twin: { contentType: 'text/html' } }, (t, { camera }) => failedWith(t, camera, 'PC-CAMERA-CONTENT'))

for (const [name, twin] of Object.entries({
  'dashes in the boundary': { boundary: '--myboundary', delimiter: '--myboundary' },
  'no dashes at all': { boundary: 'cut', delimiter: 'cut' },
  'no length': { contentLength: false },
} satisfies Record<string, MjpegTwinOptions>)) {
  scene(`a camera with ${name}`, { twin }, async (t, { camera }) => {
    t.equal((await nextFrame(camera)).jpeg.at(-1), 0xd9)
  })
}

scene('the self-test tells how light and how sharp a scene is, and fails a black one', {}, async (t, { camera, twin, log }) => {
  const { default: sharp } = await import('sharp')
  const [card = new Uint8Array()] = await testCard(800, 700)
  const plain = (grey: number): Promise<Buffer> => sharp({ create: { width: 800, height: 700, channels: 3, background: { r: grey, g: grey, b: grey } } }).jpeg().toBuffer()
  const tested = async (picture: Uint8Array) => {
    twin.world.play([picture], { rate: 50 })
    await until(() => camera.health.status === 'ready', 'it is ready')
    // What was under way of the scene before is not what is asked for.
    await sleep(systemClock, 150)
    const { passed, checks } = await camera.invoke('selfTest', {})
    return { passed, failed: checks.filter((check) => !check.passed).map(({ name }) => name), of: Object.fromEntries(checks.map(({ name, value }) => [name, value ?? Number.NaN])), checks }
  }
  const clear = await tested(card)
  t.match(clear, { passed: true, failed: [], of: { width: 800, height: 700 } })
  t.ok(clear.of['age']! >= 0 && clear.of['age']! <= 800, `it is ${clear.of['age']} ms old`)
  const soft = await tested(await sharp(card).blur(3).jpeg().toBuffer())
  t.equal(soft.passed, true)
  t.ok(clear.of['sharpness']! > 5 * soft.of['sharpness']!, `sharpness ${clear.of['sharpness']}, blurred ${soft.of['sharpness']}`)
  t.ok(Math.abs(clear.of['brightness']! - soft.of['brightness']!) < 2, 'blur takes no light')
  t.strictSame((await tested(await plain(0))).failed, ['brightness', 'sharpness'], 'black')
  t.strictSame((await tested(await plain(255))).failed, ['brightness', 'sharpness'], 'white')
  const grey = await tested(await plain(128))
  t.strictSame(grey.failed, ['sharpness'], 'misted')
  t.ok(Math.abs(grey.of['brightness']! - 128) <= 1, `brightness ${grey.of['brightness']}`)
  const told = JSON.stringify([log, clear.checks, camera.read('counters')])
  t.notMatch(told, /\/9j\/|255,216,255|ffd8ff/i, 'no picture is told or logged')
})

scene('an unplug in the middle of a picture', {}, async (t, { camera, twin }) => {
  const [picture = new Uint8Array()] = await testCard(160, 120)
  await nextFrame(camera)
  // Half a picture is under way when the cable is pulled.
  twin.faults.truncateNext = 1_000
  twin.world.play([picture])
  await sleep(systemClock, 100)
  await twin.unplug()
  await failedWith(t, camera, /^PC-LINK-(LOST|OPEN)$/)
  twin.faults.truncateNext = 0
  await twin.plug()
  await nextFrame(camera)
  t.equal(camera.health.status, 'ready')
})

scene('several watch one camera', {}, async (t, { camera, twin }) => {
  const second = driver.create(withDefaults({ url: twin.url, ...quick }), standaloneContext('second'))
  await second.start(new AbortController().signal)
  await Promise.all([nextFrame(camera), nextFrame(second.component)])
  t.equal(twin.clients, 2)
  await second.stop()
})

/** The options as the profile gives them to the driver. */
function withDefaults(options: Record<string, unknown>): never {
  mistakes(driver.options, options)
  return options as never
}

/** What the driver makes of a server that is no camera. */
async function against(t: Test, server: { listen(port: number, host: string, done: () => void): unknown; address(): unknown; close(done: () => void): unknown }, code: string): Promise<void> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  const options = withDefaults({ url: `http://127.0.0.1:${port}/?pwd=sesame`, open_ms: 400, first_frame_ms: 300, ...quick })
  const device = driver.create(options, standaloneContext('camera'))
  await device.start(new AbortController().signal)
  await failedWith(t, device.component, code)
  t.notMatch(JSON.stringify(device.component.health), /sesame/, 'a password in the query is not told')
  await device.stop()
  await new Promise<void>((resolve) => server.close(resolve))
}

void t.test('servers that are no camera', async (t) => {
  const http = (answer: RequestListener) => createServer((request, response) => {
    response.setHeader('connection', 'close')
    answer(request, response)
  })
  await against(t, http((_, response) => response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end()), 'PC-CAMERA-HTTP')
  await against(t, http((_, response) => response.writeHead(500).end()), 'PC-CAMERA-HTTP')
  await against(t, http((_, response) => response.writeHead(200, { 'content-type': 'multipart/x-mixed-replace' }).end()), 'PC-CAMERA-CONTENT')
  await against(t, http((_, response) => response.writeHead(401, { 'www-authenticate': 'Negotiate' }).end()), 'PC-CAMERA-AUTH')
  await against(t, http((_, response) => response.writeHead(200, { 'content-type': 'multipart/x-mixed-replace; boundary=b' }).end('--b\r\n\r\n')), 'PC-LINK-LOST')
  await against(t, http((_, response) => void response.writeHead(200, { 'content-type': 'multipart/x-mixed-replace; boundary=b' }).write('--b\r\n\r\n')), 'PC-CAMERA-SILENT')
  await against(t, http((_, response) => response.writeHead(200, { 'x-long': 'x'.repeat(20_000) }).end()), 'PC-LINK-OPEN')
  await against(t, createRawServer((socket) => socket.on('error', () => undefined).resume().end('SSH-2.0-OpenSSH\r\n')), 'PC-LINK-OPEN')
  const mute = createRawServer((socket) => socket.on('error', () => undefined).resume())
  await against(t, mute, 'PC-LINK-OPEN')
})

void t.test('passwords do not belong in the address', async (t) => {
  t.not(mistakes(driver.options, { url: 'http://user:password@camera/stream' }).length, 0)
  t.not(mistakes(driver.options, { url: 'file:///etc/passwd' }).length, 0)
  t.not(mistakes(driver.options, { url: 'http://camera/', credential: 'gate:sesame' }).length, 0)
  t.strictSame(mistakes(driver.options, { url: 'http://camera/video@1?a=b@c', credential: 'file:/etc/camera' }), [])
})

void t.test('digest answers as in the examples of RFC 7616, 3.9.1', async (t) => {
  const values = 'realm="http-auth@example.org", qop="auth, auth-int", nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
  const answer = (header: string): string | undefined =>
    authorization(header, { user: 'Mufasa', password: 'Circle of Life' }, { method: 'GET', uri: '/dir/index.html' }, 'f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ')
  t.match(answer(`Digest ${values}, algorithm=MD5`), /response="8ca523f5e9506fed4657c9700eebdbec"/)
  t.match(answer(`Digest ${values}, algorithm=SHA-256`), /response="753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"/)
  t.match(answer(`Basic realm="x", Digest ${values}`), /^Digest /, 'digest before basic')
  t.match(answer(`Digest ${values}, algorithm=UNKNOWN, Basic realm="x"`), /^Basic TXVmYXNhOkNpcmNsZSBvZiBMaWZl$/)
  t.equal(answer('Bearer realm="x"'), undefined)
  t.equal(answer(''), undefined)
  t.equal(authorization('Digest realm="a", nonce="b"', { user: 'x" , y="', password: '' }, { method: 'GET', uri: '/' }, 'c'), undefined, 'no header is smuggled in')
  // RFC 2617 3.5 without qop, computed as RFC 2069 says.
  t.notMatch(answer('Digest realm="a", nonce="b"'), /qop|cnonce/)
  t.strictSame(credentialOf(Buffer.from('a:b:c\n')), { user: 'a', password: 'b:c' })
  t.equal(credentialOf(Buffer.from('abc')), undefined)
})

const openssl = spawnSync('openssl', ['version']).status === 0
void t.test('https', { skip: openssl ? false : 'openssl is not here to make a certificate' }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'portcullis-camera-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
  spawnSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', key, '-out', cert, '-days', '2', '-subj', '/CN=camera'])
  const tls = { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') }
  scene('a certificate that nobody vouches for', { twin: { tls } }, (t, { camera }) => failedWith(t, camera, 'PC-CAMERA-TLS'))
  scene('a camera that signed its own, for another name', { twin: { tls }, driver: { ca: 'file:camera.pem' }, secrets: { 'file:camera.pem': tls.cert } }, async (t, { camera }) => {
    t.ok(await nextFrame(camera))
  })
  scene('no certificate in the file', { twin: { tls }, driver: { ca: 'file:camera.pem' }, secrets: { 'file:camera.pem': 'nothing' } }, (t, { camera }) => failedWith(t, camera, 'PC-CAMERA-CA'))
})
