/** The language buttons. */
import { css, html, LitElement, type TemplateResult } from 'lit'
import type { Language } from '../snapshot.ts'
import { chooseLanguage, languageNames, languageTags } from './texts.ts'

/** Someone chose a language. */
export class LanguageChosen extends Event {
  static readonly type = 'language-chosen'
  readonly language: Language

  constructor(language: Language) {
    super(LanguageChosen.type, { bubbles: true, composed: true })
    this.language = language
  }
}

export class LanguageChoice extends LitElement {
  static override properties = { languages: { attribute: false }, chosen: { type: String } }

  declare languages: readonly Language[]
  declare chosen: Language

  static override styles = css`
    :host { display: block; }
    div { display: flex; gap: calc(var(--u) * 2); }
    button { flex: 1 1 0; min-width: 64px; min-height: max(48px, calc(var(--u) * 10)); padding: 0 calc(var(--u));
      border: max(2px, calc(var(--u) * 0.3)) solid var(--line); border-radius: calc(var(--u) * 2.6); background: var(--ground); color: var(--ink);
      font: inherit; font-size: max(16px, calc(var(--u) * var(--button)));
      white-space: nowrap; cursor: pointer; touch-action: manipulation; }
    button[aria-pressed='true'] { background: var(--mark); border-color: var(--mark); color: var(--onMark); font-weight: 700; }
    button[aria-pressed='true']::before { content: '✓' / ''; margin-right: 0.35em; }
    button:focus-visible { outline: max(4px, calc(var(--u) * 0.5)) solid var(--ink); outline-offset: max(3px, calc(var(--u) * 0.4)); }
    button:active { border-color: var(--ink); }
  `

  constructor() {
    super()
    this.languages = []
    this.chosen = 'vi'
  }

  override render(): TemplateResult {
    const buttons = this.languages.map((language) => this.#button(language))
    return html`<div role="group" aria-label=${chooseLanguage[this.chosen]}>${buttons}</div>`
  }

  #button(language: Language): TemplateResult {
    return html`
      <button type="button" lang=${languageTags[language]} aria-pressed=${this.chosen === language ? 'true' : 'false'}
        @click=${() => this.dispatchEvent(new LanguageChosen(language))}>${languageNames[language]}</button>`
  }
}

customElements.define('language-choice', LanguageChoice)
