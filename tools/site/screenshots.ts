/**
 * Takes the pictures of the traveller's page for the documentation: the real page from the real
 * server, driven through a gate component, in Debian's Chromium.
 *
 *     node tools/site/screenshots.ts [folder]      # docs/images unless given
 */
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { tmpdir } from 'node:os'
import { chromium, type Page } from 'playwright-core'
import sharp from 'sharp'
import { systemClock } from '../../edge/base/clock.ts'
import { silent } from '../../edge/base/log.ts'
import { sleep } from '../../edge/base/wait.ts'
import { Camera } from '../../edge/device/capabilities.ts'
import { Component } from '../../edge/device/component.ts'
import { DeviceModel } from '../../edge/device/model.ts'
import { Gate, type GateView, type StepName } from '../../edge/gate/contract.ts'
import { ScreenServer } from '../../edge/screen/server.ts'
import { bundlePage } from '../bundle/bundle-page.ts'

const portrait = { width: 1080, height: 1920 }
const landscape = { width: 1280, height: 800 }

interface Picture {
  file: string
  size: { width: number; height: number }
  /** Pictures are smaller than the screen by this factor. */
  scale: number
  view: GateView
}

const order: readonly StepName[] = ['document', 'enter', 'face', 'exit']

function steps(current: StepName, status: 'now' | 'failed' = 'now'): GateView['steps'] {
  const at = order.indexOf(current)
  return order.map((step, index) => ({ step, status: index < at ? 'done' : index === at ? status : 'todo' }))
}

const pictures: readonly Picture[] = [
  {
    file: 'page-idle.png', size: portrait, scale: 0.5,
    view: { passage: 1, phase: 'idle', instruction: 'lay-document', steps: order.map((step) => ({ step, status: 'todo' })), attempt: 1 },
  },
  {
    file: 'page-face.png', size: portrait, scale: 0.5,
    view: { passage: 1, phase: 'face', instruction: 'turn-left', steps: steps('face'), attempt: 1 },
  },
  {
    file: 'page-go.png', size: portrait, scale: 0.5,
    view: { passage: 1, phase: 'exiting', instruction: 'go-through', steps: steps('exit'), attempt: 1 },
  },
  {
    file: 'page-refused.png', size: portrait, scale: 0.5,
    view: {
      passage: 2, phase: 'refused', instruction: 'see-officer', steps: steps('document', 'failed'), attempt: 1, reason: 'document-expired',
    },
  },
  {
    file: 'page-landscape.png', size: landscape, scale: 0.75,
    view: { passage: 3, phase: 'entering', instruction: 'step-in', steps: steps('enter'), attempt: 1 },
  },
]

/** Nobody's face: a drawn traveller for the mirror. */
function drawnTraveller(): Promise<Buffer> {
  const drawing = `<svg xmlns="http://www.w3.org/2000/svg" width="900" height="900">
    <defs><linearGradient id="wall" x2="0" y2="1"><stop stop-color="#c9d3d4"/><stop offset="1" stop-color="#93a5a8"/></linearGradient></defs>
    <rect width="900" height="900" fill="url(#wall)"/>
    <path d="M0 0H220V900H0z" fill="#b5c2c4"/><path d="M700 0h200v900H700z" fill="#a4b4b7"/>
    <path d="M60 900C90 730 250 690 450 690s360 40 390 210z" fill="#3b5b7a"/>
    <path d="M370 620h160v110c0 60-160 60-160 0z" fill="#c98f6b"/>
    <path d="M262 380c0-160 76-236 188-236s188 76 188 236c0 170-90 300-188 300S262 550 262 380z" fill="#dda57f"/>
    <path d="M246 400C226 210 320 96 450 96s224 114 204 304c-20-60-30-100-50-140-90 20-230 10-300-30-20 60-40 100-58 170z" fill="#2a211d"/>
    <g fill="#2a211d"><ellipse cx="370" cy="396" rx="17" ry="14"/><ellipse cx="530" cy="396" rx="17" ry="14"/></g>
    <path d="M334 346q36-22 72 0M494 346q36-22 72 0M450 400q18 60-14 84" fill="none" stroke="#6d4632" stroke-width="10" stroke-linecap="round"/>
    <path d="M392 560q58 34 116 0" fill="none" stroke="#8f4a40" stroke-width="13" stroke-linecap="round"/>
  </svg>`
  return sharp(Buffer.from(drawing)).jpeg({ quality: 88 }).toBuffer()
}

async function take(page: Page, picture: Picture, folder: string): Promise<void> {
  const png = await page.screenshot({ type: 'png', animations: 'disabled' })
  const width = Math.round(picture.size.width * picture.scale)
  await sharp(png).resize({ width }).png({ palette: true, colours: 128, effort: 10 }).toFile(join(folder, picture.file))
}

async function main(folder: string): Promise<void> {
  const pageDir = await mkdtemp(join(tmpdir(), 'portcullis-page-'))
  const model = new DeviceModel()
  const gate = new Component('gate', Gate, systemClock, {
    selfTest: async () => ({ passed: true, checks: [] }), decide: async () => ({}), service: async () => ({}),
  })
  const camera = new Component('camera', Camera, systemClock, { selfTest: async () => ({ passed: true, checks: [] }) })
  model.add(gate)
  model.add(camera)
  gate.publish('health', { status: 'ready' })
  await bundlePage(pageDir)
  const server = new ScreenServer({
    model, gate: 'gate', camera: 'camera', clock: systemClock, log: silent, port: 0, languages: ['vi', 'zh', 'en'], pageDir,
  })
  const executablePath = process.env['CHROMIUM'] ?? '/usr/bin/chromium'
  const browser = await chromium.launch({ executablePath, args: ['--headless=new', '--no-sandbox', '--disable-gpu'] })
  const filming = new AbortController()
  try {
    await mkdir(folder, { recursive: true })
    await server.start()
    const page = await browser.newPage({ reducedMotion: 'reduce' })
    void film(camera, filming.signal)
    for (const picture of pictures) {
      await page.setViewportSize(picture.size)
      gate.publish('view', picture.view)
      await page.goto(server.address ?? '')
      await page.waitForFunction(() => document.title !== 'Portcullis')
      await sleep(systemClock, 1_000)
      await take(page, picture, folder)
    }
  } finally {
    filming.abort()
    await browser.close()
    await server.stop()
    await rm(pageDir, { recursive: true, force: true })
  }
}

async function film(camera: Component<typeof Camera.members>, signal: AbortSignal): Promise<void> {
  const jpeg = await drawnTraveller()
  for (let sequence = 1; !signal.aborted; sequence++) {
    camera.stream('frames', { sequence, taken: systemClock.now(), jpeg })
    await sleep(systemClock, 100)
  }
}

await main(resolve(process.argv[2] ?? join(import.meta.dirname, '../../docs/images')))
