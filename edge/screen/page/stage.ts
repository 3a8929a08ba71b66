/** The large panel: the pictogram of the instruction or, while the face is taken, the live mirror. */
import { css, html, LitElement, type PropertyValues, svg, type TemplateResult } from 'lit'
import { keyed } from 'lit/directives/keyed.js'
import type { Instruction } from '../../gate/contract.ts'
import type { Drawing } from './figures.ts'
import { pictograms } from './pictograms.ts'

/** The colours of a drawing's shapes; needed wherever one is shown. */
export const drawingStyles = css`
  .figure { fill: var(--figure); }
  .accent { fill: var(--accent); }
  .shade { fill: var(--shade); }
  .stage { fill: var(--stage); }
  .line, .line-accent, .line-shade, .line-stage { fill: none; stroke-width: 18; stroke-linecap: round; stroke-linejoin: round; }
  .line { stroke: var(--figure); }
  .line-accent { stroke: var(--accent); }
  .line-shade { stroke: var(--shade); }
  .line-stage { stroke: var(--stage); stroke-width: 11; }
  .rounded { stroke: var(--accent); stroke-width: 16; stroke-linejoin: round; }
  .thin { stroke-width: 8; }
  .wide { stroke-width: 30; }
`

export const drawn = (drawing: Drawing): TemplateResult =>
  html`<svg viewBox="0 0 400 400" aria-hidden="true" focusable="false">${drawing}</svg>`

/** The outline of a face of this half width and half height in the middle of the mirror. */
const oval = (w: number, h: number): string =>
  `M450 ${440 - h} C${450 - w * 0.77} ${440 - h} ${450 - w} ${440 - h * 0.62} ${450 - w} ${440 - h * 0.14}
    C${450 - w} ${440 + h * 0.42} ${450 - w * 0.52} ${440 + h} 450 ${440 + h}
    C${450 + w * 0.52} ${440 + h} ${450 + w} ${440 + h * 0.42} ${450 + w} ${440 - h * 0.14}
    C${450 + w} ${440 - h * 0.62} ${450 + w * 0.77} ${440 - h} 450 ${440 - h} Z`

/** Where the head should turn to. */
const chevrons = svg`
  <g class="go-flow"><path d="M176 380 l-60 70 60 70" /><path d="M106 380 l-60 70 60 70" /><path d="M36 380 l-60 70 60 70" /></g>`

const outlines: Partial<Record<Instruction, Drawing>> = {
  'turn-left': chevrons,
  'turn-right': svg`<g transform="translate(900 0) scale(-1 1)">${chevrons}</g>`,
}

export class GateStage extends LitElement {
  static override properties = {
    instruction: { type: String },
    mirrorOf: { type: Number },
    mirrorLabel: { type: String },
    dark: { state: true },
  }

  declare instruction: Instruction
  /** The passage whose traveller sees themselves; `undefined` for no mirror. */
  declare mirrorOf: number | undefined
  declare mirrorLabel: string
  /** The mirror was asked for and there is no picture. */
  declare dark: boolean

  /** Each look into the mirror has its own element and address: no browser can show it an earlier picture. */
  #look = 0

