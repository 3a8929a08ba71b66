/** Commands of the model by name, and a movement in somebody's hand. */
import { demandHeld } from '../../access/hand.ts'
import { UsageError } from '../../base/error.ts'
import type { CommandSpec } from '../../device/contract.ts'
import { heldCommand, inHand } from '../../device/held.ts'
import type { DeviceModel } from '../../device/model.ts'
import type { Choice } from '../choices.ts'
import { type Command, componentChoices, type Context, type Item } from '../command.ts'
import { table, valueRows } from '../rows.ts'
import { argumentChoices, argumentNames, argumentsOf, commandsOf, usageOf } from '../values.ts'
import { DeadMan } from './dead-man.ts'
import { demandRole } from './role.ts'

async function* call(context: Context, [component = '', name = '', ...words]: readonly (string | undefined)[]): AsyncGenerator<Item> {
  const target = context.model.get(component)
  const spec = commandsOf(target).find(([command]) => command === name)?.[1]
  if (spec === undefined) throw new UsageError('PC-CONSOLE-SYNTAX', `${component} has no command "${name}".`)
  const given = words.filter((word) => word !== undefined)
  if (spec.personal && (given.length > 0 || context.json)) {
    throw new UsageError('PC-CONSOLE-PERSONAL', `What "${name}" takes is personal or secret: type it without arguments, and each is asked for.`)
  }
  demandRole(context, component, name)
  const args = spec.personal ? await askInSecret(context, spec) : argumentsOf(spec, given)
  if (spec.moves) await context.confirm(`This can move something: ${component} ${name}.`)
  const result = await context.carry(component, name, args)
  const isNothing = typeof result !== 'object' || result === null || Object.keys(result).length === 0
  if (spec.personal || isNothing) yield { rows: ['Done.'], json: {} }
  else yield { rows: valueRows('', result), json: result }
}

/** What is personal is not shown while it is typed, nor kept in the history, nor shown when it comes back. */
async function askInSecret(context: Context, spec: CommandSpec): Promise<Record<string, unknown>> {
  const words: string[] = []
  for (const { name: argument, values, optional } of argumentNames(spec)) {
    if (values !== undefined) await context.terminal.say(`${argument}: ${values.join(', ')}`)
    const typed = await context.ask(`${argument}${optional ? ' (or nothing)' : ''}: `, values === undefined)
    if (typed === undefined) throw new UsageError('PC-CONSOLE-CONFIRM', 'Not confirmed: nothing was done.')
    if (typed !== '' || !optional) words.push(`${argument}=${typed}`)
  }
  return argumentsOf(spec, words)
}

async function* hold(context: Context, [name = '', ...words]: readonly (string | undefined)[]): AsyncGenerator<Item> {
  const { model, session: { person, role } } = context
  if (context.json) throw new UsageError('PC-CONSOLE-SYNTAX', 'It moves while a key is held: this needs a person.')
  const command = demandHeld(model, name)
  demandRole(context, name, command.name)
  const args = argumentsOf(inHand(command), words.filter((word) => word !== undefined))
  model.get(name).demand(command.name, { ...args, [command.held.time]: command.run_ms }, { id: person, role })
  const deadMan = new DeadMan(context, name, command, args)
  await context.confirm(`${name} will move while you hold the space bar. Nobody else may stand in its way.`)
  yield { rows: [`Hold the space bar: ${command.name}. Let go: ${command.held.release}. Any other key ends the service.`] }
  yield* deadMan.run()
}

/** What can be held, and what that does. */
const holdable = (model: DeviceModel): Choice[] => model.list().flatMap((component) => {
  const command = heldCommand(component)
  return command === undefined ? [] : [{ word: component.name, says: command.spec.says }]
})

function* commandList(context: Context): Generator<Item> {
  const all = context.model.list().flatMap((component) => commandsOf(component).map(([name, spec]) => ({ component: component.name, name, spec })))
  yield {
    rows: table(['component', 'command', 'role', 'what'], all.map(({ component, name, spec }) => [component, name, spec.role, spec.says])),
    json: all.map(({ component, name, spec }) => ({ component, command: usageOf(name, spec), role: spec.role, moves: spec.moves })),
  }
}

export const serviceCommands: readonly Command[] = [
  {
    words: ['call'], group: 'service', says: 'any command of any component', example: 'call relays set line=entryGreen on=true for_ms=500', live: true, run: call,
    args: [
      { name: 'component', says: 'a component', choices: (model) => componentChoices(model) },
      {
        name: 'command', says: 'what it shall do',
        choices: (model, [component = '']) => commandsOf(model.get(component)).map(([word, { says }]) => ({ word, says })),
      },
      {
        name: 'argument=value', says: 'what the command needs', optional: true, rest: true,
        choices: (model, [component = '', name = '', ...before], partial) => {
          const target = model.get(component)
          const commands = commandsOf(target)
          const spec = (commands.find(([command]) => command === name) ?? commands.find(([command]) => command.startsWith(name)))?.[1]
          return spec === undefined || spec.personal ? [] : argumentChoices(model, target, spec, before, partial)
        },
      },
    ],
  },
  { words: ['commands'], group: 'service', says: 'every command of every component', example: 'commands | grep engineer', run: commandList },
  {
    words: ['service'], group: 'service', says: 'moves a barrier or a vehicle while you hold the space bar', example: 'service exitFlap', live: true, run: hold,
    args: [
      { name: 'component', says: 'what shall move', choices: holdable },
      {
        name: 'argument=value', says: 'how, where it can be told', optional: true, rest: true,
        choices: (model, [component = '', ...before], partial) => {
          const target = model.get(component)
          const command = heldCommand(target)
          return command === undefined ? [] : argumentChoices(model, target, inHand(command), before, partial)
        },
      },
    ],
  },
]
