import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { type Browser, chromium, type Page } from 'playwright-core'
import sharp from 'sharp'
import t, { type Test } from 'tap'
import { systemClock } from '../base/clock.ts'
import { silent } from '../base/log.ts'
import { sleep } from '../base/wait.ts'
import { Camera } from '../device/capabilities.ts'
import { Component } from '../device/component.ts'
import { DeviceModel } from '../device/model.ts'
import { Gate, type GateView, Instruction, Phase, Reason } from '../gate/contract.ts'
import { discreetReasons } from '../gate/view.ts'
import { isShown, misfits, type Recorder, recordMisfits, renderedTexts } from './page/inspection.ts'
import { contrast } from './page/palette.ts'
import { instructions, languageTags, neutral, notReady, reasons, reconnecting } from './page/texts.ts'
import { ScreenServer } from './server.ts'
import type { Language } from './snapshot.ts'

// A browser on a busy machine: no test here is about speed.
t.setTimeout(180_000)

const executablePath = process.env['CHROMIUM'] ?? '/usr/bin/chromium'
const args = [
  '--headless=new', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync',
]
const languages: readonly Language[] = ['vi', 'zh', 'en']
const sizes = [{ width: 1080, height: 1920 }, { width: 1280, height: 800 }, { width: 800, height: 480 }]
const [portrait = { width: 0, height: 0 }] = sizes

const steps: GateView['steps'] = [
  { step: 'document', status: 'done' }, { step: 'enter', status: 'failed' }, { step: 'face', status: 'now' },
  { step: 'finger', status: 'todo' }, { step: 'exit', status: 'todo' },
]
const idle: GateView = { passage: 1, phase: 'idle', instruction: 'lay-document', steps, attempt: 1 }

/** One screen of each phase, as a gate would show it. */
const screens: Record<Phase, Partial<GateView>> = {
  'out-of-service': { instruction: 'use-other-gate', reason: 'service' },
  idle: { instruction: 'lay-document' },
  reading: { instruction: 'hold-still' },
  checking: { instruction: 'please-wait' },
  entering: { instruction: 'step-in' },
  alone: { instruction: 'one-person', reason: 'not-alone' },
  face: { instruction: 'turn-left' },
  finger: { instruction: 'place-finger', reason: 'finger-poor', attempt: 2 },
  deciding: { instruction: 'please-wait' },
  exiting: { instruction: 'go-through' },
  recording: { instruction: 'please-wait' },
  refused: { instruction: 'go-back', reason: 'document-expired' },
  referred: { instruction: 'wait-for-officer', reason: 'watchlist-hit' },
  leaving: { instruction: 'take-belongings', reason: 'object-left' },
  emergency: { instruction: 'leave-now', reason: 'fire-alarm' },
}

const none = async (): Promise<Record<string, never>> => ({})
const noSelfTest = async (): Promise<{ passed: boolean; checks: [] }> => ({ passed: true, checks: [] })
const model = new DeviceModel()
const gate = new Component('gate', Gate, systemClock, { selfTest: noSelfTest, decide: none, service: none })
const camera = new Component('camera', Camera, systemClock, { selfTest: noSelfTest })
model.add(gate)
model.add(camera)
gate.publish('health', { status: 'ready' })

function serve(pageDir: string, port = 0): Promise<ScreenServer> {
  // Hundreds of screens at once are a test's doing; the page is not slow for being behind.
  const limits = { buffered_B_max: 10_000_000 }
  const server = new ScreenServer({ model, gate: 'gate', camera: 'camera', clock: systemClock, log: silent, port, languages, pageDir, limits })
  return server.start().then(() => server)
}

/** Publishes the view and waits until the page shows its instruction. */
async function show(page: Page, view: Partial<GateView>): Promise<GateView> {
  const full = { ...idle, ...view }
  gate.publish('view', full)
  const { reason, ...rest } = full
  const expected = reason === undefined || discreetReasons.has(reason) ? rest : { ...rest, reason }
  await page.waitForFunction(isShown, expected)
  return full
}

const heading = (page: Page) => page.locator('h1')
const texts = (page: Page, language: Language) => page.locator(`gate-words [lang="${languageTags[language]}"]`)

async function testLanguages(t: Test, page: Page): Promise<void> {
  for (const phase of Phase.enum) {
    const { instruction, reason } = await show(page, { phase, ...screens[phase] })
    const because = reason === undefined ? undefined : discreetReasons.has(reason) ? neutral : reasons[reason]
    for (const language of languages) {
      const text = await texts(page, language).innerText()
      t.match(text, instructions[instruction][language], `${phase}: the instruction in ${language}`)
      if (because !== undefined) t.match(text, because[language], `${phase}: the reason in ${language}`)
    }
    t.equal(await heading(page).innerText(), instructions[instruction].vi)
    t.equal(await page.title(), instructions[instruction].vi)
    const urgent = ['refused', 'referred', 'leaving', 'emergency'].includes(phase)
    const [loud, quiet] = urgent ? ['[role=alert][aria-live=assertive]', '[role=status]'] : ['[role=status][aria-live=polite]', '[role=alert]']
    for (const language of languages) {
      t.match(await page.locator(`${loud} [lang="${languageTags[language]}"]`).textContent(), instructions[instruction][language])
    }
    t.equal((await page.locator(quiet).textContent())?.trim(), '')
    for (const { text, front, back } of await page.evaluate(renderedTexts)) {
      t.ok(contrast(front, back) >= 4.5, `${phase}: ${text} has ${contrast(front, back).toFixed(1)}:1`)
    }
  }
}

