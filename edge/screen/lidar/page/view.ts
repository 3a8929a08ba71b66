/** The lidar view: listens to the server, draws the map, says the decision in words. */
import { decodeCloud, type ShownCloud, type ViewSetup, type ViewState } from '../wire.ts'
import type { Decision } from '../../../perception/obstacles/contract.ts'
import { LidarMap, legend, type Look } from './map.ts'
import { because, lookAt, wordOf } from './words.ts'

/** The server speaks ten times a second: this long without a word, it is gone. */
const silence_ms = 1_500
const retry_ms = 1_000
const objectsShown = 10

function element<E extends HTMLElement>(id: string, kind: new () => E): E {
  const found = document.getElementById(id)
  if (found instanceof kind) return found
  throw new Error(`The page has no ${id}.`)
}

const canvas = element('map', HTMLCanvasElement)
const map = new LidarMap(canvas)
const ground = element('ground', HTMLInputElement)
const still = element('still', HTMLInputElement)
let home: Look = { x: 0, y: 0, scale: 26 }
let look = home
let setup: ViewSetup | undefined
let state: ViewState | undefined
let clouds: (ShownCloud | undefined)[] = []
let drawing = false
let silence: ReturnType<typeof setTimeout> | undefined

function connect(): void {
  const socket = new WebSocket(`ws://${location.host}/scene`)
  socket.binaryType = 'arraybuffer'
  socket.addEventListener('message', ({ data }: MessageEvent<string | ArrayBuffer>) => {
    expectWord(socket)
    if (!still.checked) hear(data)
  })
  socket.addEventListener('close', () => {
    clearTimeout(silence)
    lose()
    setTimeout(connect, retry_ms)
  })
  expectWord(socket)
}

function expectWord(socket: WebSocket): void {
  clearTimeout(silence)
  silence = setTimeout(() => socket.close(), silence_ms)
}

function hear(data: string | ArrayBuffer): void {
  if (typeof data === 'string') {
    const said = JSON.parse(data) as ViewSetup | ViewState
    if (said.kind === 'setup') begin(said)
    else {
      state = said
      tell(said)
    }
  } else {
    const cloud = decodeCloud(data)
    if (cloud !== undefined) clouds[cloud.source] = cloud
  }
  redraw()
}

function begin(said: ViewSetup): void {
  setup = said
  clouds = said.sources.map(() => undefined)
  element('title', HTMLElement).textContent = said.title
  document.title = `Portcullis: ${said.title}`
  home = lookAt(said, canvas)
  look = home
}

/** A page that hears nothing must not look as if all were well. */
function lose(): void {
  state = undefined
  clouds = []
  sayDecision('stop', 'no connection', 'What is shown is not live.')
  redraw()
}

function tell({ decision, fields, sources, objects, latency_ms, played }: ViewState): void {
  sayDecision(decision.level, wordOf(decision), decision.cause === undefined ? '' : because(decision.cause))
  rows('sources', Object.entries(sources).map(([source, says]) => [source, says]), (row) => row[1] !== 'ok')
  const figures: [string, string][] = [['fields', fields === '' ? 'none' : fields], ['points', String(clouds.reduce((sum, cloud) => sum + (cloud?.count ?? 0), 0))]]
  if (latency_ms !== undefined) figures.push(['decision p50 / p99 / max', `${[latency_ms.p50, latency_ms.p99, latency_ms.max].map((value) => value.toFixed(2)).join(' / ')} ms`])
  if (played !== undefined) figures.push(['played', `${Math.round(played * 100)} %`])
  rows('figures', figures)
  const near = objects.filter((object) => object.class !== 'structure').toSorted((a, b) => Math.hypot(a.x, a.y) - Math.hypot(b.x, b.y)).slice(0, objectsShown)
  rows('objects', near.map((object) => [String(object.id), object.class, Math.hypot(object.x, object.y).toFixed(1), Math.hypot(object.vx, object.vy).toFixed(1)]))
}

function sayDecision(level: Decision['level'], word: string, cause: string): void {
  const shown = element('decision', HTMLElement)
  shown.dataset['level'] = level
  if (shown.textContent !== word) shown.textContent = word
  element('cause', HTMLElement).textContent = cause
}

function rows(table: string, cells: readonly (readonly string[])[], isBad: (row: readonly string[]) => boolean = () => false): void {
  const body = element(table, HTMLTableElement).tBodies[0]
  body?.replaceChildren(...cells.map((row) => {
    const line = document.createElement('tr')
    for (const text of row) {
      const cell = line.insertCell()
      cell.textContent = text
      if (isBad(row)) cell.className = 'bad'
    }
    return line
  }))
}

function explain(): void {
  element('legend', HTMLUListElement).replaceChildren(...legend.map(({ colours, says }) => {
    const line = document.createElement('li')
    const mark = document.createElement('i')
    mark.style.background = colours.length === 1 ? colours.join('') : `linear-gradient(to right, ${colours.join(', ')})`
    if (colours.length > 1) mark.className = 'wide'
    line.append(mark, says)
    return line
  }))
}

function redraw(): void {
  if (drawing || setup === undefined) return
  drawing = true
  requestAnimationFrame(() => {
    drawing = false
    if (setup !== undefined) map.draw({ setup, state, clouds, ground: ground.checked }, look)
  })
}

const zoom = (factor: number): void => change({ ...look, scale: Math.max(2, Math.min(400, look.scale * factor)) })

function change(next: Look): void {
  look = next
  redraw()
}

const moves: Record<string, () => void> = {
  '+': () => zoom(1.25), '-': () => zoom(0.8), '0': () => change(home),
  ArrowUp: () => change({ ...look, x: look.x + 50 / look.scale }), ArrowDown: () => change({ ...look, x: look.x - 50 / look.scale }),
  ArrowLeft: () => change({ ...look, y: look.y + 50 / look.scale }), ArrowRight: () => change({ ...look, y: look.y - 50 / look.scale }),
}

canvas.tabIndex = 0
canvas.addEventListener('keydown', ({ key }) => moves[key]?.())
canvas.addEventListener('wheel', (event) => {
  event.preventDefault()
  zoom(event.deltaY < 0 ? 1.15 : 1 / 1.15)
}, { passive: false })
canvas.addEventListener('pointermove', ({ buttons, movementX, movementY }) => {
  if (buttons === 1) change({ ...look, x: look.x + movementY / look.scale, y: look.y + movementX / look.scale })
})
ground.addEventListener('change', redraw)
addEventListener('resize', redraw)
explain()
connect()
