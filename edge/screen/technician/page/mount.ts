/** Measures how a lidar is mounted, and keeps what was found in the device's settings: what the console's `calibrate` does. */
import { html, nothing, type TemplateResult } from 'lit'
import type { Mounting } from '../../../perception/obstacles/mounting.ts'
import { ActingView } from './acting-view.ts'
import { command } from './ask.ts'
import { device } from './device.ts'
import { texts } from './texts.ts'

const { mount } = texts.calibrate
const axes = [['z', 3, 'm'], ['roll', 2, '°'], ['pitch', 2, '°']] as const

export class DeviceMount extends ActingView {
  static override properties = { source: { type: String }, found: { state: true }, kept: { state: true } }

  declare source: string
  declare found: Mounting | undefined
  /** The change that was made here. */
  declare kept: number | undefined

  constructor() {
    super()
    this.source = ''
    this.found = undefined
    this.kept = undefined
  }

  override render(): TemplateResult {
    if (obstacles() === undefined || settings() === undefined) return html``
    const may = device.may('technician')
    return html`<section class="card"><h2>${mount.measure}</h2>
      <button class="primary" ?disabled=${this.busy || !may} @click=${() => void this.#measure()}>${mount.measureNow}</button>
      ${may ? nothing : html`<p class="soft">${texts.command.needs('technician')}</p>`}
      ${this.found === undefined ? nothing : this.#result(this.found)}
      ${this.kept === undefined ? nothing : html`<p class="buttons"><button ?disabled=${this.busy} @click=${() => void this.#undo(this.kept!)}>${texts.settings.undo}</button> <a href="#/settings">${texts.settings.changes}</a></p>`}
      <p role="status">${this.busy ? mount.measuring : this.done}</p><p role="alert" class="bad">${this.error}</p></section>`
  }

  #result({ set, found, ground, level }: Mounting): TemplateResult {
    return html`<table class="measured"><thead><tr><td></td><th scope="col">${mount.set}</th><th scope="col">${mount.found}</th><th scope="col">${mount.differs}</th></tr></thead>
      <tbody>${axes.map(([axis, digits, unit]) => html`<tr><th scope="row">${mount.axes[axis]}</th>${[set[axis], found[axis], found[axis] - set[axis]].map((value) => html`<td>${value.toFixed(digits)} ${unit}</td>`)}</tr>`)}</tbody></table>
      <p class="soft">${mount.by(ground.points)}</p>
      ${level ? html`<p>${mount.nothing}</p>` : this.kept === undefined ? html`<p>${mount.keepSays}</p><button ?disabled=${this.busy} @click=${() => void this.#keep(found)}>${mount.keep}</button>` : nothing}`
  }

  #measure(): Promise<void> {
    this.found = undefined
    this.kept = undefined
    return this.act(async () => {
      this.found = await command<Mounting>(obstacles()!, 'mounting', { source: this.source })
    })
  }

  #keep(found: Mounting['found']): Promise<void> {
    return this.act(async () => {
      const { id } = await command<{ id: number }>(settings()!, 'set', { path: `obstacles.sources.${this.source}.mount`, value: JSON.stringify(found) })
      this.kept = id
      this.done = texts.settings.kept
    })
  }

  #undo(id: number): Promise<void> {
    return this.act(async () => {
      await command(settings()!, 'undo', { id })
      this.kept = undefined
      this.done = texts.settings.undone
    })
  }
}

const obstacles = (): string | undefined => device.of('obstacles')[0]?.name
const settings = (): string | undefined => device.of('settings')[0]?.name

customElements.define('device-mount', DeviceMount)
