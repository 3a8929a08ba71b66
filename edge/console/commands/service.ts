/** Commands of the model by name, and a barrier in somebody's hand. */
import { UsageError } from '../../base/error.ts'
import type { CommandSpec } from '../../device/contract.ts'
import { type Command, componentChoices, type Context, type Item } from '../command.ts'
import { table, valueRows } from '../rows.ts'
import { argumentChoices, argumentNames, argumentsOf, commandsOf, usageOf } from '../values.ts'
import { DeadMan } from './dead-man.ts'
import { demandRole } from './role.ts'
import { barriers } from './test.ts'

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

async function* hold(context: Context, [name = '']: readonly (string | undefined)[]): AsyncGenerator<Item> {
  if (context.json) throw new UsageError('PC-CONSOLE-SYNTAX', 'A barrier moves while a key is held: this needs a person.')
  demandRole(context, name, 'open')
  const deadMan = new DeadMan(context, name)
  deadMan.demand()
  await context.confirm(`${name} will move while you hold the space bar. Nobody else may stand in it.`)
  yield { rows: ['Hold the space bar: it opens. Let go: it shuts. Any other key ends the service.'] }
  yield* deadMan.run()
}

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
    words: ['service'], group: 'service', says: 'opens a barrier while you hold the space bar', example: 'service exitFlap', live: true, run: hold,
    args: [{ name: 'barrier', says: 'a barrier', choices: (model) => barriers(model) }],
  },
]
