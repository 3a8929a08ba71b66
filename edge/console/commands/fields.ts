/** `fields`: what the protective fields say while somebody walks round the vehicle with the test piece. */
import type { DeviceModel } from '../../device/model.ts'
import { Lidar } from '../../device/capabilities.ts'
import { type Decision, Obstacles } from '../../perception/obstacles/contract.ts'
import { type Command, type Context, type Item, only } from '../command.ts'
import { table, timeOf } from '../rows.ts'

/** Somebody who reads while they walk sees no more. */
const look_ms = 200
/** Of one check; a profile has a few dozen fields. */
const fields_max = 200

interface Sight {
  level: string
  /** Which field or other cause, and whose. */
  what: string
  where: string
}

/** The vehicle's own decision, and the fields that sensors evaluate themselves. */
function* sights(model: DeviceModel, obstacles: string): Generator<[string, Sight]> {
  const decision = model.as(obstacles, Obstacles).read('decision')
  yield [obstacles, decision === undefined ? { level: 'unknown', what: '', where: '' } : { level: decision.level, what: causeOf(decision), where: placeOf(decision) }]
  for (const { name, contract } of model.list()) {
    const fields = contract.name === Lidar.name ? (model.as(name, Lidar).read('fields') ?? {}) : {}
    for (const [field, level] of Object.entries(fields)) yield [`${name} ${field}`, { level, what: `${name} ${field}`, where: '' }]
  }
}

const causeOf = ({ cause }: Decision): string => (cause === undefined ? '' : [cause.source, cause.field ?? cause.kind, cause.trouble].filter((word) => word !== undefined).join(' '))

const placeOf = ({ cause: { x, y, z } = { kind: 'field' } }: Decision): string =>
  (x === undefined || y === undefined ? '' : `x ${x.toFixed(2)} y ${y.toFixed(2)}${z === undefined ? '' : ` z ${z.toFixed(2)}`} m`)

/** Tells each change until a key is pressed, then what was touched and how often: what is missing there was not tried, or does not work. */
async function* check({ model, terminal, signal, clock, json }: Context): AsyncGenerator<Item> {
  const obstacles = only(model, Obstacles.name).name
  const last = new Map<string, string>()
  const touched = new Map<string, number>()
  if (!json) yield { rows: ['Walk round with the test piece, along every field; any key ends.', 'time      level       by, and where'] }
  for (;;) {
    for (const [from, { level, what, where }] of sights(model, obstacles)) {
      const text = `${level} ${what}`
      if (last.get(from) === text) continue
      const isFirst = !last.has(from)
      last.set(from, text)
      // A sensor's own field that is free from the start is no news.
      if (isFirst && from !== obstacles && level === 'free') continue
      if (what !== '' && level !== 'free' && (touched.has(what) || touched.size < fields_max)) touched.set(what, (touched.get(what) ?? 0) + 1)
      const at = clock.wall()
      yield { rows: [`${timeOf(at).slice(11, 19)}  ${level.padEnd(10)}  ${[what, where].filter((part) => part !== '').join(', ')}`], json: { at, level, what, where } }
    }
    if (await terminal.key(look_ms, signal) !== undefined) break
  }
  const rows = [...touched].map(([what, times]) => [what, String(times)])
  yield { rows: rows.length === 0 ? ['No field was touched.'] : table(['field', 'times'], rows), json: { touched: Object.fromEntries(touched) } }
}

export const fieldCommands: readonly Command[] = [
  { words: ['fields'], group: 'test', says: 'what the protective fields say, as it changes', example: 'fields', live: true, run: check },
]