  static override styles = [
    drawingStyles,
    css`
      :host { display: grid; place-items: center; position: relative; overflow: hidden; min-height: 0; background: var(--stage);
        border-radius: calc(var(--u) * 5); }
      svg { width: 90%; height: 90%; overflow: visible; }
      .badge svg { width: 68%; height: 68%; }
      img { position: absolute; inset: 0; width: 100%; height: 100%; object-fit: cover; transform: scaleX(-1); }
      .outline { position: absolute; inset: 0; width: 100%; height: 100%; fill: none; stroke-linecap: round; stroke-linejoin: round; }
      .dim { fill: rgb(6 26 30 / 62%); }
      .edge { stroke: #fff; stroke-width: 9; }
      .guide { stroke: var(--accent); stroke-width: 16; stroke-dasharray: 30 34; }
      .go-flow path { stroke: var(--accent); stroke-width: 26; }
      .badge { position: absolute; left: calc(var(--u) * 3); bottom: calc(var(--u) * 3); width: calc(var(--u) * 22); height: calc(var(--u) * 22);
        display: grid; place-items: center; border-radius: 50%; background: var(--stage); border: calc(var(--u) * 0.6) solid #fff; }
      .go-open { opacity: 0; }
      [class^='go-'] { transform-box: view-box; transform-origin: 50% 50%; }
      @media (prefers-reduced-motion: no-preference) {
        :host { transition: background-color 300ms; }
        .go-down { animation: down 2.2s ease-in-out infinite; }
        .go-up { animation: up 1.6s ease-in-out infinite; }
        .go-left, .go-flow { animation: left 1.4s ease-in-out infinite; }
        .go-right { animation: left 1.4s ease-in-out infinite; --way: -1; }
        .go-turn { animation: breathe 2.4s ease-in-out infinite; }
        .go-sweep { animation: sweep 2.4s ease-in-out infinite; }
        .go-round { animation: round 1.8s linear infinite; }
        .go-hand { animation: round 6s linear infinite; transform-origin: 322px 130px; }
        .go-breathe { animation: breathe 3s ease-in-out infinite; }
        .go-near { animation: near 2.6s ease-in-out infinite; }
        .go-open { animation: open 2.4s step-end infinite; }
        .go-shut { animation: shut 2.4s step-end infinite; }
        .go-press { animation: press 2.2s ease-in-out infinite; }
        .go-lift { animation: press 2.2s ease-in-out infinite reverse; }
        .go-nudge { animation: left 1.8s ease-in-out infinite; }
        .guide { animation: dash 2.4s linear infinite; }
      }
      @keyframes down { 0%, 100% { transform: translateY(-14px); } 50%, 70% { transform: translateY(26px); } }
      @keyframes up { 0%, 100% { transform: translateY(12px); } 50% { transform: translateY(-12px); } }
      @keyframes left { 0%, 100% { transform: translateX(calc(10px * var(--way, 1))); } 50% { transform: translateX(calc(-12px * var(--way, 1))); } }
      @keyframes sweep { 0%, 100% { transform: translateY(-84px); } 50% { transform: translateY(84px); } }
      @keyframes round { to { transform: rotate(360deg); } }
      @keyframes breathe { 0%, 100% { transform: scale(1); } 50% { transform: scale(1.03); } }
      @keyframes near { 0%, 15%, 100% { transform: scale(0.9); } 60%, 85% { transform: scale(1.5); } }
      @keyframes open { 0%, 75% { opacity: 1; } 55% { opacity: 0; } }
      @keyframes shut { 0%, 75% { opacity: 0; } 55% { opacity: 1; } }
      @keyframes press { 0%, 100% { transform: translateY(74px); } 45%, 75% { transform: translateY(0); } }
      @keyframes dash { to { stroke-dashoffset: -128; } }
    `,
  ]

  constructor() {
    super()
    this.instruction = 'please-wait'
    this.mirrorOf = undefined
    this.mirrorLabel = ''
    this.dark = false
  }

  override willUpdate(changed: PropertyValues<this>): void {
    if (!changed.has('mirrorOf')) return
    this.#look++
    this.dark = false
  }

  override render(): TemplateResult {
    const drawing = pictograms[this.instruction]
    if (this.mirrorOf === undefined || this.dark) return drawn(drawing)
    return html`
      ${keyed(this.#look, html`<img src=${`/mirror?look=${this.#look}`} alt=${this.mirrorLabel} @error=${this.#giveUp} />`)}
      <svg class="outline" viewBox="0 0 900 900" aria-hidden="true">
        <path class="dim" fill-rule="evenodd" d="M-3000 -3000 H3900 V3900 H-3000 Z ${oval(200, 290)}" />
        <path class="edge" d=${oval(200, 290)} />
        <path class="guide" d=${oval(232, 322)} />
        ${outlines[this.instruction]}
      </svg>
      <div class="badge">${drawn(drawing)}</div>`
  }

  /** Without a picture the pictogram says it all. */
  readonly #giveUp = (): void => {
    this.dark = true
  }
}

customElements.define('gate-stage', GateStage)
