/** The gate from above, as far as it has doors: what stands where on the traveller's way, and how it is. */
import { html, nothing, svg, type SVGTemplateResult, type TemplateResult } from 'lit'
import { device, DeviceView } from './device.ts'
import { statusWords, texts } from './texts.ts'

/** What each part of a gate does for it: the roles of `gate.parts`. */
type Role = keyof typeof texts.plan.roles
type Place = 'before' | 'inside' | 'behind' | 'building'

/** Where the parts of a gate with two doors stand; with one door, whatever would be inside stands before it. */
const places: Readonly<Record<Place, readonly Role[]>> = {
  before: ['reader', 'codes', 'front', 'lampEntry'], inside: ['camera', 'finger', 'inside'], behind: ['behind', 'lampExit'], building: ['fire', 'power'],
}

/** On an area of 24 x 24; a door is drawn as what it is. */
const signs: Readonly<Partial<Record<Role, SVGTemplateResult>>> = {
  reader: svg`<path d="M5 4h14v16H5zM9 16h6" /><circle cx="12" cy="10" r="3" />`,
  codes: svg`<path d="M4 4h6v6H4zM14 4h6v6h-6zM4 14h6v6H4zM14 14h2v2M20 14v6h-6" />`,
  camera: svg`<path d="M3 7h5l2-3h4l2 3h5v13H3z" /><circle cx="12" cy="13" r="4" />`,
  finger: svg`<path d="M6 20c-1-4-1-12 6-12s7 8 6 12M10 20c-1-4-1-8 2-8s3 4 2 8M4 10c2-6 14-6 16 0" />`,
  front: svg`<circle cx="12" cy="6" r="3" /><path d="M6 21c0-9 12-9 12 0" />`,
  inside: svg`<circle cx="12" cy="6" r="3" /><path d="M6 21c0-9 12-9 12 0" />`,
  behind: svg`<circle cx="12" cy="6" r="3" /><path d="M6 21c0-9 12-9 12 0" />`,
  lampEntry: svg`<path d="M8 3h8v18H8z" /><circle cx="12" cy="8" r="2" /><circle cx="12" cy="15" r="2" />`,
  lampExit: svg`<path d="M8 3h8v18H8z" /><circle cx="12" cy="8" r="2" /><circle cx="12" cy="15" r="2" />`,
  fire: svg`<path d="M12 3c1 5 6 6 6 12a6 6 0 0 1-12 0c0-3 2-4 3-6 1 2 2 2 3 2 1-2 0-5 0-8z" />`,
  power: svg`<path d="M13 3 6 14h5l-1 7 7-11h-5z" />`,
}

export class GatePlan extends DeviceView {
  override render(): TemplateResult | typeof nothing {
    const parts = device.of('gate').map(({ name }) => device.value(name, 'parts') as Partial<Record<Role, string>> | undefined).find((found) => found !== undefined)
    if (parts === undefined) return nothing
    const isMantrap = parts.entry !== undefined
    const before = isMantrap ? places.before : [...places.before, ...places.inside]
    return html`<section class="plan" aria-label=${texts.plan.heading}>
      ${this.#place('before', before, parts)}
      ${isMantrap ? html`${this.#door('entry', parts)}${this.#place('inside', places.inside, parts)}` : nothing}
      ${this.#door('exit', parts)}${this.#place('behind', places.behind, parts)}${this.#place('building', places.building, parts)}
    </section>`
  }

  #place(place: Place, roles: readonly Role[], parts: Partial<Record<Role, string>>): TemplateResult {
    return html`<div class="place" data-place=${place}><h3>${texts.plan.places[place]}</h3>
      <ul class="plain-list">${roles.map((role) => (parts[role] === undefined ? nothing : html`<li>${this.#part(role, parts[role])}</li>`))}</ul>
    </div>`
  }

  #door(role: 'entry' | 'exit', parts: Partial<Record<Role, string>>): TemplateResult | typeof nothing {
    const name = parts[role]
    if (name === undefined) return nothing
    const state = device.value(name, 'state')
    const known = typeof state === 'string' ? state : texts.component.unknown
    return html`<div class="door" data-state=${known}><span class="leaf" aria-hidden="true"></span>${this.#part(role, name, known)}</div>`
  }

  #part(role: Role, name: string, says?: string): TemplateResult {
    const { status } = device.health(name)
    const { sign, word } = statusWords[status]
    return html`<a class="part" href="#/component/${encodeURIComponent(name)}" data-status=${status}>
      ${signs[role] === undefined ? nothing : html`<svg viewBox="0 0 24 24" aria-hidden="true">${signs[role]}</svg>`}
      <span><strong>${name}</strong> <span class="soft">${says ?? texts.plan.roles[role]}</span></span>
      <span class="sign" role="img" aria-label=${word}>${sign}</span>
    </a>`
  }
}

customElements.define('gate-plan', GatePlan)
