import { spawnSync } from 'node:child_process'
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { systemClock } from '../../../edge/base/clock.ts'
import { createLogger } from '../../../edge/base/log.ts'
import { mistakes } from '../../../edge/base/schema.ts'
import { within } from '../../../edge/base/wait.ts'
import type { Frame } from '../../../edge/device/capabilities.ts'
import { conformance, standaloneContext, until } from '../../kit/conformance.ts'
import { bareStart, PictureStream, pictureSize } from '../jpeg.ts'
import { measure } from '../self-test.ts'
import { testCard } from '../test-card.ts'
import { callFor } from './arguments.ts'
import { driver } from './driver.ts'
import { scanOf } from './rtp-jpeg.ts'
import { RtspTwin, type RtspTwinOptions } from './rtsp-twin.ts'

type Camera = ReturnType<typeof driver.create>['component']

const skip = spawnSync('ffmpeg', ['-version']).status === 0 ? false : 'ffmpeg is not installed'
const folder = mkdtempSync(join(tmpdir(), 'portcullis-camera-'))
t.teardown(() => rmSync(folder, { recursive: true }))
const recording = join(folder, 'recording.mkv')
if (skip === false) spawnSync('ffmpeg', ['-loglevel', 'error', '-f', 'lavfi', '-i', 'testsrc2=size=320x240:rate=25', '-t', '1', '-c:v', 'libx264', '-preset', 'ultrafast', recording])

function nextFrame(camera: Camera): Promise<Frame> {
  let stop = (): void => undefined
  return within({ clock: systemClock, limit_ms: 15_000, code: 'PC-TEST-FRAME', message: 'No frame came.' }, () => new Promise<Frame>((resolve) => {
    stop = camera.onStream('frames', resolve)
  })).finally(() => stop())
}

/** The ffmpeg processes that this test's process has started, by number. */
function children(): number[] {
  return readdirSync('/proc/self/task').flatMap((task) => readFileSync(`/proc/self/task/${task}/children`, 'utf8').trim().split(' ')).filter(Boolean).map(Number)
    .filter((pid) => readFileSync(`/proc/${pid}/comm`, 'utf8').trim() === 'ffmpeg')
}

const quick = { reconnect_ms: 20 }

async function using(options: Record<string, unknown>, body: (camera: Camera, log: string[]) => Promise<void>, secret = ''): Promise<void> {
  const given = { ...options, ...quick }
  const wrong = mistakes(driver.options, given)
  if (wrong.length > 0) throw new Error(JSON.stringify(wrong))
  const log: string[] = []
  const device = driver.create(given as never, {
    ...standaloneContext('camera'),
    log: createLogger('trace', { write: (line) => void log.push(line) }),
    secret: () => Promise.resolve(Buffer.from(secret)),
  })
  await device.start(new AbortController().signal)
  try {
    await body(device.component, log)
  } finally {
    await device.stop()
  }
}

const failedWith = async (t: Test, camera: Camera, code: string): Promise<void> => {
  await until(() => camera.health.status === 'failed', `it fails with ${code}`)
  t.match(camera.health, { code, says: /.\.$/ })
}

if (skip === false) {
  conformance(t, {
    driver,
    twin: () => new RtspTwin(),
    options: quick,
    answers: false,
    figures: ['rate', 'age', 'width', 'height', 'brightness', 'sharpness'],
    async exercise(camera) {
      const first = await nextFrame(camera)
      const second = await nextFrame(camera)
      if (second.sequence <= first.sequence) throw new Error('it shows no new pictures')
    },
  })
}

void t.test('a recording is a camera; its pictures are whole, its child ends with it', { skip }, async (t) => {
  await using({ input: { file: recording } }, async (camera) => {
    const { jpeg } = await nextFrame(camera)
    t.strictSame(pictureSize(jpeg), { width: 320, height: 240 })
    t.ok((await measure(jpeg)).sharpness > 50)
    t.strictSame(camera.read('identity'), { manufacturer: 'unknown', model: 'FILE 320x240' })
    t.equal(children().length, 1)
    await until(() => (camera.read('counters')?.['framesIn'] ?? 0) > 40, 'it has begun again after a second')
    t.match(camera.read('counters'), { truncated: 0, discardedBytes: 0, losses: 0 })
  })
  t.strictSame(children(), [])
})

