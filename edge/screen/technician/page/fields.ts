/** The fields of a form that is made from the schema of a command's arguments, and what was filled in. */
import { html, nothing, type TemplateResult } from 'lit'
import type { Schema } from '../wire.ts'
import { argumentsOf, isNumber, isOptional } from './arguments.ts'
import { device } from './device.ts'
import { texts } from './texts.ts'

export const fields = (args: Schema): TemplateResult[] => Object.entries(args.properties ?? {}).map(([name, schema]) => field(name, schema, isOptional(args, name, schema)))

/** @returns the arguments, or what is wrong in one line */
export const filledIn = (form: HTMLFormElement, args: Schema): ReturnType<typeof argumentsOf> => argumentsOf(args, (name) => {
  const given = form.elements.namedItem(name)
  return given instanceof HTMLInputElement && given.type === 'checkbox' ? given.checked : (given as HTMLInputElement).value
})

function field(name: string, schema: Schema, optional: boolean): TemplateResult {
  const label = html`${name}${optional ? html` <span class="soft">(${texts.command.optional})</span>` : nothing}${schema.description === undefined ? nothing : html`<span class="says">${schema.description}</span>`}`
  if (schema.type === 'boolean') return html`<label class="check"><input type="checkbox" name=${name} ?checked=${schema.default === true}> ${label}</label>`
  return html`<label>${label}${input(name, schema, optional)}</label>`
}

function input(name: string, schema: Schema, optional: boolean): TemplateResult {
  const usual = schema.default === undefined ? '' : typeof schema.default === 'string' ? schema.default : JSON.stringify(schema.default)
  const choices = schema.enum ?? (/^(component|part|camera)$/.test(name) ? device.components.map((each) => each.name) : undefined)
  if (choices !== undefined) {
    return html`<select name=${name} ?required=${!optional}><option value="">${optional ? '' : texts.command.choose}</option>
      ${choices.map((choice) => html`<option value=${String(choice)} ?selected=${choice === schema.default}>${String(choice)}</option>`)}</select>`
  }
  if (isNumber(schema)) {
    return html`<input type="number" name=${name} value=${usual} min=${schema.minimum ?? nothing} max=${schema.maximum ?? nothing} step=${schema.type === 'integer' ? 1 : 'any'} ?required=${!optional}>`
  }
  if (schema.type === 'string') return html`<input name=${name} value=${usual} maxlength=${schema.maxLength ?? nothing} ?required=${!optional} autocapitalize="none" spellcheck="false">`
  return html`<textarea name=${name} rows="3" ?required=${!optional} spellcheck="false" placeholder="JSON">${usual}</textarea>`
}
