/** The calibration wizards: which there are follows from what the device has. */
import { html, nothing, type TemplateResult } from 'lit'
import { type GroundPlane, isLevel } from '../../../perception/obstacles/ground-plane.ts'
import './camera.ts'
import { device, DeviceView } from './device.ts'
import { figure } from './figures.ts'
import { groundPlane, seesPart } from './ground-plane.ts'
import './hold.ts'
import './lidar.ts'
import './mount.ts'
import { healthWords } from './overview.ts'
import type { LidarEar } from './scene.ts'
import { texts } from './texts.ts'
import './wizard.ts'

const { focus, mount, move } = texts.calibrate

interface Wizard {
  id: string
  name: string
  says: string
}

export class DeviceCalibrate extends DeviceView {
  static override properties = { wizard: { type: String }, sharp: { state: true }, best: { state: true }, mounts: { state: true } }

  /** Which is open; none: the list of all. */
  declare wizard: string
  declare sharp: number
  declare best: number
  declare mounts: Record<string, { plane: GroundPlane | undefined; parts: boolean[] }>
  /** The sources of the lidar scene are known only once it is open. */
  #looked = 0

  constructor() {
    super()
    this.wizard = ''
    this.sharp = 0
    this.best = 0
    this.mounts = {}
  }

  override render(): TemplateResult {
    const [kind, name = ''] = this.wizard.split(':')
    const all = wizards()
    if (kind === 'focus') return this.#page(focus.name(name), this.#focus(name))
    if (kind === 'mount') return this.#page(mount.name(name), this.#mount(name))
    if (kind === 'move') return this.#page(move.name(name), this.#move(name))
    return html`<h1>${texts.calibrate.heading}</h1>${all.length === 0 ? html`<p>${texts.calibrate.none}</p>` : nothing}
      <ul class="tiles">${all.map(({ id, name, says }) => html`<li><a class="tile" href="#/calibrate/${encodeURIComponent(id)}"><span class="name">${name}</span><span class="soft">${says}</span></a></li>`)}</ul>`
  }

  #page(heading: string, content: TemplateResult): TemplateResult {
    return html`<p><a href="#/calibrate">← ${texts.calibrate.back}</a></p><h1>${heading}</h1>${content}`
  }

  #focus(camera: string): TemplateResult {
    const share = this.best === 0 ? 0 : Math.round((this.sharp / this.best) * 100)
    return html`<wizard-steps .heading=${focus.name(camera)} .steps=${focus.steps} .pictures=${['outOfService', 'aim', 'focus']}></wizard-steps>
      <p>${texts.camera.privacy}</p>
      <camera-stills .camera=${camera} @sharpness=${({ detail }: CustomEvent<number>) => {
        this.sharp = detail
        this.best = Math.max(this.best, detail)
      }}></camera-stills>
      <div class="card"><p class="summary">${focus.sharpness}: <output class="figure">${figure(Math.round(this.sharp))}</output></p>
        <meter min="0" max="100" low="70" high="92" optimum="100" value=${share} aria-label=${focus.sharpness}></meter>
        <p>${focus.ofBest(share)} (${focus.best}: ${figure(Math.round(this.best))})</p>
        <button @click=${() => (this.best = 0)}>${focus.forget}</button></div>`
  }

  #mount(source: string): TemplateResult {
    const found = this.mounts[source]
    return html`<wizard-steps .heading=${mount.name(source)} .steps=${mount.steps} .pictures=${['level', 'plane', 'contour', 'plane']}></wizard-steps>
      <div class="card" role="status">${found?.plane === undefined ? html`<p>${mount.none}</p>` : plane(found.plane)}
        ${found === undefined || found.parts.length === 0 ? html`<p class="soft">${mount.noReference}</p>` : html`<ul class="plain-list">${found.parts.map((seen, at) => html`<li>${mount.reference(at + 1)}: <span class="badge" data-status=${seen ? 'ready' : 'failed'}>${seen ? mount.seen : mount.unseen}</span></li>`)}</ul>`}
        ${healthWords(source)}</div>
      <device-mount .source=${source}></device-mount>
      <device-lidar ground @seen=${({ detail }: CustomEvent<LidarEar>) => this.#look(detail)}></device-lidar>`
  }

  #move(name: string): TemplateResult {
    const held = device.heldCommand(name)
    return held === undefined ? html`<p>${texts.component.absent}</p>`
      : html`<wizard-steps .heading=${move.name(name)} .steps=${move.steps(held.name, held.held.release)} .pictures=${['clear', 'hold', 'block']}></wizard-steps>
      <hold-button .component=${name}></hold-button>`
  }

  /** Not with every cloud: nobody reads so fast. */
  #look({ setup, clouds }: LidarEar): void {
    const now = performance.now()
    if (setup === undefined || now - this.#looked < 500) return
    this.#looked = now
    this.mounts = Object.fromEntries(setup.sources.flatMap(({ name, reference = [] }, at) => {
      const cloud = clouds[at]
      return cloud === undefined ? [] : [[name, { plane: groundPlane(cloud), parts: reference.map((part) => seesPart(cloud, part)) }] as const]
    }))
  }
}

function wizards(): Wizard[] {
  return [
    ...device.of('camera').map(({ name }) => ({ id: `focus:${name}`, name: focus.name(name), says: focus.says })),
    ...(device.about?.lidar === true ? device.of('lidar') : []).map(({ name }) => ({ id: `mount:${name}`, name: mount.name(name), says: mount.says })),
    ...device.components.filter(({ name }) => device.heldCommand(name) !== undefined).map(({ name }) => ({ id: `move:${name}`, name: move.name(name), says: move.says })),
  ]
}

const plane = (found: GroundPlane): TemplateResult => html`<table class="rows"><tbody>
    <tr><th scope="row">${mount.height}</th><td>${(found.height_m * 100).toFixed(1)} cm</td></tr>
    <tr><th scope="row">${mount.pitch}</th><td>${found.pitch_deg.toFixed(2)}°</td></tr>
    <tr><th scope="row">${mount.roll}</th><td>${found.roll_deg.toFixed(2)}°</td></tr>
    <tr><th scope="row">${mount.points}</th><td>${found.points}</td></tr>
  </tbody></table><p><span class="badge" data-status=${isLevel(found) ? 'ready' : 'failed'}>${isLevel(found) ? mount.good : mount.bad}</span></p>`

customElements.define('device-calibrate', DeviceCalibrate)
