import { existsSync } from 'node:fs'
import { chromium, type Page } from 'playwright-core'
import sharp from 'sharp'
import t, { type Test } from 'tap'
import { answerTo, secrets } from '../../access/rig.ts'
import { systemClock } from '../../base/clock.ts'
import { sleep } from '../../base/wait.ts'
import { renderedTexts } from '../page/inspection.ts'
import { contrast } from '../page/palette.ts'
import { type Bench, bench } from './page-bench.ts'
import { setGate, until } from './rig.ts'

// A browser on a busy machine: no test here is about speed.
t.setTimeout(180_000)

const executablePath = process.env['CHROMIUM'] ?? '/usr/bin/chromium'
const args = ['--headless=new', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync']
const desktop = { width: 1280, height: 900 }
const phone = { width: 390, height: 844 }

const goTo = async (page: Page, view: string): Promise<void> => {
  await page.getByRole('navigation').getByRole('link', { name: view, exact: true }).click()
}

async function login(page: Page, person: keyof typeof secrets): Promise<void> {
  await page.getByLabel('Name').fill(person)
  await page.getByLabel('Secret').fill(secrets[person])
  await page.getByRole('button', { name: 'Log in', exact: true }).click()
  await page.getByRole('heading', { name: 'site/bl1-e07' }).waitFor()
}

async function testLogin(t: Test, page: Page): Promise<void> {
  await page.getByLabel('Name').fill('nguyen')
  await page.getByLabel('Secret').fill('not the right one')
  await page.keyboard.press('Enter')
  await page.getByText('PC-ACCESS-REFUSED').waitFor()
  await page.getByRole('button', { name: 'With an answer of the authority' }).click()
  await page.getByRole('button', { name: 'Show a challenge' }).click()
  const challenge = await page.locator('.challenge').innerText()
  t.ok(await page.locator('.challenge').evaluate((element) => Number.parseFloat(getComputedStyle(element).fontSize) >= 20), 'it is shown large')
  await page.getByLabel('Its answer').fill(answerTo(challenge))
  await page.getByRole('button', { name: 'Log in', exact: true }).click()
  await page.getByText('nguyen, technician').waitFor()
  await page.getByRole('button', { name: 'Log out' }).click()
  await page.getByText('You are logged out.').waitFor()
  t.equal(await page.getByText('kettle').count(), 0, 'nothing of the device is left')
  await login(page, 'nguyen')
  t.strictSame(await page.evaluate(() => [document.cookie, Object.keys(localStorage).length]), ['', 0], 'no script can read who is logged in')
  await page.reload()
  await page.getByText('nguyen, technician').waitFor()
}

async function testPlan(t: Test, page: Page, { barrier, camera, gate }: Bench): Promise<void> {
  const plan = page.getByRole('region', { name: "The gate on the traveller's way" })
  t.equal(await plan.count(), 0, 'none before the gate says what it is made of')
  gate.publish('parts', { camera: 'camera', exit: 'barrier' })
  await plan.getByText('closed').waitFor()
  t.match(await plan.innerText(), /Before the gate[\s\S]*camera[\s\S]*barrier[\s\S]*Behind the gate/, 'with one door')
  gate.publish('parts', { reader: 'kettle', camera: 'camera', entry: 'barrier', exit: 'barrier' })
  await plan.getByText('Inside', { exact: true }).waitFor()
  barrier.publish('state', 'open')
  await plan.locator('.door[data-state=open]').first().waitFor()
  barrier.publish('state', 'closed')
  camera.publish('health', { status: 'failed', code: 'PC-CAMERA-LOST', says: 'No picture comes.' })
  await plan.locator('[data-status=failed]').getByText('camera').waitFor()
  await plan.getByRole('img', { name: 'failed' }).waitFor()
  camera.publish('health', { status: 'ready' })
  await plan.getByRole('link', { name: /camera/ }).click()
  await page.getByRole('heading', { name: /^camera/ }).waitFor()
  await goTo(page, 'Device')
}

async function testMadeUp(t: Test, page: Page, { kettle, done }: Bench): Promise<void> {
  kettle.publish('health', { status: 'degraded', code: 'PC-KETTLE-SCALE', says: 'There is scale in the kettle.' })
  const tile = page.locator('.tile', { has: page.getByText('kettle', { exact: true }) }).first()
  await tile.getByText('PC-KETTLE-SCALE').waitFor()
  t.match(await tile.innerText(), /degraded[\s\S]*There is scale in the kettle\.[\s\S]*temperature[\s\S]*21\.5[\s\S]*°C/)
  kettle.raise('whistled', { loudness: 7 })
  await page.getByText('{"loudness":7}').waitFor()
  await tile.click()
  await page.getByRole('heading', { name: /^kettle/ }).waitFor()
  for (const value of [40, 60, 80]) {
    kettle.publish('temperature', value)
    await page.locator('tr', { has: page.getByText('How hot the water is.') }).getByText(String(value), { exact: true }).waitFor()
  }
  const drawn = await page.locator('tr', { has: page.getByText('How hot the water is.') }).locator('.sparkline path').getAttribute('d')
  t.match(drawn, /^M.*H.*V.*H.*V/, 'the last minutes of a number are drawn')
  const boil = page.getByRole('form', { name: 'kettle boil' })
  t.equal(await boil.getByLabel(/^until/).inputValue(), '95', 'with its usual value')
  await boil.getByLabel(/^for/).selectOption('tea')
  await boil.getByLabel(/^note/).fill('for <b>Li</b>')
  await boil.getByRole('button', { name: 'Run' }).click()
  await boil.getByText('Done.').waitFor()
  t.match(await boil.innerText(), /reached\s+95/)
  t.equal(await page.getByRole('form', { name: 'kettle descale' }).getByRole('button').isDisabled(), true, 'not for this role')
  t.match(await page.getByRole('form', { name: 'kettle descale' }).innerText(), 'needs the role engineer')
  for (const hidden of ['taste', 'refill']) t.equal(await page.getByRole('form', { name: `kettle ${hidden}` }).count(), 0)

  const tip = page.getByRole('form', { name: 'kettle tip' })
  await tip.getByRole('button', { name: 'Run' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'No' }).click()
  t.strictSame(done, ['boil 95 for tea: for <b>Li</b>'], 'what moves is asked about first')
  await tip.getByRole('button', { name: 'Run' }).press('Enter')
  await page.getByRole('dialog').getByRole('button', { name: 'Yes, do it' }).press('Enter')
  await tip.getByText('Done.').waitFor()
  t.equal(done.at(-1), 'tip')
}

async function testSelfTest(t: Test, page: Page): Promise<void> {
  await goTo(page, 'Test')
  const progress: string[] = []
  await page.exposeFunction('progressSeen', (text: string) => progress.push(text))
  await page.evaluate(() => new MutationObserver(() => {
    const text = document.querySelector('.progress')?.textContent.trim()
    if (text !== undefined) (window as unknown as { progressSeen(text: string): void }).progressSeen(text)
  }).observe(document.body, { subtree: true, childList: true, characterData: true }))
  await page.getByRole('button', { name: 'Test everything' }).click()
  await page.getByText(/\d+ passed, \d+ failed, in/).waitFor()
  t.ok(progress.length > 0, 'its progress was shown')
  t.match(await page.locator('details').first().innerText(), /kettle|diagnosis|access/)
  t.match(await page.locator('details', { hasText: 'kettle' }).innerText(), /element\s+failed\s+12\.5 Ω\s+The element is worn\./)
  await page.getByRole('button', { name: 'Pack it' }).click()
  const link = page.getByRole('link', { name: /^Download diag-/ })
  await link.waitFor()
  const [download] = await Promise.all([page.waitForEvent('download'), link.click()])
  t.match(download.suggestedFilename(), /^diag-bl1-e07-.*\.tar\.gz$/)
}

async function testRecords(t: Test, page: Page, { book }: Bench): Promise<void> {
  await goTo(page, 'Log')
  book.log.info({ component: 'camera' }, 'the camera says something')
  book.log.warn({ component: 'kettle', note: '<i>markup</i>' }, 'the kettle warns')
  await page.getByText('the kettle warns').waitFor()
  book.log.info({ component: 'camera' }, 'and follows')
  await page.getByText('and follows').waitFor()
  t.equal(await page.locator('.log i').count(), 0, 'what is said is text, and never markup')
  await page.getByLabel('Show from').selectOption('warn')
  await page.getByText('and follows').waitFor({ state: 'detached' })
  await page.getByLabel('Show from').selectOption('trace')
  await page.locator('device-log .grid').getByLabel('Component').selectOption('camera')
  await page.getByText('the kettle warns').waitFor({ state: 'detached' })
  const level = page.getByRole('form', { name: 'logs setLevel' })
  await level.getByLabel(/^component/).selectOption('camera')
  await level.getByLabel(/^level/).selectOption('debug')
  await level.getByRole('button').click()
  await level.getByText('Done.').waitFor()
  book.log.debug({ component: 'camera' }, 'in detail')
  await page.getByText('in detail').waitFor()

  await goTo(page, 'Journal')
  await page.locator('.facts li').nth(49).waitFor()
  await page.getByRole('button', { name: 'Older ones' }).click()
  await page.locator('.facts li').nth(99).waitFor()
  await page.getByLabel('Text').fill('RARE')
  await page.keyboard.press('Enter')
  await page.getByText('120 facts were looked at.').waitFor()
  t.equal(await page.locator('.facts li').count(), 1)
  t.match(await page.locator('.facts').innerText(), 'the rare one')
  await page.getByLabel('Kind begins with').fill('gate')
  await page.getByRole('button', { name: 'Search' }).click()
  await page.getByText('No fact matches.').waitFor()

  // The first answer comes only when a path has been typed.
  let typed = (): void => undefined
  const whenTyped = new Promise<void>((resolve) => (typed = resolve))
  await page.route('**/command', async (route) => {
    await whenTyped
    await route.continue()
  }, { times: 1 })
  await goTo(page, 'Settings')
  await page.getByLabel(/^Path in the profile/).fill('gate.limits.door_s')
  typed()
  await page.getByRole('button', { name: 'Show' }).click()
  await page.getByText('1 to 60').waitFor()
  await page.getByLabel('New value').fill('9')
  await page.getByRole('button', { name: 'Change', exact: true }).click()
  await page.getByText('Kept.').waitFor()
  await page.getByText('with the next start').waitFor()
  await page.getByRole('button', { name: 'Take back' }).click()
  await page.getByText('None: the profile is as the operator wrote it.').waitFor()
}

/** Print, more or less in focus. */
const print = (blur: number): Promise<Buffer> => {
  const lines = Array.from({ length: 30 }, (_, at) => `<rect x="${40 + (at % 3) * 9}" y="${20 + at * 15}" width="${560 - (at % 5) * 60}" height="6"/>`).join('')
  const drawing = sharp(Buffer.from(`<svg xmlns="http://www.w3.org/2000/svg" width="640" height="480"><rect width="640" height="480" fill="#fff"/>${lines}</svg>`))
  return (blur > 0 ? drawing.blur(blur) : drawing).jpeg().toBuffer()
}

async function testCamera(t: Test, page: Page, { camera, gate }: Bench): Promise<void> {
  const [blurred, sharpened] = [await print(4), await print(0)]
  const filming = new AbortController()
  let jpeg = blurred
  const running = (async () => {
    for (let sequence = 1; !filming.signal.aborted; sequence++) {
      camera.stream('frames', { sequence, taken: systemClock.now(), jpeg })
      await sleep(systemClock, 50)
    }
  })()
  setGate(gate, 'idle')
  await goTo(page, 'Calibrate')
  await page.getByRole('link', { name: /Aim and focus camera/ }).click()
  await page.getByRole('button', { name: 'Watch for five minutes' }).click()
  await page.getByText('PC-DEVICE-SERVICE').waitFor()
  setGate(gate, 'out-of-service')
  await page.getByRole('button', { name: 'Watch for five minutes' }).click()
  const figure = async (): Promise<number> => Number(await page.locator('output.figure').innerText())
  await page.waitForFunction(() => Number(document.querySelector('output.figure')?.textContent) > 0)
  const before = await figure()
  jpeg = sharpened
  await page.waitForFunction((least) => Number(document.querySelector('output.figure')?.textContent) > least, before * 2)
  t.pass('the figure grows with the sharpness')
  jpeg = blurred
  await page.waitForFunction(() => Number(document.querySelector('meter')?.getAttribute('value')) < 60)
  await page.getByRole('button', { name: 'Next' }).click()
  await page.getByText('2 / 3: Aim').waitFor()
  setGate(gate, 'idle')
  await page.getByRole('button', { name: 'Watch for five minutes' }).waitFor()
  t.equal(await page.locator('canvas.still').isHidden(), true, 'the picture is gone with the gate in service')
  filming.abort()
  await running
}

async function testLidar(t: Test, page: Page): Promise<void> {
  await goTo(page, 'Lidar')
  await page.getByText('clear', { exact: true }).waitFor()
  await page.locator('canvas.map').press('+')
  await page.getByLabel('show the ground').check()
  t.ok(await page.locator('canvas.map').evaluate((canvas: HTMLCanvasElement) => canvas.width > 300))
}

async function testHold(t: Test, page: Page, { barrier, done, gate }: Bench): Promise<void> {
  setGate(gate, 'out-of-service')
  await page.getByRole('button', { name: 'Log out' }).click()
  await login(page, 'li')
  await goTo(page, 'Calibrate')
  await page.getByRole('link', { name: /Move barrier/ }).click()
  const button = page.getByRole('button', { name: 'Hold: open' })
  let before = done.length
  // A browser that a busy machine keeps from saying in time that the button is held has let go, and presses again.
  for (let presses = 0; presses < 20 && done.length < before + 4; presses++) {
    before = done.length
    await button.hover()
    await page.mouse.down()
    await until(() => done.length >= before + 4 || done.slice(before).includes('close'), 'it was renewed, or shut')
    if (done.at(-1) !== 'close') break
    await page.mouse.up()
    await page.waitForTimeout(500)
  }
  await page.getByRole('button', { name: 'Let go: close' }).waitFor()
  t.equal(barrier.read('state'), 'open', 'as long as it is held')
  await page.mouse.up()
  await page.getByText('barrier state: closed').waitFor()
  t.match(done.slice(before).join(), /^open 2000,(open 2000,)+close$/, 'renewed, and never let go')
  await button.focus()
  await page.keyboard.down('Space')
  await page.getByText('barrier state: open').waitFor()
  await page.evaluate(() => dispatchEvent(new Event('blur')))
  await page.getByText('barrier state: closed').waitFor()
  await page.keyboard.up('Space')
  setGate(gate, 'idle')
  await page.waitForTimeout(500)
  await button.hover()
  await page.mouse.down()
  await page.getByText('PC-DEVICE-SERVICE').waitFor()
  await page.mouse.up()
  t.equal(barrier.read('state'), 'closed')
}

/** There is no driver of a vehicle yet: this one was made up, and the page has no line for it. */
async function testDrive(t: Test, page: Page, { done, gate }: Bench): Promise<void> {
  setGate(gate, 'out-of-service')
  await goTo(page, 'Calibrate')
  await page.getByRole('link', { name: /Move drive/ }).click()
  const before = done.length
  const press = async (seen: string): Promise<void> => {
    await page.getByRole('button', { name: 'Hold: jog' }).hover()
    await page.mouse.down()
    await page.getByText(seen).waitFor()
    await page.mouse.up()
  }
  await press('direction is missing.')
  await page.getByLabel('direction').selectOption('backward')
  await page.getByLabel('speed').fill('0.5')
  await press('PC-DEVICE-ARGS')
  t.equal(done.length, before, 'nothing moves beyond the speed limit')
  await page.getByLabel('speed').fill('0.25')
  await press('drive speed: 0.25 m/s')
  await page.getByText('drive speed: 0 m/s').waitFor()
  t.strictSame([done[before], done.at(-1)], ['jog backward 0.25', 'halt'])
}

const views = ['Device', 'Test', 'Journal', 'Log', 'Settings', 'Camera', 'Lidar', 'Calibrate']

/** Every view at this size: nothing is wider than the screen, everything can be read and touched. */
async function testLook(t: Test, page: Page, size: typeof phone): Promise<void> {
  await page.setViewportSize(size)
  t.equal(await page.evaluate(() => [...document.querySelectorAll('nav a')].every((link) => link.getBoundingClientRect().right <= innerWidth)), true, 'every view can be chosen')
  const others: Record<string, string> = { kettle: '#/component/kettle', focus: '#/calibrate/focus:camera', move: '#/calibrate/move:barrier', mount: '#/calibrate/mount:front' }
  for (const view of [...views, ...Object.keys(others)]) {
    if (views.includes(view)) await goTo(page, view)
    else await page.evaluate((hash) => (location.hash = hash), others[view] ?? '')
    await page.locator('main h1').first().waitFor()
    await page.waitForTimeout(400)
    t.equal(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), true, `${view} fits ${size.width} px`)
    const poor = (await page.evaluate(renderedTexts)).filter(({ front, back }) => contrast(front, back) < 4.5)
    t.strictSame(poor.slice(0, 3), [], `${view}: all can be read (WCAG 2.2, 1.4.3)`)
    const small = await page.evaluate(() => [...document.querySelectorAll('button, select, input:not([type=checkbox])')].filter((element) => element.getBoundingClientRect().width > 0 && element.getBoundingClientRect().height < 24).length)
    t.equal(small, 0, `${view}: all can be touched (WCAG 2.2, 2.5.8)`)
    const unnamed = await page.evaluate(() => [...document.querySelectorAll('input, select, textarea')].filter((field) => (field as HTMLInputElement).labels?.length === 0).length)
    t.equal(unnamed, 0, `${view}: every field has its label`)
  }
}