async function testStructure(t: Test, page: Page): Promise<void> {
  await show(page, {})
  const tree = await page.locator('body').ariaSnapshot()
  for (const part of ['banner', 'main', 'contentinfo', 'heading', 'list "Các bước"', 'group "Chọn ngôn ngữ"', 'button "Tiếng Việt" [pressed]']) {
    t.match(tree, part)
  }
  t.match(tree, /Vào cổng[^\n]*chưa đạt/, "a step's status is in words")
  t.equal(await page.locator('[aria-current=step]').count(), 1)
  const moving = (): boolean =>
    (document.querySelector('portcullis-screen')?.shadowRoot?.querySelector('gate-stage')?.shadowRoot?.getAnimations().length ?? 0) > 0
  t.equal(await page.evaluate(moving), false, 'nothing moves for who asked for that')
  await page.emulateMedia({ reducedMotion: 'no-preference' })
  await page.waitForFunction(moving)
  await page.emulateMedia({ reducedMotion: 'reduce' })
}

async function testKeyboard(t: Test, page: Page): Promise<void> {
  await show(page, {})
  await page.keyboard.press('Tab')
  await page.keyboard.press('Tab')
  const focused = page.locator('language-choice button:focus')
  t.equal(await focused.innerText(), '中文')
  t.match(await focused.evaluate((button) => getComputedStyle(button).outlineStyle), 'solid', 'the focus can be seen')
  await page.keyboard.press('Enter')
  t.equal(await heading(page).innerText(), instructions['lay-document'].zh)
  t.equal(await page.evaluate(() => document.documentElement.lang), 'zh-Hans')
  await show(page, { passage: 2, phase: 'reading', instruction: 'hold-still' })
  t.equal(await heading(page).innerText(), instructions['hold-still'].zh, 'it lasts through the passage')
  await page.keyboard.press('Tab')
  await page.keyboard.press('Space')
  t.equal(await heading(page).innerText(), instructions['hold-still'].en)
  await show(page, { passage: 2 })
  t.equal(await heading(page).innerText(), instructions['lay-document'].vi, 'and the next traveller finds the first language')
}

const openReasons = Reason.enum.filter((reason) => !discreetReasons.has(reason))

async function testFit(t: Test, page: Page): Promise<void> {
  // One reason for each different text; the view without one stands for all that share the neutral text.
  const told = [undefined, ...new Map(openReasons.map((reason) => [reasons[reason], reason])).values()]
  const busy = Phase.enum.filter((phase) => phase !== 'idle')
  for (const size of sizes) {
    await page.setViewportSize(size)
    for (const language of languages) {
      const what = `${size.width}x${size.height}, ${language}`
      await show(page, {})
      const button = page.locator(`button[lang="${languageTags[language]}"]`)
      const box = await button.boundingBox()
      t.ok((box?.height ?? 0) >= 48 && (box?.width ?? 0) >= 64, `${what}: the button is large enough to touch`)
      await button.click()
      t.strictSame(await page.evaluate(misfits), [], `${what}: idle fits`)
      await show(page, { phase: 'reading' })
      await page.evaluate(`(${recordMisfits.toString()})(${misfits.toString()})`)
      for (const [i, phase] of busy.entries()) {
        for (const [j, reason] of told.entries()) {
          // So every reason meets most instructions, first and later tries.
          const instruction = Instruction.enum[(i + j) % Instruction.enum.length] ?? 'please-wait'
          gate.publish('view', { ...idle, phase, instruction, attempt: 1 + (j % 2), ...(reason === undefined ? {} : { reason }) })
        }
      }
      await page.waitForFunction((count) => (window as unknown as Recorder).drawn >= count, busy.length * told.length, { polling: 50 })
      const wrong = await page.evaluate(() => (window as unknown as Recorder).wrong)
      t.strictSame(wrong.slice(0, 5), [], `${what}: ${busy.length * told.length} screens fit`)
    }
  }
  await page.setViewportSize({ width: 90, height: 60 })
  t.not((await page.evaluate(misfits)).length, 0, 'what cannot fit is noticed')
  await page.setViewportSize(portrait)
}

const red = { r: 200, g: 0, b: 0 }
const green = { r: 0, g: 160, b: 0 }
const filmed = (background: typeof red): Promise<Buffer> =>
  sharp({ create: { width: 320, height: 240, channels: 3, background } }).jpeg().toBuffer()

