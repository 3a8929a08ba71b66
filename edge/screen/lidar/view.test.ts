import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { chromium, type Page } from 'playwright-core'
import t from 'tap'
import { WebSocket } from 'ws'
import { systemClock } from '../../base/clock.ts'
import { CloudRing, pointKinds } from '../../perception/obstacles/cloud.ts'
import { LidarViewServer } from './server.ts'
import type { LidarScene } from './teller.ts'
import type { ViewState } from './wire.ts'

// A browser on a busy machine: no test here is about speed.
t.setTimeout(120_000)

const executablePath = process.env['CHROMIUM'] ?? '/usr/bin/chromium'
const args = ['--headless=new', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync']

const calm: ViewState = { kind: 'state', decision: { level: 'clear' }, fields: 'creep', sources: { front: 'ok' }, objects: [], latency_ms: { p50: 0.1, p99: 0.4, max: 2 } }

/** One source that sees a post 3 m ahead of the vehicle, on flat ground. */
function sceneOf(): { scene: LidarScene & { shown: ViewState }; turn(number: number): void } {
  const ring = new CloudRing(1_000)
  const turn = (number: number): void => {
    const cloud = ring.begin(number)
    for (let at = 0; at < 100; at++) {
      cloud.x[at] = 3
      cloud.z[at] = at / 50
      cloud.kind[at] = pointKinds.obstacle
    }
    for (let at = 100; at < 200; at++) {
      cloud.x[at] = 2 + at / 50
      cloud.y[at] = -3
      cloud.kind[at] = pointKinds.ground
    }
    cloud.count = 200
    ring.end()
  }
  turn(1)
  const scene: LidarScene & { shown: ViewState } = {
    shown: calm,
    setup: {
      kind: 'setup', title: 'a post', sources: [{ name: 'front', x: 0.5, y: 0 }], body: [[[-0.5, -0.4], [0.5, -0.4], [0.5, 0.4], [-0.5, 0.4]]],
      fields: [{ name: 'creep', stop: [[0.5, -0.5], [1.5, -0.5], [1.5, 0.5], [0.5, 0.5]] }, { name: 'fast', stop: [[0.5, -0.5], [9, -0.5], [9, 0.5]] }],
    },
    clouds: [ring],
    state: () => scene.shown,
  }
  return { scene, turn }
}

const text = async (page: Page, id: string): Promise<string> => (await page.locator(`#${id}`).textContent()) ?? ''

/** The brightest of the pixels around a place of the vehicle's frame, as the page draws it before anybody zooms. */
const brightness = async (page: Page, x: number, y: number): Promise<number> => await page.evaluate(({ x, y }) => {
  const canvas = document.querySelector('canvas')
  if (canvas === null) return 0
  // The farthest corner of a field is 9.01 m away, and the page shows a little more.
  const scale = (Math.min(canvas.clientWidth, canvas.clientHeight) / (2 * 1.3 * Math.hypot(9, 0.5))) * devicePixelRatio
  const [px, py] = [canvas.width / 2 - y * scale, canvas.height / 2 - x * scale]
  const data = canvas.getContext('2d')?.getImageData(px - 4, py - 4, 9, 9).data ?? []
  return Math.max(...data.filter((_, at) => at % 4 < 3))
}, { x, y })

const skip = existsSync(executablePath) ? false : `${executablePath} is not installed`

void t.test('the lidar view in a browser', { skip }, async (t) => {
  const folder = t.testdir()
  const bundle = `import { bundlePage } from ${JSON.stringify(join(import.meta.dirname, '../../../tools/bundle/bundle-page.ts'))}; await bundlePage(${JSON.stringify(folder)}, 'lidar-view')`
  await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', bundle])
  const { scene } = sceneOf()
  const server = new LidarViewServer({ scene, clock: systemClock, port: 0, pageDir: folder })
  const address = await server.start()
  const browser = await chromium.launch({ executablePath, args })
  t.teardown(async () => {
    await browser.close()
    await server.stop()
  })
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } })
  const complaints: string[] = []
  page.on('console', (message) => {
    // That this test reads the canvas is nothing that the page could do better.
    if (!message.text().includes('willReadFrequently')) complaints.push(message.text())
  })
  page.on('pageerror', (error) => complaints.push(error.message))
  await page.goto(address)
  await page.getByText('clear', { exact: true }).waitFor()
  t.equal(await text(page, 'title'), 'a post')
  t.match(await text(page, 'figures'), /creep.*200.*0\.10 \/ 0\.40 \/ 2\.00 ms/)
  await page.waitForFunction(() => (document.querySelector('canvas')?.width ?? 0) > 500)
  t.ok(await brightness(page, 3, 0) > 150, 'the post is drawn where it is')
  t.ok(await brightness(page, 3.02, -3) < 80, 'the ground is not')
  await page.getByLabel('show the ground').check()
  await page.waitForTimeout(200)
  t.ok(await brightness(page, 4.01, -3) >= 0x5e, 'until it is asked for')
  scene.shown = { ...calm, decision: { level: 'stop', limit_mps: 0, cause: { kind: 'field', source: 'front', field: 'creep', x: 1.2, y: -0.3, z: 0.4 } }, sources: { front: '<b>blinded</b>' }, objects: [{ id: 7, class: 'person', x: 3, y: 0, z: 1, length: 0.3, width: 0.3, height: 1.7, heading_rad: 0, vx: 1, vy: 0, confidence: 1, seenBy: ['lidar'] }] }
  await page.getByText('stop', { exact: true }).waitFor()
  t.equal(await text(page, 'cause'), 'Something is in creep at 1.2 m ahead, 0.3 m right, seen by front.')
  t.match(await text(page, 'objects'), /7person3\.01\.0/)
  t.equal(await page.locator('#sources b').count(), 0, 'what is said is text, and never markup')
  scene.shown = { ...calm, fields: 'creep, fast' }
  await page.getByText('creep, fast', { exact: true }).waitFor()
  // The words come before the picture.
  for (let tries = 0; await brightness(page, 1.5, 0.3) <= 150 && tries < 500; tries++) await page.waitForTimeout(20)
  t.ok(await brightness(page, 1.5, 0.3) > 150 && await brightness(page, 9, 0.2) > 150, 'of several fields in use each is drawn')
  t.match(await page.locator('#legend').innerText(), /points, 0 to 2\.2 m high\s+ground.*stop field.*slow field.*person/s)
  t.match(await page.locator('#legend i').nth(2).evaluate((mark) => getComputedStyle(mark).backgroundColor), 'rgb(255, 89, 100)')
  await page.setViewportSize({ width: 390, height: 800 })
  t.equal(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), true, 'it fits a telephone')
  t.strictSame(complaints, [], 'the browser has nothing to complain about')
  await server.stop()
  await page.getByText('no connection').waitFor()
  t.equal(await text(page, 'cause'), 'What is shown is not live.')
})

