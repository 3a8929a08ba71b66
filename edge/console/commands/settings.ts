/** Values of the profile, changed at the device: what, by whom, and back again. */
import type { DeviceModel } from '../../device/model.ts'
import type { Choice } from '../choices.ts'
import { type Command, type Context, type Item, only } from '../command.ts'
import { table, timeOf } from '../rows.ts'

interface Change { id: number; path: string; before: string; value: string; by: string; at: number; active: boolean }

const changesOf = (model: DeviceModel): Change[] => (only(model, 'settings').reading('changes')?.value as Change[] | undefined) ?? []

function* list(context: Context): Generator<Item> {
  const changes = changesOf(context.model)
  yield {
    rows: changes.length === 0 ? ['Nothing was changed at the device.']
      : table(['id', 'path', 'before', 'now', 'by', 'since', ''], changes.map(({ id, path, before, value, by, at, active }) =>
        [String(id), path, before, value, by, timeOf(at), active ? 'in force' : 'with the next start'])),
    json: changes,
  }
}

async function* get(context: Context, [path = '']: readonly (string | undefined)[]): AsyncGenerator<Item> {
  const found = await context.carry(only(context.model, 'settings').name, 'get', { path }) as { value: string; says: string; limits: string }
  yield { rows: [`${path} = ${found.value}`, found.says, found.limits].filter((row) => row !== ''), json: { path, ...found } }
}

async function* set(context: Context, [path = '', ...words]: readonly (string | undefined)[]): AsyncGenerator<Item> {
  const value = asJson(words.join(' '))
  const { id } = await context.carry(only(context.model, 'settings').name, 'set', { path, value }) as { id: number }
  yield { rows: [`Kept as change ${id}; in force after "restart". "undo ${id}" takes it back.`], json: { id } }
}

/** A text need not be typed in the double quotes of JSON. */
function asJson(text: string): string {
  try {
    JSON.parse(text)
    return text
  } catch {
    return JSON.stringify(text)
  }
}

async function* undo(context: Context, [id = '']: readonly (string | undefined)[]): AsyncGenerator<Item> {
  await context.carry(only(context.model, 'settings').name, 'undo', { id: Number(id) })
  yield { rows: [`Change ${id} is taken back; in force after "restart".`], json: {} }
}

/** Paths that were changed before, and words of the profile that stand in them. */
const pathChoices = (model: DeviceModel): Choice[] =>
  [...new Set(known(model).map(({ path }) => path))].map((word) => ({ word, says: 'was changed before' }))

const known = (model: DeviceModel): Change[] => (model.list().some(({ contract }) => contract.name === 'settings') ? changesOf(model) : [])

const path = { name: 'path', says: 'names with dots between them, as in the profile', open: true, choices: pathChoices }
const group = 'settings'

export const settingsCommands: readonly Command[] = [
  { words: ['settings'], group, says: 'what was changed at the device, and by whom', example: 'settings', run: list },
  { words: ['get'], group, says: 'a value of the profile, and what it may be', example: 'get gate.limits.door_s', args: [path], run: get },
  {
    words: ['set'], group, changes: true, says: 'changes a value of the profile within its limits', example: 'set gate.limits.door_s 8',
    args: [path, { name: 'value', says: 'the new value', rest: true }], run: set,
  },
  {
    words: ['undo'], group, changes: true, says: 'takes a change back', example: 'undo 3', run: undo,
    args: [{ name: 'id', says: 'the number of a change', open: true, choices: (model) => known(model).map(({ id, path: changed }) => ({ word: String(id), says: changed })) }],
  },
]
