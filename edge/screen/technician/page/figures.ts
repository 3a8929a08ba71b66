/** Values as people read them, from nothing but the value and its unit. */
import { html, nothing, svg, type TemplateResult } from 'lit'
import { unitSymbol } from '../../../device/units.ts'
import type { ShownProperty } from '../wire.ts'
import { device } from './device.ts'
import { texts } from './texts.ts'

const rows_max = 60
/** A longer table is folded: what stands below it would be out of sight on a telephone. */
const rows_open = 16
const depth_max = 4
/** From 2001 on, a number of milliseconds under such a name is a time. */
const timeNames = /^(at|since|from|until|wall)$/
const timeLeast = 1e12

export function figure(value: number): string {
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(4)))
}

export const timeOf = (wall: number): string => new Date(wall).toLocaleString('sv-SE')
export const clockOf = (wall: number): string => new Date(wall).toLocaleTimeString('sv-SE')

function plain(name: string, value: unknown): string {
  if (value === null || value === undefined) return '–'
  if (typeof value === 'number') return timeNames.test(name) && value > timeLeast ? timeOf(value) : figure(value)
  if (typeof value === 'boolean') return value ? 'yes' : 'no'
  return typeof value === 'string' ? value : JSON.stringify(value)
}

/** A row for each thing in a value. */
function rowsOf(path: string, value: unknown, depth = 0): [string, string][] {
  const name = path.split('.').at(-1) ?? ''
  if (value === null || typeof value !== 'object' || depth > depth_max) return [[path, plain(name, value)]]
  if (Array.isArray(value) && value.every((item) => item === null || typeof item !== 'object')) return [[path, value.map((item) => plain('', item)).join(', ') || texts.component.none]]
  const entries = Object.entries(value)
  return entries.length === 0 ? [[path, texts.component.none]] : entries.flatMap(([key, item]) => rowsOf(path === '' ? key : `${path}.${key}`, item, depth + 1))
}

/** Any value: a figure where it is one, else a table. */
export function shownValue(value: unknown, unit?: string): TemplateResult {
  if (value === null || typeof value !== 'object') return html`<span class="figure">${plain('', value)}</span>${unitSymbol(unit) === '' ? nothing : html` <span class="unit">${unitSymbol(unit)}</span>`}`
  const rows = rowsOf('', value)
  if (rows.length === 1 && rows[0]?.[0] === '') return html`<span class="figure">${rows[0][1]}</span>`
  const table = html`<table class="rows"><tbody>
    ${rows.slice(0, rows_max).map(([name, text]) => html`<tr><th scope="row">${name}</th><td>${text}</td></tr>`)}
    ${rows.length > rows_max ? html`<tr><td colspan="2">… ${rows.length - rows_max}</td></tr>` : nothing}
  </tbody></table>`
  return rows.length > rows_open ? html`<details><summary>${texts.component.rows(rows.length)}</summary>${table}</details>` : table
}

/** The live value of a property. */
export function liveValue(component: string, property: string, spec: ShownProperty): TemplateResult {
  const reading = device.reading(component, property)
  if (reading === undefined) return html`<span class="soft">${texts.component.unknown}</span>`
  const [value, , tooLong_B] = reading
  return tooLong_B === undefined ? shownValue(value, spec.unit) : html`<span class="soft">${texts.component.tooLong(tooLong_B)}</span>`
}

const width = 120
const height = 26

/** The last minutes of a number; nothing of what is none, or never changed. */
export function sparkline(component: string, property: string): TemplateResult | typeof nothing {
  const history = device.history(component, property)
  if (history === undefined || history.isFlat) return nothing
  const { least, most } = history.range
  const says = `${property}: ${figure(least)} to ${figure(most)} in the last ${Math.ceil(history.spanAt(device.wall) / 60_000)} minutes`
  return html`<svg class="sparkline" viewBox="-2 -2 ${width + 4} ${height + 4}" role="img" aria-label=${says}>${svg`<title>${says}</title><path d=${history.path(width, height, device.wall)} />`}</svg>`
}