void t.test('who looks is bounded, may say nothing, and must ask for this device', async (t) => {
  const { scene, turn } = sceneOf()
  const pageDir = t.testdir({ 'index.html': 'page', 'build.json': '{"build":"0123456789abcdef"}' })
  const server = new LidarViewServer({ scene, clock: systemClock, port: 0, pageDir, limits: { viewersMax: 1 } })
  const address = await server.start()
  t.teardown(() => server.stop())
  const open = (headers: Record<string, string> = {}): WebSocket => new WebSocket(`${address.replace('http', 'ws')}/scene`, { headers })
  const ended = (socket: WebSocket): Promise<string> => new Promise((resolve) => {
    socket.on('close', (_, reason) => resolve(String(reason)))
    socket.on('error', (error) => resolve(error.message))
  })
  const first = open()
  const heard: unknown[] = []
  first.on('message', (data: Buffer, binary: boolean) => heard.push(binary ? 'cloud' : JSON.parse(data.toString()).kind))
  await new Promise((resolve) => first.once('open', resolve))
  t.match(await ended(open()), /^PC-SCREEN-FULL/)
  t.match(await ended(open({ host: 'evil.example' })), /403/)
  t.match(await ended(open({ origin: 'http://evil.example' })), /403/)
  turn(2)
  while (heard.filter((kind) => kind === 'cloud').length < 2) await new Promise((resolve) => first.once('message', resolve))
  t.strictSame(heard.slice(0, 2), ['setup', 'cloud'], 'who comes sees what is there')
  t.ok(heard.includes('state'))
  first.send('stop')
  t.match(await ended(first), /^PC-SCREEN-TALK/)
  t.match(server.counters.snapshot(), { scenes: 1, scenesRefused: 1, scenesTalking: 1, requestsForeign: 2 })
  await t.rejects(new LidarViewServer({ scene, clock: systemClock, port: Number(new URL(address).port), pageDir }).start(), { code: 'PC-SCREEN-ADDRESS' })
  await t.rejects(new LidarViewServer({ scene, clock: systemClock, port: 0, pageDir: `${pageDir}/none` }).start(), { code: 'PC-SCREEN-PAGE' })
})