async function testMount(t: Test, page: Page, { settings }: Bench): Promise<void> {
  await goTo(page, 'Calibrate')
  await page.getByRole('link', { name: /Check the mounting of front/ }).click()
  const figures = page.locator('.card', { hasText: 'Ground points' })
  await figures.waitFor()
  t.match(await figures.innerText(), /-(1\.9|2\.\d) cm[\s\S]*Nods by\s+(0\.9|1\.0)\d°[\s\S]*Leans by\s+-?0\.0\d°[\s\S]*1000/)
  t.match(await figures.innerText(), /out of limits[\s\S]*Reference part 1:\s+seen[\s\S]*Reference part 2:\s+not seen/)

  const { length: before } = settings.changes
  await page.getByRole('button', { name: 'Measure', exact: true }).click()
  const measured = page.locator('table.measured')
  await measured.waitFor()
  t.match(await measured.innerText(), /height\s+1\.000 m\s+1\.029 m\s+0\.029 m[\s\S]*pitch\s+0\.00 °\s+-1\.00 °\s+-1\.00 °/)
  t.equal(settings.changes.length, before, 'measuring changes nothing')
  await page.getByRole('button', { name: 'Keep what was found' }).click()
  await page.getByText('Kept. It is in force after a restart').waitFor()
  t.match(settings.changes.slice(before), [{ path: ['obstacles', 'sources', 'front', 'mount'], by: 'nguyen', before: { z: 1 }, value: { x: 0.5, z: 1.029, pitch: -1 } }])
  await page.getByRole('button', { name: 'Take back' }).click()
  await page.getByText('Taken back.').waitFor()
  t.equal(settings.changes.length, before)
}

