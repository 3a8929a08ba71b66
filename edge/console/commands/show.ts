/** `show`: what there is, how it is, what it counted. */
import { networkInterfaces, release } from 'node:os'
import { UsageError } from '../../base/error.ts'
import type { Component } from '../../device/component.ts'
import type { Health } from '../../device/contract.ts'
import { type Arg, type Command, componentChoices, type Context, type Item, only } from '../command.ts'
import { duration, figure, table, timeOf, valueRows } from '../rows.ts'
import { commandsOf, usageOf } from '../values.ts'

const component: Arg = { name: 'component', says: 'a component', choices: (model) => componentChoices(model) }
const oneOrAll: Arg = { ...component, optional: true, says: 'a component; all unless named' }

const named = (context: Context, name: string | undefined): Component[] => (name === undefined ? context.model.list() : [context.model.get(name)])

const value = (context: Context, contract: string, property: string): unknown =>
  context.model.list().find((each) => each.contract.name === contract)?.reading(property)?.value

const isWell = ({ status }: Health): boolean => status === 'ready'

function healthCells({ name, health }: Component): string[] {
  return [name, health.status, health.code ?? '', health.says ?? '']
}

function* status(context: Context): Generator<Item> {
  const components = context.model.list()
  const unwell = components.filter(({ health }) => !isWell(health))
  const uptime_s = (value(context, 'runtime', 'uptime') as number | undefined) ?? 0
  const facts: [string, string][] = [
    ['device', context.device],
    ['version', context.version],
    ['running for', duration(uptime_s)],
    ['time', timeOf(context.clock.wall())],
    ['components', `${components.length - unwell.length} of ${components.length} ready`],
    ['journal', (value(context, 'journal', 'state') as string | undefined) ?? 'none'],
  ]
  const gate = components.find((each) => each.contract.name === 'gate')
  const view = gate?.reading('view')?.value as { phase: string; reason?: string } | undefined
  if (view !== undefined) facts.push(['gate', `${view.phase}${view.reason === undefined ? '' : ` (${view.reason})`}, checks: ${(value(context, 'gate', 'mode') as string | undefined) ?? 'unknown'}`])
  yield {
    rows: facts.map(([name, text]) => `${name.padEnd(14)}${text}`),
    json: { device: context.device, version: context.version, uptime_s, time: context.clock.wall(), ready: components.length - unwell.length, components: components.length, gate: view?.phase ?? null },
  }
  yield { rows: table(['not ready', 'status', 'code', 'why'], unwell.map(healthCells)), json: unwell.map(({ name, health }) => ({ name, ...health })) }
}

function* components(context: Context): Generator<Item> {
  const list = context.model.list()
  yield {
    rows: table(['component', 'what', 'status', 'made as'], list.map((each) => {
      const { manufacturer = '', model = '', firmware } = identityOf(each)
      return [each.name, each.contract.name, each.health.status, `${manufacturer} ${model}${firmware === undefined ? '' : ` ${firmware}`}`.trim()]
    })),
  }
  for (const each of list) yield { rows: [], json: { name: each.name, contract: each.contract.name, health: each.health, identity: identityOf(each) } }
}

interface Identity { manufacturer?: string; model?: string; serial?: string; firmware?: string }
const identityOf = (each: Component): Identity => (each.reading('identity')?.value as Identity | undefined) ?? {}

function* health(context: Context, [name]: readonly (string | undefined)[]): Generator<Item> {
  const list = named(context, name)
  yield { rows: table(['component', 'status', 'code', 'why'], list.map(healthCells)) }
  for (const each of list) yield { rows: [], json: { name: each.name, ...each.health } }
}

function* counters(context: Context, [name]: readonly (string | undefined)[]): Generator<Item> {
  for (const each of named(context, name)) {
    const counts = (each.reading('counters')?.value ?? {}) as Record<string, number>
    const shown = Object.entries(counts).filter(([, count]) => name !== undefined || count !== 0)
    yield { rows: shown.map(([counter, count]) => `${`${each.name}.${counter}`.padEnd(44)} ${figure(count)}`), json: { name: each.name, counters: counts } }
  }
}

/** Facts asked for at a time. */
const factsMax = 500

async function* journal(context: Context, [count = '20']: readonly (string | undefined)[]): AsyncGenerator<Item> {
  yield* one(context, only(context.model, 'journal'))
  if (context.facts === undefined) return
  yield { rows: [''] }
  const { facts } = context
  for (let seq = Math.max(0, facts.last - Number(count)); seq < facts.last;) {
    const found = facts.after(seq, factsMax)
    if (found.length === 0) return
    for (const fact of found) {
      const { personal, ...shown } = fact
      const sealed = personal === undefined ? '' : ' [personal data sealed]'
      yield { rows: [`${fact.seq}  ${timeOf(fact.wall)}  ${fact.kind}  ${JSON.stringify(fact.body)}${sealed}`], json: { ...shown, sealed: personal !== undefined } }
    }
    seq = found.at(-1)?.seq ?? facts.last
  }
}

