/** The traveller's screen: joins what is known, the scene that follows from it, and the language. */
import { css, html, LitElement, type PropertyValues, type TemplateResult, unsafeCSS } from 'lit'
import { type Cancel, systemClock } from '../../base/clock.ts'
import type { Language } from '../snapshot.ts'
import './choice.ts'
import { type LanguageChosen } from './choice.ts'
import { Connection } from './connection.ts'
import { paletteStyles } from './palette.ts'
import { renew } from './renewal.ts'
import { endsPassage, isIdle, type Knowledge, type Scene, sceneOf } from './scene.ts'
import './stage.ts'
import './steps.ts'
import { instructions, languageTags, mirrorImage } from './texts.ts'
import './words.ts'

const everyLanguage: readonly Language[] = ['vi', 'zh', 'en']

/** How long a choice of language lasts while nobody comes. */
const undecided_ms = 30_000

const build = document.documentElement.dataset['build']

export class PortcullisScreen extends LitElement {
  static override properties = { knowledge: { state: true }, chosen: { state: true }, tone: { type: String, reflect: true } }

  declare knowledge: Knowledge
  declare chosen: Language | undefined
  declare tone: string

  static override styles = [
    unsafeCSS(paletteStyles),
    css`
      :host { --u: min(100vw / 108, 100vh / 192); --disc: calc(var(--u) * 8.4); --main: 10.4; --button: 3.8; --label: 2.6;
        position: fixed; inset: 0; display: grid; gap: calc(var(--u) * 4); box-sizing: border-box;
        padding: calc(var(--u) * 5) calc(var(--u) * 6);
        grid-template: 'steps' auto 'stage' minmax(0, 1fr) 'words' calc(var(--u) * 64) 'choice' auto / minmax(0, 1fr);
        background: var(--ground); color: var(--ink); user-select: none; overflow: hidden; }
      header { grid-area: steps; min-height: calc(var(--u) * 12.6); }
      [hidden] { display: none; }
      main { display: contents; }
      gate-stage { grid-area: stage; }
      gate-words { grid-area: words; }
      footer { grid-area: choice; }
      .spoken { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
      @media (min-aspect-ratio: 1/1) {
        :host { --u: min(100vw / 128, 100vh / 80); --disc: calc(var(--u) * 5.4); --main: 6.4; --button: 2.5; --label: 2.2;
          gap: calc(var(--u) * 2.6) calc(var(--u) * 5); padding: calc(var(--u) * 3) calc(var(--u) * 4);
          grid-template: 'stage steps' auto 'stage words' minmax(0, 1fr) 'stage choice' auto / minmax(0, 1fr) minmax(0, 1.16fr); }
        header { min-height: calc(var(--u) * 9.4); }
      }
      @media (prefers-reduced-motion: no-preference) { :host { transition: background-color 300ms; } }
    `,
  ]

  readonly #connection = new Connection(() => new WebSocket('/state'), systemClock, (knowledge) => this.#learn(knowledge))
  #cancelUndecided: Cancel = () => undefined
  #renewing = false

  constructor() {
    super()
    this.knowledge = { kind: 'connecting' }
    this.chosen = undefined
    this.tone = 'closed'
  }

  override connectedCallback(): void {
    super.connectedCallback()
    this.#connection.open()
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    this.#connection.close()
    this.#cancelUndecided()
  }

  override willUpdate(): void {
    this.tone = sceneOf(this.knowledge).tone
  }

  override render(): TemplateResult {
    const scene = sceneOf(this.knowledge)
    const languages = this.#languages()
    const [main = 'vi'] = languages
    return html`
      <header ?hidden=${scene.steps.length === 0}><gate-steps .steps=${scene.steps} .language=${main}></gate-steps></header>
      <main>
        <gate-stage .instruction=${scene.instruction} .mirrorOf=${scene.mirrorOf} .mirrorLabel=${mirrorImage[main]}></gate-stage>
        <gate-words .instruction=${scene.instruction} .because=${scene.because} .attempt=${scene.attempt}
          .languages=${languages}></gate-words>
      </main>
      <footer><language-choice .languages=${this.#offered()} .chosen=${main} @language-chosen=${this.#choose}></language-choice></footer>
      <div class="spoken" role="status" aria-live="polite">${scene.urgent ? '' : spoken(scene, languages)}</div>
      <div class="spoken" role="alert" aria-live="assertive">${scene.urgent ? spoken(scene, languages) : ''}</div>`
  }

  override updated(_changed: PropertyValues): void {
    const { instruction } = sceneOf(this.knowledge)
    const [main = 'vi'] = this.#languages()
    document.title = instructions[instruction][main]
    document.documentElement.lang = languageTags[main]
  }

  #learn(knowledge: Knowledge): void {
    if (knowledge.kind === 'live' && knowledge.snapshot.build !== build && !this.#renewing) {
      this.#renewing = true
      renew(systemClock)
    }
    if (endsPassage(this.knowledge, knowledge)) this.#forgetChoice()
    if (!same(this.knowledge, knowledge)) this.knowledge = knowledge
    if (!isIdle(knowledge)) this.#cancelUndecided()
  }

  readonly #choose = ({ language }: LanguageChosen): void => {
    this.chosen = language
    this.#cancelUndecided()
    if (isIdle(this.knowledge)) this.#cancelUndecided = systemClock.after(undecided_ms, () => this.#forgetChoice())
  }

  #forgetChoice(): void {
    this.chosen = undefined
  }

  #offered(): readonly Language[] {
    return this.knowledge.kind === 'live' ? this.knowledge.snapshot.languages : everyLanguage
  }

  /** The chosen language first. */
  #languages(): readonly Language[] {
    const offered = this.#offered()
    return offered.toSorted((a, b) => Number(b === this.chosen) - Number(a === this.chosen))
  }
}

/** The same in every language: whoever cannot see the screen may know only one of them. */
function spoken({ instruction, because }: Scene, languages: readonly Language[]): TemplateResult[] {
  return languages.map((language) => html`
    <p lang=${languageTags[language]}>${instructions[instruction][language]}. ${because?.words[language] ?? ''}</p>`)
}

/** Beats repeat the snapshot; only a new one is worth drawing. */
function same(a: Knowledge, b: Knowledge): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}

// A page that broke must not go on showing what is no longer true. Mere notices carry no error.
addEventListener('error', ({ error }) => {
  if (error instanceof Error) renew(systemClock)
})
addEventListener('unhandledrejection', () => renew(systemClock))

customElements.define('portcullis-screen', PortcullisScreen)