const skip = existsSync(executablePath) ? false : `${executablePath} is not installed`

void t.test("the technician's page in a browser", { skip }, async (t) => {
  const made = await bench(t)
  const browser = await chromium.launch({ executablePath, args })
  t.teardown(() => browser.close())
  const page = await browser.newPage({ viewport: desktop, reducedMotion: 'reduce' })
  page.setDefaultTimeout(60_000)
  const complaints: string[] = []
  // That a request was refused, which the page then says itself, is what a browser always writes.
  page.on('console', (message) => !message.text().startsWith('Failed to load resource') && complaints.push(message.text()))
  page.on('pageerror', (error) => complaints.push(error.message))
  await page.goto(made.address)
  await t.test('login', (t) => testLogin(t, page))
  await t.test('the plan of the gate', (t) => testPlan(t, page, made))
  await t.test('a component that nobody has heard of', (t) => testMadeUp(t, page, made))
  await t.test('self-test and bundle', (t) => testSelfTest(t, page))
  await t.test('log, journal, settings', (t) => testRecords(t, page, made))
  await t.test('camera and focus', (t) => testCamera(t, page, made))
  await t.test('lidar', (t) => testLidar(t, page))
  await t.test('how a lidar is mounted', (t) => testMount(t, page, made))
  await t.test('a barrier by hand', (t) => testHold(t, page, made))
  await t.test('a vehicle by hand', (t) => testDrive(t, page, made))
  await t.test('on a desk', (t) => testLook(t, page, desktop))
  await t.test('on a telephone', (t) => testLook(t, page, phone))
  t.strictSame(complaints, [], 'the browser has nothing to complain about, above all no broken security policy')
  await made.server.stop()
  await page.getByText('The page was restarted.').waitFor()
  t.equal(await page.getByText('kettle').count(), 0)
})
