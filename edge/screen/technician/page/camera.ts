/** What a camera sees, a still after the other: asked for on the record, drawn, and forgotten. */
import { html, LitElement, nothing, type TemplateResult } from 'lit'
import { luma, sharpness } from '../../../perception/sharpness.ts'
import { command, picture, said } from './ask.ts'
import { device, DeviceView } from './device.ts'
import { texts } from './texts.ts'

const gap_ms = 250
/** Pixels of the middle that the sharpness is of, each way. */
const middle = 256

/** One camera. Tells `sharpness` with each picture. */
export class CameraStills extends LitElement {
  static override properties = { camera: { type: String }, watching: { state: true }, error: { state: true } }

  declare camera: string
  declare watching: boolean
  declare error: string
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor() {
    super()
    this.watching = false
    this.error = ''
  }

  protected override createRenderRoot(): HTMLElement {
    return this
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    this.#stop()
  }

  override render(): TemplateResult {
    const { camera } = texts
    return html`<div class="card">
      <canvas class="still" ?hidden=${!this.watching} role="img" aria-label="${camera.picture}: ${this.camera}"></canvas>
      ${this.watching ? html`<button @click=${() => this.#stop()}>${camera.stop}</button>` : html`<button class="primary" ?disabled=${!device.may('technician')} @click=${() => void this.#watch()}>${camera.watch}</button>`}
      <p role="alert" class="bad">${this.error}</p>
    </div>`
  }

  async #watch(): Promise<void> {
    this.error = ''
    try {
      await command(device.of('technician-page')[0]?.name ?? 'technician', 'watch', { camera: this.camera })
      this.watching = true
      void this.#next()
    } catch (error) {
      this.error = said(error)
    }
  }

  #stop(): void {
    this.watching = false
    clearTimeout(this.#timer)
  }

  async #next(): Promise<void> {
    try {
      const still = await createImageBitmap(await picture(`/camera/${encodeURIComponent(this.camera)}`))
      this.#draw(still)
      still.close()
    } catch (error) {
      this.#stop()
      this.error = said(error)
    }
    if (this.watching) this.#timer = setTimeout(() => void this.#next(), gap_ms)
  }

  #draw(still: ImageBitmap): void {
    const canvas = this.querySelector('canvas')
    const context = canvas?.getContext('2d', { willReadFrequently: true })
    if (canvas === null || context === null || context === undefined) return
    canvas.width = still.width
    canvas.height = still.height
    context.drawImage(still, 0, 0)
    const [width, height] = [Math.min(middle, still.width), Math.min(middle, still.height)]
    const [left, top] = [Math.floor((still.width - width) / 2), Math.floor((still.height - height) / 2)]
    this.dispatchEvent(new CustomEvent('sharpness', { detail: sharpness(luma(context.getImageData(left, top, width, height).data, 4), width, height) }))
    context.strokeStyle = '#ffc145'
    context.lineWidth = Math.max(2, still.width / 320)
    context.strokeRect(left, top, width, height)
  }
}

export class DeviceCamera extends DeviceView {
  override render(): TemplateResult {
    const cameras = device.of('camera')
    return html`<h1>${texts.camera.heading}</h1>
      ${cameras.length === 0 ? html`<p>${texts.camera.none}</p>` : html`<p>${texts.camera.privacy}</p>`}
      ${device.may('technician') ? nothing : html`<p>${texts.camera.role}</p>`}
      ${cameras.map(({ name }) => html`<h2>${name}</h2><camera-stills .camera=${name}></camera-stills>`)}`
  }
}

customElements.define('camera-stills', CameraStills)
customElements.define('device-camera', DeviceCamera)
