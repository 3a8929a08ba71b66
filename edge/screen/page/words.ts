/** The instruction and its reason in every language at once: the chosen one large, the others under it. */
import { css, html, LitElement, nothing, type TemplateResult } from 'lit'
import type { Instruction } from '../../gate/contract.ts'
import type { Language } from '../snapshot.ts'
import type { Because } from './scene.ts'
import { drawingStyles, drawn } from './stage.ts'
import { instructions, languageTags, tryNumber } from './texts.ts'
import { topicPictograms } from './topics.ts'

/** Steps by which text shrinks until it fits: fonts differ, and nothing may be cut off. */
const shrink = 0.94
const smallest = 0.5

export class GateWords extends LitElement {
  static override properties = {
    instruction: { type: String },
    because: { attribute: false },
    attempt: { type: Number },
    languages: { attribute: false },
  }

  declare instruction: Instruction
  declare because: Because | undefined
  declare attempt: number
  /** The chosen language first. */
  declare languages: readonly Language[]

  static override styles = [
    drawingStyles,
    css`
      :host { display: grid; align-content: center; gap: calc(var(--t) * 3.2); min-height: 0; overflow: hidden;
        --t: calc(var(--u) * var(--fit, 1)); --figure: var(--ink); --stage: var(--ground); --accent: var(--ground); }
      h1, p { margin: 0; text-wrap: balance; overflow-wrap: break-word; }
      h1 { font-size: calc(var(--t) * var(--main)); line-height: 1.16; font-weight: 700; letter-spacing: -0.012em; color: var(--ink); }
      :lang(zh) { letter-spacing: 0.02em; }
      .because { display: flex; align-items: center; gap: calc(var(--t) * 1.8); margin-top: calc(var(--t) * 2); color: var(--ink);
        font-size: calc(var(--t) * var(--main) * 0.52); line-height: 1.3; }
      .because svg { flex: none; width: 1.9em; height: 1.9em; }
      .because:not(:has(*)) { display: none; }
      .attempt { flex: none; padding: 0.2em 0.8em; border-radius: 9em; background: var(--mark);
        color: var(--onMark); font-size: 0.8em; font-weight: 700; }
      .others { display: grid; gap: calc(var(--t) * 2); padding-top: calc(var(--t) * 3.2);
        border-top: max(1px, calc(var(--u) * 0.2)) solid var(--line); }
      .other { color: var(--ink); font-size: calc(var(--t) * var(--main) * 0.55); line-height: 1.28; }
      .other .why { color: var(--soft); font-size: 0.76em; }
    `,
  ]

  readonly #resized = new ResizeObserver(() => this.#fit())

  constructor() {
    super()
    this.instruction = 'please-wait'
    this.because = undefined
    this.attempt = 1
    this.languages = ['vi']
  }

  override connectedCallback(): void {
    super.connectedCallback()
    this.#resized.observe(this)
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    this.#resized.disconnect()
  }

  override render(): TemplateResult {
    const [main, ...others] = this.languages
    return html`${main === undefined ? nothing : this.#main(main)}
      ${others.length === 0 ? nothing : html`<div class="others">${others.map((language) => this.#other(language))}</div>`}`
  }

  override updated(): void {
    this.#fit()
  }

  #main(language: Language): TemplateResult {
    return html`
      <div lang=${languageTags[language]}>
        <h1>${instructions[this.instruction][language]}</h1>
        <p class="because">${this.#attempt(language)}${this.#because(language)}</p>
      </div>`
  }

  #attempt(language: Language): TemplateResult | typeof nothing {
    return this.attempt > 1 ? html`<span class="attempt">${tryNumber(this.attempt)[language]}</span>` : nothing
  }

  #because(language: Language): TemplateResult | typeof nothing {
    if (this.because === undefined) return nothing
    return html`${drawn(topicPictograms[this.because.topic])}<span>${this.because.words[language]}</span>`
  }

  #other(language: Language): TemplateResult {
    return html`
      <div class="other" lang=${languageTags[language]}>
        <p>${instructions[this.instruction][language]}</p>
        ${this.because === undefined ? nothing : html`<p class="why">${this.because.words[language]}</p>`}
      </div>`
  }

  #fit(): void {
    for (let fit = 1; fit >= smallest; fit *= shrink) {
      this.style.setProperty('--fit', String(fit))
      if (this.scrollHeight <= this.clientHeight && this.scrollWidth <= this.clientWidth) return
    }
  }
}

customElements.define('gate-words', GateWords)
