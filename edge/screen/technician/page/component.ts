/** One component in full, from nothing but its declaration: values with sparklines, commands with forms, events. */
import { html, nothing, type TemplateResult } from 'lit'
import type { ShownCommand, ShownEvent, ShownMember, ShownProperty } from '../wire.ts'
import './command.ts'
import { device, DeviceView } from './device.ts'
import { liveValue, sparkline } from './figures.ts'
import { eventList, healthBadge, healthWords } from './overview.ts'
import { texts } from './texts.ts'

export class DeviceComponent extends DeviceView {
  static override properties = { name: { type: String } }

  declare name: string

  override render(): TemplateResult {
    const component = device.component(this.name)
    const back = html`<p><a href="#/device">← ${texts.component.back}</a></p>`
    if (component === undefined) return html`${back}<h1>${this.name}</h1><p>${texts.component.absent}</p>`
    const { name, says } = component
    const members = Object.entries<ShownMember>(component.members)
    const commands = members.filter((member): member is [string, ShownCommand] => member[1].kind === 'command')
    const events = members.filter((member): member is [string, ShownEvent] => member[1].kind === 'event')
    return html`${back}
      <h1>${name} ${healthBadge(name)}</h1>
      <p>${says} <span class="soft">${component.capability}</span></p>
      ${healthWords(name)}
      <h2>${texts.component.values}</h2>
      <div class="card"><table class="values"><tbody>
        ${members.map(([property, spec]) => (spec.kind === 'property' ? this.#property(property, spec) : nothing))}
      </tbody></table></div>
      <h2>${texts.component.commands}</h2>
      ${commands.map(([command, spec]) => html`<command-form .component=${name} .name=${command} .spec=${spec}></command-form>`)}
      ${events.length === 0 ? nothing : html`<h2>${texts.component.events}</h2>
        <ul class="plain-list">${events.map(([event, { says, severity }]) => html`<li><strong>${event}</strong> (${severity}): ${says}</li>`)}</ul>${eventList(name)}`}`
  }

  #property(property: string, spec: ShownProperty): TemplateResult {
    return html`<tr><th scope="row">${property}<span class="says">${spec.says}</span></th><td>${liveValue(this.name, property, spec)} ${sparkline(this.name, property)}</td></tr>`
  }
}

customElements.define('device-component', DeviceComponent)