function* network(context: Context): Generator<Item> {
  const found = Object.entries(networkInterfaces()).flatMap(([name, addresses = []]) => addresses.map(({ address, mac, cidr }) => ({ name, address, cidr, mac })))
  yield { rows: table(['interface', 'address', 'hardware'], found.map(({ name, address, cidr, mac }) => [name, cidr ?? address, mac])), json: { addresses: found } }
  const uplink = context.model.list().find((each) => each.contract.name === 'uplink')
  if (uplink !== undefined) yield* one(context, uplink)
}

function* time(context: Context): Generator<Item> {
  const wall = context.clock.wall()
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone
  const jumps = (value(context, 'journal', 'counters') as Record<string, number> | undefined)?.['clock_jumps']
  const rows = [['universal time', timeOf(wall)], ['here', `${new Date(wall).toLocaleString('sv-SE')} ${zone}`], ['running for', duration(context.clock.now() / 1000)], ['clock jumps', String(jumps ?? 'unknown')]]
  yield { rows: rows.map(([name = '', text = '']) => `${name.padEnd(16)}${text}`), json: { wall, zone, jumps: jumps ?? null } }
}

function* versions(context: Context): Generator<Item> {
  const { node, v8, openssl } = process.versions
  const programs = { portcullis: context.version, node, v8, openssl, linux: release() }
  yield { rows: Object.entries(programs).map(([name, version]) => `${name.padEnd(28)} ${version}`), json: programs }
  for (const each of context.model.list()) {
    const { firmware, model } = identityOf(each)
    if (firmware !== undefined) yield { rows: [`${each.name.padEnd(28)} ${firmware} (${model ?? ''})`], json: { name: each.name, firmware, model } }
  }
}

async function* profile(context: Context, [path = '']: readonly (string | undefined)[]): AsyncGenerator<Item> {
  const { name } = only(context.model, 'settings')
  const { value: text, says, limits } = await context.carry(name, 'get', { path }) as { value: string; says: string; limits: string }
  const found: unknown = text === '' ? undefined : JSON.parse(text)
  yield { rows: valueRows(path, found), json: { path, value: found ?? null, says, limits } }
  if (path !== '') yield { rows: [says, limits].filter((row) => row !== '') }
}

/** Everything that a component declares, from nothing but its declaration. */
function* one(_context: Context, shown: Component): Generator<Item> {
  const { name, contract } = shown
  const json: Record<string, unknown> = {}
  yield { rows: [`${name}: ${contract.says}`] }
  for (const [property, spec] of Object.entries(contract.members)) {
    if (spec.kind !== 'property' || property === 'counters') continue
    const known = shown.reading(property)?.value
    json[property] = known ?? null
    yield { rows: valueRows(`  ${property}`, known, spec.unit) }
  }
  const commands = commandsOf(shown)
  yield { rows: ['  commands:', ...commands.map(([command, spec]) => `    ${usageOf(command, spec)}  (${spec.role})`)] }
  yield { rows: [], json: { name, contract: contract.name, properties: json, counters: shown.reading('counters')?.value ?? {}, commands: commands.map(([command]) => command) } }
}

function* anything(context: Context, [name]: readonly (string | undefined)[]): Generator<Item> {
  if (name === undefined) throw new UsageError('PC-CONSOLE-SYNTAX', 'Say what to show; ? tells what there is.')
  yield* one(context, context.model.get(name))
}

function* who(context: Context): Generator<Item> {
  const sessions = (value(context, 'access', 'sessions') as { person: string; role: string; face: string; where: string; since: number }[] | undefined) ?? [context.session]
  yield { rows: table(['person', 'role', 'by', 'where', 'since'], sessions.map(({ person, role, face, where, since }) => [person, role, face, where, timeOf(since)])), json: sessions }
}

const group = 'show'

export const showCommands: readonly Command[] = [
  { words: ['show', 'status'], group, says: 'the device at a glance', example: 'show status', run: status },
  { words: ['show', 'drivers'], group, says: 'every component, what it is and how it is', example: 'show drivers | exclude ready', run: components },
  { words: ['show', 'components'], group, says: 'the same as show drivers', example: 'show components', run: components },
  { words: ['show', 'health'], group, says: 'what works, and why something does not', example: 'show health camera', args: [oneOrAll], run: health },
  { words: ['show', 'counters'], group, says: 'what was counted since the start', example: 'show counters passport', args: [oneOrAll], run: counters },
  { words: ['show', 'journal'], group, says: 'the state of the journal and its newest facts', example: 'show journal 50 | grep command', args: [{ name: 'count', says: 'how many facts', optional: true, from: 0, to: 10_000 }], run: journal },
  { words: ['show', 'network'], group, says: 'addresses of the device and the way to the centre', example: 'show network', run: network },
  { words: ['show', 'time'], group, says: 'the clock, and whether it jumped', example: 'show time', run: time },
  { words: ['show', 'versions'], group, says: 'versions of the program, the system and the parts', example: 'show versions', run: versions },
  { words: ['show', 'profile'], group, says: 'values of the profile, without secrets', example: 'show profile gate.limits.door_s', args: [{ name: 'path', says: 'names with dots between them', optional: true }], run: profile },
  { words: ['show', 'sessions'], group, says: 'who is logged in', example: 'show sessions', run: who },
  { words: ['show'], group, says: 'everything about one component', example: 'show camera', args: [component], run: anything },
  { words: ['who'], group: 'session', says: 'who is logged in', example: 'who', run: who },
]