void t.test('a killed ffmpeg is started again', { skip }, async (t) => {
  await using({ input: { file: recording } }, async (camera) => {
    const [pid = 0] = children()
    process.kill(pid, 'SIGKILL')
    await failedWith(t, camera, 'PC-CAMERA-FFMPEG')
    await until(() => camera.health.status === 'ready', 'it is back')
    await nextFrame(camera)
    t.not(children()[0], pid)
  })
})

void t.test('an ffmpeg that hangs is silent, is ended for sure, and started again', { skip }, async (t) => {
  await using({ input: { file: recording } }, async (camera) => {
    const [pid = 0] = children()
    process.kill(pid, 'SIGSTOP')
    await failedWith(t, camera, 'PC-CAMERA-SILENT')
    await until(() => !children().includes(pid), 'the hanging one is gone')
    await nextFrame(camera)
    t.equal(camera.health.status, 'ready')
  })
})

void t.test('what is wrong has a name', { skip }, async (t) => {
  await using({ input: { file: join(folder, 'nothing.mkv') } }, (camera) => failedWith(t, camera, 'PC-LINK-OPEN'))
  await using({ input: { v4l2: '/dev/video-not-here' } }, (camera) => failedWith(t, camera, 'PC-LINK-OPEN'))
  await using({ input: { rtsp: 'rtsp://127.0.0.1:1/live' } }, (camera) => failedWith(t, camera, 'PC-LINK-OPEN'))
  writeFileSync(join(folder, 'text.mkv'), 'this is no recording'.repeat(100))
  await using({ input: { file: join(folder, 'text.mkv') } }, (camera) => failedWith(t, camera, 'PC-CAMERA-FFMPEG'))
})

void t.test('without ffmpeg it says what to install', async (t) => {
  await using({ input: { file: recording }, program: join(folder, 'no-such-program') }, async (camera) => {
    await failedWith(t, camera, 'PC-CAMERA-FFMPEG-MISSING')
    t.match(camera.health.says, /install the Debian package ffmpeg/)
  })
})

void t.test('a chatty program is bounded and its words are not told', async (t) => {
  const program = join(folder, 'chatty')
  writeFileSync(program, '#!/bin/sh\nhead -c 3000000 /dev/zero | tr "\\0" x >&2\necho "rtsp://gate:sesame@camera failed" >&2\nexit 3\n')
  chmodSync(program, 0o755)
  await using({ input: { file: recording }, program }, async (camera, log) => {
    await failedWith(t, camera, 'PC-CAMERA-FFMPEG')
    t.match(camera.health.says, /exit code 3/)
    t.notMatch(JSON.stringify([log, camera.health]), /sesame|xxx/)
  })
})

void t.test('a number in what it says is not taken for a refusal', async (t) => {
  const program = join(folder, 'numbers')
  writeFileSync(program, '#!/bin/sh\necho "[tcp @ 0x55f401403c40] /gate-403/401.mkv: No such file or directory" >&2\nexit 1\n')
  chmodSync(program, 0o755)
  await using({ input: { file: recording }, program }, (camera) => failedWith(t, camera, 'PC-LINK-OPEN'))
})

