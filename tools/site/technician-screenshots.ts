/**
 * Takes the pictures of the technician's page for the documentation: the real page of an e-Gate and of a
 * vehicle that run on their twins, in Debian's Chromium.
 *
 *     node tools/site/technician-screenshots.ts [folder]      # docs/images unless given
 */
import { execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { type Browser, chromium, type Page } from 'playwright-core'
import sharp from 'sharp'
import { bundlePage } from '../bundle/bundle-page.ts'
import { root } from '../house/sources.ts'
import { EgateSite } from './egate-site.ts'
import { IgvSite, patient } from './igv-site.ts'
import type { RuntimeProcess } from './runtime-process.ts'

const desktop = { width: 1280, height: 860 }
const phone = { width: 390, height: 844 }
const secret = 'nine cranes on a slow river'
const people = { tran: 'technician', li: 'officer', pham: 'engineer' } as const
const executablePath = process.env['CHROMIUM'] ?? '/usr/bin/chromium'
/** Until a view has asked for what it shows. */
const settle_ms = 700
/** So that no picture makes the repository large. */
const bytes_max = 150_000

/** Where the technician's page of this runtime is, once it says so. */
const pageOf = (runtime: RuntimeProcess): Promise<string> => new Promise((found) => {
  runtime.onLine.add(({ address, component, says }) => {
    if (component === 'technician' && typeof address === 'string' && String(says).includes('is served')) found(address)
  })
})

async function open(browser: Browser, address: string, person: keyof typeof people, viewport: typeof phone): Promise<Page> {
  const page = await browser.newPage({ viewport, reducedMotion: 'reduce', deviceScaleFactor: viewport === phone ? 2 : 1 })
  await page.goto(address)
  await page.getByLabel('Name').fill(person)
  await page.getByLabel('Secret').fill(secret)
  await page.getByRole('button', { name: 'Log in', exact: true }).click()
  await page.getByText(`${person}, ${people[person]}`).waitFor()
  await page.locator('main h1').first().waitFor()
  return page
}

async function take(page: Page, file: string, folder: string): Promise<void> {
  await page.waitForTimeout(settle_ms)
  const picture = await page.screenshot()
  for (const colours of [256, 128, 64, 32]) {
    const png = await sharp(picture).png({ palette: true, colours, effort: 10 }).toBuffer()
    if (png.length > bytes_max && colours > 32) continue
    await writeFile(join(folder, file), png)
    process.stdout.write(`${file}: ${Math.round(png.length / 1024)} KiB\n`)
    return
  }
}

const goTo = async (page: Page, view: string): Promise<void> => page.getByRole('navigation').getByRole('link', { name: view, exact: true }).click()

async function takeGate(browser: Browser, address: string, folder: string): Promise<void> {
  const login = await browser.newPage({ viewport: phone, deviceScaleFactor: 2 })
  await login.goto(address)
  await login.getByLabel('Name').fill('nguyen')
  await login.getByRole('button', { name: 'With an answer of the authority' }).click()
  await login.getByRole('button', { name: 'Show a challenge' }).click()
  await login.locator('.challenge').waitFor()
  await take(login, 'technician-login.png', folder)
  await login.close()

  const officer = await open(browser, address, 'li', desktop)
  await officer.evaluate(() => (location.hash = '#/component/gate'))
  const service = officer.getByRole('form', { name: 'gate service' })
  await service.getByRole('button', { name: 'Run' }).click()
  await service.getByText('Done.').waitFor()
  await officer.close()

  const page = await open(browser, address, 'tran', desktop)
  await page.waitForTimeout(20_000)
  await take(page, 'technician-device.png', folder)
  await goTo(page, 'Test')
  await page.getByRole('button', { name: 'Test everything' }).click()
  await page.getByText(/\d+ passed, \d+ failed/).waitFor({ timeout: 70_000 })
  await take(page, 'technician-test.png', folder)
  await goTo(page, 'Journal')
  await page.getByLabel('Kind begins with').fill('access')
  await page.getByRole('button', { name: 'Search' }).click()
  await take(page, 'technician-journal.png', folder)
  await page.close()

  const small = await open(browser, address, 'pham', phone)
  await small.evaluate(() => (location.hash = '#/component/camera'))
  await take(small, 'technician-phone.png', folder)
  await goTo(small, 'Calibrate')
  await small.getByRole('link', { name: /^Move exit/ }).click()
  await small.getByRole('button', { name: 'Next' }).click()
  await take(small, 'technician-wizard.png', folder)
  await small.close()
}

async function takeVehicle(browser: Browser, address: string, folder: string): Promise<void> {
  const page = await open(browser, address, 'tran', desktop)
  await goTo(page, 'Lidar')
  // The yard is free; on a busy machine the safety path is late now and then.
  await page.locator('.decision[data-level=clear]').waitFor({ timeout: 60_000 })
  await take(page, 'technician-lidar.png', folder)
  await goTo(page, 'Calibrate')
  await page.getByRole('link', { name: /^Check the mounting of/ }).first().click()
  await page.getByRole('button', { name: 'Next' }).click()
  await page.getByRole('button', { name: 'Measure', exact: true }).click()
  await page.locator('table.measured').waitFor()
  await page.setViewportSize({ ...desktop, height: 1_450 })
  await page.evaluate(() => scrollTo(0, 0))
  await page.locator('.decision[data-level=clear]').waitFor({ timeout: 60_000 })
  await take(page, 'technician-mount.png', folder)
  await page.close()
}

function addPeople(state: string): void {
  for (const [person, role] of Object.entries(people)) {
    execFileSync(process.execPath, [join(root, 'tools/cli/portcullis.ts'), 'provision', '--state', state, '--account', person, '--role', role, '--secret', '-'], { input: `${secret}\n` })
  }
}

async function main(folder: string): Promise<void> {
  await bundlePage(join(root, 'build', 'technician'), 'technician')
  const scratch = await mkdtemp(join(tmpdir(), 'technician-pictures-'))
  const changes = [{ path: ['technician'], value: { port: 0 } }]
  const browser = await chromium.launch({ executablePath, args: ['--headless=new', '--no-sandbox', '--disable-gpu'] })
  try {
    const gate = await EgateSite.make({ folder: join(scratch, 'gate'), travellers: 1, tempo: 0.2, changes })
    await takeOf(gate, () => gate.start(), (address) => takeGate(browser, address, folder))
    await mkdir(join(scratch, 'vehicle'))
    const vehicle = await IgvSite.make({ folder: join(scratch, 'vehicle'), changes: [...patient, ...changes] })
    await takeOf(vehicle, () => vehicle.runtime.start(), (address) => takeVehicle(browser, address, folder))
  } finally {
    await browser.close()
    await rm(scratch, { recursive: true, force: true })
  }
}

async function takeOf(site: EgateSite | IgvSite, start: () => Promise<unknown>, takeAll: (address: string) => Promise<void>): Promise<void> {
  try {
    addPeople(site.state)
    const address = pageOf(site.runtime)
    await start()
    await takeAll(await address)
  } finally {
    await site.stop()
  }
}

await main(resolve(process.argv[2] ?? join(import.meta.dirname, '../../docs/images')))
