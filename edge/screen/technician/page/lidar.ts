/** The lidar view within the technician's page: the same map as the view of its own. */
import { html, LitElement, nothing, type TemplateResult } from 'lit'
import { LidarMap, type Look } from '../../lidar/page/map.ts'
import { because, lookAt, wordOf } from '../../lidar/page/words.ts'
import { LidarEar } from './scene.ts'
import { device } from './device.ts'
import { texts } from './texts.ts'

export class DeviceLidar extends LitElement {
  static override properties = { ground: { type: Boolean } }

  /** Whether points of the ground are drawn. */
  declare ground: boolean
  readonly ear = new LidarEar(() => this.#hear())
  #map: LidarMap | undefined
  #look: Look | undefined
  #drawing = false

  constructor() {
    super()
    this.ground = false
  }

  protected override createRenderRoot(): HTMLElement {
    return this
  }

  override connectedCallback(): void {
    super.connectedCallback()
    if (device.about?.lidar === true) this.ear.open()
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    this.ear.close()
  }

  override render(): TemplateResult {
    const { lidar } = texts
    if (device.about?.lidar !== true) return html`<p>${lidar.none}</p>`
    const { state } = this.ear
    return html`<p role="status" class="decision" data-level=${state?.decision.level ?? 'stop'}>${state === undefined ? lidar.lost : wordOf(state.decision)}</p>
      <p>${state === undefined ? lidar.notLive : state.decision.cause === undefined ? nothing : because(state.decision.cause)}</p>
      <canvas class="map" tabindex="0" role="img" aria-label=${lidar.map} @keydown=${(event: KeyboardEvent) => this.#key(event)}></canvas>
      <p class="buttons"><button @click=${() => this.#zoom(1.25)}>${lidar.zoomIn}</button> <button @click=${() => this.#zoom(0.8)}>${lidar.zoomOut}</button> <button @click=${() => this.#change(undefined)}>${lidar.reset}</button>
        <label class="check"><input type="checkbox" ?checked=${this.ground} @change=${(event: Event) => (this.ground = (event.target as HTMLInputElement).checked)}> ${lidar.ground}</label></p>
      <div class="card"><table class="rows"><caption>${lidar.sources}</caption><tbody>${Object.entries(state?.sources ?? {}).map(([name, says]) => html`<tr><th scope="row">${name}</th><td class=${says === 'ok' ? '' : 'bad'}>${says}</td></tr>`)}</tbody></table></div>`
  }

  override updated(): void {
    this.#redraw()
  }

  #hear(): void {
    this.requestUpdate()
    this.dispatchEvent(new CustomEvent('seen', { detail: this.ear }))
  }

  #redraw(): void {
    if (this.#drawing) return
    this.#drawing = true
    requestAnimationFrame(() => {
      this.#drawing = false
      const canvas = this.querySelector('canvas')
      const { setup, state, clouds } = this.ear
      if (canvas === null || setup === undefined) return
      this.#map ??= new LidarMap(canvas)
      this.#look ??= lookAt(setup, canvas)
      this.#map.draw({ setup, state, clouds, ground: this.ground }, this.#look)
    })
  }

  #key(event: KeyboardEvent): void {
    const step = 50 / (this.#look?.scale ?? 50)
    const moves: Record<string, () => void> = {
      '+': () => this.#zoom(1.25), '-': () => this.#zoom(0.8), '0': () => this.#change(undefined),
      ArrowUp: () => this.#move(step, 0), ArrowDown: () => this.#move(-step, 0), ArrowLeft: () => this.#move(0, step), ArrowRight: () => this.#move(0, -step),
    }
    const move = moves[event.key]
    if (move === undefined) return
    event.preventDefault()
    move()
  }

  #zoom(factor: number): void {
    if (this.#look !== undefined) this.#change({ ...this.#look, scale: Math.max(2, Math.min(400, this.#look.scale * factor)) })
  }

  #move(x: number, y: number): void {
    if (this.#look !== undefined) this.#change({ ...this.#look, x: this.#look.x + x, y: this.#look.y + y })
  }

  #change(look: Look | undefined): void {
    this.#look = look
    this.#redraw()
  }
}

customElements.define('device-lidar', DeviceLidar)