const secret = 'gate:p\'w: @/?#%é'
const credential: RtspTwinOptions['credential'] = { user: 'gate', password: 'p\'w: @/?#%é', scheme: 'digest' }
for (const scheme of ['basic', 'digest'] as const) {
  void t.test(`an RTSP camera with a password (${scheme}) that nobody can see`, { skip }, async (t) => {
    const twin = new RtspTwin({ credential: { ...credential, scheme } })
    const options = { ...await twin.start(), credential: 'credential:camera' }
    await using(options, async (camera, log) => {
      await nextFrame(camera)
      t.strictSame(camera.read('identity'), { manufacturer: 'unknown', model: 'RTSP 640x480' })
      const shown = children().flatMap((pid) => ['cmdline', 'environ'].map((file) => readFileSync(`/proc/${pid}/${file}`, 'utf8')))
      t.ok(shown.join('').includes('pipe:0'))
      t.notMatch(JSON.stringify([shown, log, camera.health, camera.read('identity')]), /p'w|p%27w|cCd3/)
    }, secret)
    await using(options, (camera) => failedWith(t, camera, 'PC-CAMERA-AUTH'), 'gate:wrong')
    await using(options, (camera) => failedWith(t, camera, 'PC-CAMERA-CREDENTIAL'), 'wrong')
    await twin.stop()
  })
}

void t.test('a frozen and a silent RTSP camera', { skip }, async (t) => {
  const twin = new RtspTwin()
  await using(await twin.start(), async (camera) => {
    const stuck: string[] = []
    camera.onEvent('stuck', ({ reason }) => stuck.push(reason))
    await nextFrame(camera)
    twin.world.freeze()
    await failedWith(t, camera, 'PC-CAMERA-FROZEN')
    twin.world.go()
    await until(() => camera.health.status === 'ready', 'it is back')
    twin.world.silence()
    await failedWith(t, camera, 'PC-CAMERA-SILENT')
    t.strictSame(stuck, ['frozen', 'silent'])
  })
  await twin.stop()
})

void t.test('the MJPEG of a video device is passed on with the Huffman tables that cameras leave out', { skip }, async (t) => {
  const [picture = new Uint8Array()] = await testCard(160, 120)
  const tables = Buffer.from(picture).indexOf(Buffer.of(0xff, 0xc4))
  t.ok(tables > 0)
  // As the driver copies from a device, but from standard input: there is no video device here.
  const call = callFor({ input: { v4l2: '/dev/video0' }, format: 'mjpeg', transport: 'tcp', size: '160x120', rate: 30 })
  t.match(call.arguments.join(' '), /-f v4l2 -input_format mjpeg -video_size 160x120 -framerate 30 -i \/dev\/video0/)
  const input = call.arguments.indexOf('v4l2')
  const output = call.arguments.slice(call.arguments.indexOf('/dev/video0') + 1)
  const { stdout } = spawnSync('ffmpeg', [...call.arguments.slice(0, input), 'mjpeg', '-i', 'pipe:0', ...output], { input: Buffer.concat([withoutHuffmanTables(picture), withoutHuffmanTables(picture)]) })
  const found = new PictureStream(bareStart, 100_000, { add: () => undefined }).push(stdout)
  t.equal(found.length, 2)
  t.ok(Buffer.from(found[0] ?? []).includes(Buffer.of(0xff, 0xc4)))
  t.match(await measure(found[0] ?? new Uint8Array()), { width: 160, height: 120 })
})

function withoutHuffmanTables(jpeg: Uint8Array): Uint8Array {
  const rest = Buffer.from(jpeg)
  const at = rest.indexOf(Buffer.of(0xff, 0xc4))
  return at < 0 ? jpeg : withoutHuffmanTables(Buffer.concat([rest.subarray(0, at), rest.subarray(at + 2 + rest.readUInt16BE(at + 2))]))
}

void t.test('options', async (t) => {
  for (const input of [{}, { file: '/a', rtsp: 'rtsp://camera/' }, { rtsp: 'rtsp://gate:sesame@camera/' }, { rtsp: 'rtsp://camera/\'\nfile x' }, { rtsp: 'http://camera/' }, { file: 'a' }, { v4l2: '/etc/passwd' }]) {
    t.not(mistakes(driver.options, { input }).length, 0, JSON.stringify(input))
  }
  t.strictSame(mistakes(driver.options, { input: { v4l2: '/dev/video0' }, size: '640x480' }), [])
  t.not(mistakes(driver.options, { input: { v4l2: '/dev/video0' }, size: '640' }).length, 0)
})

void t.test('RTP carries baseline pictures only', async (t) => {
  const [picture = new Uint8Array()] = await testCard(160, 120)
  t.match(scanOf(picture), { type: 1, width: 160, height: 120 })
  const { default: sharp } = await import('sharp')
  for (const other of [await sharp(picture).jpeg({ progressive: true }).toBuffer(), await sharp(picture).jpeg({ chromaSubsampling: '4:4:4' }).toBuffer(), picture.subarray(0, 100)]) {
    t.throws(() => scanOf(other), { code: 'PC-TWIN-JPEG' })
  }
})
