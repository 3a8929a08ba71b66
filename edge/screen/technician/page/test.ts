/** The self-test of the whole device with its progress, the diagnosis bundle, and restarting. */
import { html, nothing, type TemplateResult } from 'lit'
import type { SelfTestReport } from '../../../device/contract.ts'
import { unitSymbol } from '../../../device/units.ts'
import type { ShownCommand } from '../wire.ts'
import { command, said } from './ask.ts'
import './command.ts'
import { device, DeviceView } from './device.ts'
import { figure } from './figures.ts'
import { texts } from './texts.ts'

interface Tested {
  passed: boolean
  components: Record<string, SelfTestReport>
  took_ms: number
}

interface Progress {
  what: string
  done: number
  of: number
}

export class DeviceTest extends DeviceView {
  static override properties = { busy: { state: true }, tested: { state: true }, bundle: { state: true }, error: { state: true } }

  declare busy: 'testAll' | 'bundle' | undefined
  declare tested: Tested | undefined
  declare bundle: string | undefined
  declare error: string

  constructor() {
    super()
    this.busy = undefined
    this.tested = undefined
    this.bundle = undefined
    this.error = ''
  }

  override render(): TemplateResult {
    const [diagnosis] = device.of('diagnosis')
    const [power] = device.of('power')
    return html`<h1>${texts.test.heading}</h1>
      ${diagnosis === undefined ? html`<p>${texts.test.nothing}</p>` : this.#diagnosis(diagnosis.name)}
      ${power === undefined ? nothing : html`<h2>${texts.test.power}</h2>${Object.entries(power.members)
        .filter((member): member is [string, ShownCommand] => member[1].kind === 'command' && member[1].moves)
        .map(([name, spec]) => html`<command-form .component=${power.name} .name=${name} .spec=${spec}></command-form>`)}`}`
  }

  #diagnosis(name: string): TemplateResult {
    const may = device.may('technician')
    return html`<p>${texts.test.says}</p>
      <button class="primary" ?disabled=${this.busy !== undefined || !may} @click=${() => void this.#run(name, 'testAll')}>${texts.test.run}</button>
      ${this.busy === undefined ? nothing : this.#progress(name)}
      <p role="alert" class="bad">${this.error}</p>
      <div role="status">${this.tested === undefined ? nothing : summary(this.tested)}</div>
      ${this.tested === undefined ? nothing : reports(this.tested)}
      <h2>${texts.test.bundle}</h2><p>${texts.test.bundleSays}</p>
      <button ?disabled=${this.busy !== undefined || !may} @click=${() => void this.#run(name, 'bundle')}>${texts.test.pack}</button>
      ${this.bundle === undefined || device.about?.downloads !== true ? nothing : html`<p><a class="button" href="/bundle/${encodeURIComponent(this.bundle)}" download>${texts.test.download} ${this.bundle}</a></p>`}`
  }

  #progress(name: string): TemplateResult {
    const { what, done, of } = (device.value(name, 'progress') as Progress | undefined) ?? { what: '', done: 0, of: 1 }
    return html`<p class="progress"><progress max=${Math.max(1, of)} value=${done} aria-label=${texts.test.heading}></progress> ${what}: ${done} / ${of}</p>`
  }

  async #run(name: string, what: 'testAll' | 'bundle'): Promise<void> {
    this.busy = what
    this.error = ''
    try {
      if (what === 'testAll') this.tested = await command<Tested>(name, what)
      else this.bundle = (await command<{ file: string }>(name, what)).file
    } catch (error) {
      this.error = said(error)
    } finally {
      this.busy = undefined
    }
  }
}

function summary({ components, took_ms }: Tested): TemplateResult {
  const all = Object.values(components)
  const failed = all.filter(({ passed }) => !passed).length
  return html`<p class="summary">${texts.test.summary(all.length - failed, failed, (took_ms / 1000).toFixed(1))}</p>`
}

/** What failed first, and opened. */
function reports({ components }: Tested): TemplateResult[] {
  return Object.entries(components).toSorted(([, a], [, b]) => Number(a.passed) - Number(b.passed)).map(([name, { passed, checks }]) => html`
    <details class="card" ?open=${!passed}><summary>${name} <span class="badge" data-status=${passed ? 'ready' : 'failed'}>${passed ? texts.test.passed : texts.test.failed}</span></summary>
      <table class="rows"><tbody>${checks.map((check) => html`<tr><th scope="row">${check.name}</th><td>${check.passed ? texts.test.passed : html`<strong class="bad">${texts.test.failed}</strong>`}</td>
        <td>${check.value === undefined ? nothing : `${figure(check.value)} ${unitSymbol(check.unit)}`}</td><td>${check.says}</td></tr>`)}</tbody></table>
    </details>`)
}

customElements.define('device-test', DeviceTest)