/** The middle of the mirror's picture, as the traveller sees it; `undefined` while there is none. */
function mirrored(): 'red' | 'green' | undefined {
  const image = document.querySelector('portcullis-screen')?.shadowRoot?.querySelector('gate-stage')?.shadowRoot?.querySelector('img')
  const canvas = document.createElement('canvas').getContext('2d')
  if (image === null || image === undefined || image.naturalWidth === 0 || canvas === null) return undefined
  canvas.drawImage(image, 0, 0)
  const [r = 0, g = 0] = canvas.getImageData(100, 100, 1, 1).data
  return r > g ? 'red' : g > 0 ? 'green' : undefined
}

async function testMirror(t: Test, page: Page): Promise<void> {
  const [first, second] = [await filmed(red), await filmed(green)]
  const filming = new AbortController()
  let jpeg = first
  const film = async (): Promise<void> => {
    for (let sequence = 1; !filming.signal.aborted; sequence++) {
      camera.stream('frames', { sequence, taken: systemClock.now(), jpeg })
      await sleep(systemClock, 40)
    }
  }
  const running = film()
  for (const phase of Phase.enum.filter((other) => other !== 'face')) {
    await show(page, { phase, ...screens[phase] })
    t.equal(await page.locator('gate-stage img').count(), 0, `${phase}: no mirror`)
  }
  await show(page, { passage: 7, phase: 'face', instruction: 'look-at-camera' })
  await page.waitForFunction(mirrored)
  t.equal(await page.evaluate(mirrored), 'red')
  t.match(await page.locator('gate-stage img').evaluate((image) => getComputedStyle(image).transform), /^matrix\(-1,/, 'as a mirror shows it')
  await show(page, { passage: 7, phase: 'deciding', instruction: 'please-wait' })
  t.equal(await page.locator('gate-stage img').count(), 0, 'gone with the phase')
  jpeg = second
  await show(page, { passage: 7, phase: 'face', instruction: 'look-at-camera', attempt: 2 })
  await page.waitForFunction(mirrored)
  t.equal(await page.evaluate(mirrored), 'green', 'a second look is live again')
  jpeg = first
  await show(page, { passage: 8, phase: 'face', instruction: 'look-at-camera' })
  await page.waitForFunction(mirrored)
  t.equal(await page.evaluate(mirrored), 'red', 'the first picture the next traveller sees is their own, even without a phase between')
  filming.abort()
  await running
}

async function testRecovery(t: Test, page: Page, first: ScreenServer, pageDir: string): Promise<ScreenServer> {
  const port = Number(new URL(first.address ?? '').port)
  await show(page, { phase: 'referred', instruction: 'wait-for-officer', reason: 'face-no-match' })
  await page.evaluate(() => Object.assign(window, { stillHere: true }))
  await first.stop()
  await page.getByText(reconnecting.en).first().waitFor()
  t.equal(await heading(page).innerText(), instructions['use-other-gate'].vi)
  t.notMatch(await page.locator('body').ariaSnapshot(), reasons['face-no-match'].en, 'nothing of the traveller before is left')
  const second = await serve(pageDir, port)
  await page.getByText(instructions['wait-for-officer'].en).first().waitFor()
  t.equal(await page.evaluate(() => 'stillHere' in window), true, 'the same page went on')
  gate.publish('health', { status: 'failed' })
  await page.getByText(notReady.en).first().waitFor()
  gate.publish('health', { status: 'ready' })
  await second.stop()
  await writeFile(join(pageDir, 'build.json'), '{"build":"ffffffffffffffff"}')
  const third = await serve(pageDir, port)
  await page.waitForFunction(() => !('stillHere' in window))
  t.pass('a page of another build was loaded anew')
  return third
}

const skip = existsSync(executablePath) ? false : `${executablePath} is not installed`

void t.test("the traveller's page in a browser", { skip }, async (t) => {
  const pageDir = t.testdir()
  await promisify(execFile)(process.execPath, [join(import.meta.dirname, '../../tools/bundle/bundle-page.ts'), pageDir])
  let server = await serve(pageDir)
  t.teardown(() => server.stop())
  const browser: Browser = await chromium.launch({ executablePath, args })
  t.teardown(() => browser.close())
  const page = await browser.newPage({ viewport: portrait, reducedMotion: 'reduce' })
  const complaints: string[] = []
  page.on('console', (message) => complaints.push(message.text()))
  page.on('pageerror', (error) => complaints.push(error.message))
  gate.publish('view', idle)
  await page.goto(server.address ?? '')

  await t.test('three languages, announced, in colours that can be read', (t) => testLanguages(t, page))
  await t.test('structure', (t) => testStructure(t, page))
  await t.test('keyboard', (t) => testKeyboard(t, page))
  await t.test('everything fits', (t) => testFit(t, page))
  await t.test('the mirror', (t) => testMirror(t, page))
  t.strictSame(complaints, [], 'the browser has nothing to complain about, above all no broken security policy')
  await t.test('recovery', async (t) => {
    server = await testRecovery(t, page, server, pageDir)
  })
})
