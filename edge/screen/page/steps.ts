/** How far the passage has come: one item a step, told apart by shape and words as well as colour. */
import { css, html, LitElement, nothing, type TemplateResult } from 'lit'
import type { GateView } from '../../gate/contract.ts'
import type { Language } from '../snapshot.ts'
import { drawingStyles, drawn } from './stage.ts'
import { languageTags, progress, stepNames, stepStatuses } from './texts.ts'
import { doneMark, failedMark, stepPictograms } from './topics.ts'

type Step = GateView['steps'][number]

export class GateSteps extends LitElement {
  static override properties = { steps: { attribute: false }, language: { type: String } }

  declare steps: readonly Step[]
  declare language: Language

  static override styles = [
    drawingStyles,
    css`
      :host { display: block; --figure: var(--ink); --stage: var(--ground); }
      ol { display: flex; margin: 0; padding: 0; list-style: none; }
      li { position: relative; flex: 1 1 0; min-width: 0; display: grid; justify-items: center; gap: calc(var(--u) * 0.9);
        color: var(--soft); font-size: max(12px, calc(var(--u) * var(--label))); line-height: 1.2; text-align: center;
        white-space: nowrap; }
      li + li::before { content: ''; position: absolute; top: calc(var(--disc) / 2 - var(--u) * 0.2); right: calc(50% + var(--disc) / 2 + var(--u));
        left: calc(-50% + var(--disc) / 2 + var(--u)); height: calc(var(--u) * 0.4); border-radius: 9px; background: var(--line); }
      li.done + li::before { background: var(--mark); }
      .disc { display: grid; place-items: center; width: var(--disc); height: var(--disc); box-sizing: border-box; border-radius: 50%;
        border: max(2px, calc(var(--u) * 0.3)) solid var(--line); --figure: var(--soft); }
      svg { width: 58%; height: 58%; overflow: visible; }
      .line { stroke-width: 34; }
      .line.wide { stroke-width: 52; }
      .now .disc, .done .disc, .failed .disc { --figure: var(--onMark); --stage: var(--mark); background: var(--mark); border-color: var(--mark); }
      .now .disc { outline: max(2px, calc(var(--u) * 0.4)) solid var(--mark); outline-offset: max(2px, calc(var(--u) * 0.4)); }
      .now { color: var(--ink); font-weight: 700; }
      .failed .disc { border-radius: 26%; }
      .status { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
    `,
  ]

  constructor() {
    super()
    this.steps = []
    this.language = 'vi'
  }

  override render(): TemplateResult | typeof nothing {
    if (this.steps.length === 0) return nothing
    const items = this.steps.map((step) => this.#item(step))
    return html`<ol lang=${languageTags[this.language]} aria-label=${progress[this.language]}>${items}</ol>`
  }

  #item({ step, status }: Step): TemplateResult {
    const drawing = status === 'done' ? doneMark : status === 'failed' ? failedMark : stepPictograms[step]
    return html`
      <li class=${status} aria-current=${status === 'now' ? 'step' : nothing}>
        <span class="disc">${drawn(drawing)}</span>
        <span class="name">${stepNames[step][this.language]}</span>
        <span class="status">${stepStatuses[status][this.language]}</span>
      </li>`
  }
}

customElements.define('gate-steps', GateSteps)
