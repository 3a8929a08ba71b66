/** The device picture: the gate's plan where it is one, and a tile for each component of the model, whatever it is. */
import { html, nothing, type TemplateResult } from 'lit'
import type { ShownComponent, ShownProperty } from '../wire.ts'
import { device, DeviceView } from './device.ts'
import { clockOf, liveValue, sparkline } from './figures.ts'
import './plan.ts'
import { statusWords, texts } from './texts.ts'

/** Every component has these; a tile shows what is its own. */
const common = new Set(['health', 'identity', 'counters'])
const shown_max = 2

export const healthBadge = (name: string): TemplateResult => {
  const { status } = device.health(name)
  const { word, sign } = statusWords[status]
  return html`<span class="badge" data-status=${status}><span aria-hidden="true">${sign}</span> ${word}</span>`
}

export const healthWords = (name: string): TemplateResult | typeof nothing => {
  const { code, says } = device.health(name)
  return code === undefined && says === undefined ? nothing : html`<p class="why">${says} ${code === undefined ? nothing : html`<code>${code}</code>`}</p>`
}

export class DeviceOverview extends DeviceView {
  override render(): TemplateResult {
    const { components } = device
    const bad = components.filter(({ name }) => device.health(name).status !== 'ready')
    return html`<h1>${device.about?.device}</h1>
      <p role="status" class="summary">${bad.length === 0 ? texts.device.allWell(components.length) : texts.device.trouble(bad.length, components.length)}</p>
      <gate-plan></gate-plan>
      <ul class="tiles">${components.map((component) => this.#tile(component))}</ul>
      <h2>${texts.device.events}</h2>
      ${device.events.length === 0 ? html`<p class="soft">${texts.device.noEvents}</p>` : eventList()}`
  }

  #tile(component: ShownComponent): TemplateResult {
    const { name, capability } = component
    return html`<li><a class="tile" href="#/component/${encodeURIComponent(name)}" data-status=${device.health(name).status}>
      <span class="name">${name}</span> <span class="soft">${capability}</span> ${healthBadge(name)} ${healthWords(name)}
      ${simpleProperties(component).slice(0, shown_max).map(([property, spec]) => html`<span class="line"><span class="soft">${property}</span> <span>${liveValue(name, property, spec)}</span> ${sparkline(name, property)}</span>`)}
    </a></li>`
  }
}

/** Properties that fit a line. */
function simpleProperties({ name, members }: ShownComponent): [string, ShownProperty][] {
  return Object.entries(members).flatMap(([property, spec]) => {
    const value = device.value(name, property)
    const fits = typeof value === 'number' || typeof value === 'boolean' || (typeof value === 'string' && value.length <= 24)
    return spec.kind === 'property' && !common.has(property) && fits ? [[property, spec]] : []
  })
}

export const eventList = (component?: string): TemplateResult => html`<ul class="events">
  ${device.events.filter((event) => component === undefined || event.component === component).map(({ at, component: from, data, name, severity }) => html`<li data-severity=${severity}>
    <time>${clockOf(at)}</time> <strong>${severity}</strong> <span>${from}.${name}</span> <code>${JSON.stringify(data)}</code>
  </li>`)}
</ul>`

customElements.define('device-overview', DeviceOverview)
