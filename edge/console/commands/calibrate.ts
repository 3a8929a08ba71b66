/** `calibrate`: what is adjusted by a figure, each in its own way: a camera's focus, a lidar's mount, a barrier's movement. */
import { UsageError } from '../../base/error.ts'
import type { SelfTestReport } from '../../device/contract.ts'
import type { DeviceModel } from '../../device/model.ts'
import type { Mounting } from '../../perception/obstacles/mounting.ts'
import type { Choice } from '../choices.ts'
import { type Command, type Context, type Item, only } from '../command.ts'
import { RowPainter } from '../painter.ts'
import { figure, table } from '../rows.ts'
import { demandRole } from './role.ts'
import { wiggle } from './test.ts'

interface Way {
  says: string
  run(context: Context, name: string): AsyncIterable<Item>
}

/** By capability, as the model has it. */
const ways: Readonly<Record<string, Way>> = {
  camera: { says: 'focus it by its sharpness, until Ctrl-C', run: focus },
  lidar: { says: 'its mount, measured by the floor that it sees', run: mount },
  barrier: { says: 'its movement, once, as "wiggle" does', run: (context, name) => wiggle(context, [name]) },
}

const adjustable = (model: DeviceModel): Choice[] => model.list().flatMap(({ name, contract }) => {
  const way = ways[contract.name]
  return way === undefined ? [] : [{ word: name, says: way.says }]
})

async function* calibrate(context: Context, [name]: readonly (string | undefined)[]): AsyncGenerator<Item> {
  const { model } = context
  if (name === undefined) {
    const list = adjustable(model)
    yield { rows: list.length === 0 ? ['Nothing of this device is calibrated.'] : table(['component', 'what'], list.map(({ word, says }) => [word, says])), json: list.map(({ word, says }) => ({ component: word, says })) }
    return
  }
  const way = ways[model.get(name).contract.name]
  if (way === undefined) throw new UsageError('PC-CONSOLE-SYNTAX', `${name} is not calibrated; "calibrate" lists what is.`)
  yield* way.run(context, name)
}

const bar_length = 40

/** The camera's own figure, again and again on one row, beside the best so far: the lens is turned to and fro meanwhile. */
async function* focus(context: Context, name: string): AsyncGenerator<Item> {
  demandRole(context, name, 'selfTest')
  const { terminal, json } = context
  const painter = new RowPainter()
  yield { rows: ['Turn the lens slowly to and fro, before a scene that stays; Ctrl-C ends.'] }
  let best = 0
  try {
    for (let ask = context.carry; ; ask = context.again) {
      const sharpness = sharpnessIn(name, await ask(name, 'selfTest', {}) as SelfTestReport)
      best = Math.max(best, sharpness)
      const bar = '#'.repeat(best === 0 ? 0 : Math.round((sharpness / best) * bar_length))
      const row = `sharpness ${figure(sharpness)}, best ${figure(best)} ${bar}`
      if (json) yield { rows: [], json: { sharpness, best } }
      else await terminal.write(painter.paint(row, row.length))
    }
  } finally {
    if (best > 0 && !json && !terminal.io.gone.aborted) await terminal.say()
  }
}

function sharpnessIn(name: string, { checks }: SelfTestReport): number {
  const found = checks.find((check) => check.name === 'sharpness')?.value
  if (found !== undefined) return found
  throw new UsageError('PC-CONSOLE-ABSENT', `${name} tells no sharpness: ${checks.find(({ passed }) => !passed)?.says ?? 'its self-test has no such figure.'}`)
}

/** How it should be mounted in the profile against how it is; what differs can be kept in the overlay. */
async function* mount(context: Context, name: string): AsyncGenerator<Item> {
  const obstacles = only(context.model, 'obstacles').name
  demandRole(context, obstacles, 'mounting')
  yield { rows: ['The vehicle must stand on flat, level floor with some metres free around it.'] }
  const { ground, level, set, found } = await context.carry(obstacles, 'mounting', { source: name }) as Mounting
  const row = (what: string, axis: 'z' | 'roll' | 'pitch', digits: number, unit: string): string[] =>
    [what, ...[set[axis], found[axis], found[axis] - set[axis]].map((value) => value.toFixed(digits)), unit]
  yield {
    rows: [
      ...table([name, 'set', 'found', 'differs', ''], [row('z', 'z', 3, 'm'), row('roll', 'roll', 2, 'deg'), row('pitch', 'pitch', 2, 'deg')]),
      `Measured by ${ground.points} points of the floor, which tell nothing of x, y and yaw.`,
    ],
    json: { ground, level, set, found },
  }
  if (level) {
    yield { rows: ['It is mounted as the profile says, as well as it must be: nothing to change.'] }
    return
  }
  const path = `obstacles.sources.${name}.mount`
  await context.confirm(`With yes the profile says what was found, in ${path}; else correct the mounting itself.`)
  const { id } = await context.carry(only(context.model, 'settings').name, 'set', { path, value: JSON.stringify(found) }) as { id: number }
  yield { rows: [`Kept as change ${id}; in force after "restart". "undo ${id}" takes it back.`], json: { id } }
}

export const calibrateCommands: readonly Command[] = [
  {
    words: ['calibrate'], group: 'settings', says: 'focuses a camera, measures a lidar\'s mount; alone it lists what there is', example: 'calibrate front', live: true, run: calibrate,
    args: [{ name: 'component', says: 'a camera, a lidar or a barrier', optional: true, choices: adjustable }],
  },
]
