/** `test`: self-tests with their figures, and lamps and barriers that show that they move. */
import type { SelfTestReport } from '../../device/contract.ts'
import type { DeviceModel } from '../../device/model.ts'
import { describe } from '../../base/error.ts'
import { sleep } from '../../base/wait.ts'
import { demandOutOfService } from '../../device/in-service.ts'
import type { Choice } from '../choices.ts'
import { type Command, type Context, type Item } from '../command.ts'
import { figure, table, withUnit } from '../rows.ts'
import { withProgress } from './progress.ts'
import { demandRole } from './role.ts'

/** Components by name, and all of a capability by its. */
function testable(model: DeviceModel): Choice[] {
  const kinds = new Set(model.list().map(({ contract }) => contract.name))
  return [
    ...model.list().map(({ name, contract }) => ({ word: name, says: contract.says })),
    ...[...kinds].filter((kind) => !model.list().some(({ name }) => name === kind)).map((kind) => ({ word: kind, says: `every ${kind}` })),
  ]
}

const heading = ['component', 'result', 'figure', 'check']

function rowsOf(name: string, report: SelfTestReport): string[][] {
  const checks = report.checks.length > 0 ? report.checks : [{ name: 'all', passed: report.passed, says: report.passed ? 'Nothing is wrong.' : 'It failed.' }]
  return checks.map(({ name: check, passed, value, unit, says }) =>
    [name, passed ? 'pass' : 'FAIL', value === undefined ? '' : withUnit(figure(value), unit), `${check}: ${says}`])
}

async function* test(context: Context, [what]: readonly (string | undefined)[]): AsyncGenerator<Item> {
  const reports = what === undefined ? await everything(context) : await some(context, what)
  const entries = Object.entries(reports)
  yield { rows: table(heading, entries.flatMap(([name, report]) => rowsOf(name, report))) }
  for (const [name, report] of entries) yield { rows: [], json: { name, ...report } }
  const failed = entries.filter(([, { passed }]) => !passed)
  yield { rows: ['', `${entries.length - failed.length} passed, ${failed.length} failed`], json: { passed: failed.length === 0, failed: failed.map(([name]) => name) } }
}

/** Everything at once where there is a diagnosis; else one after the other. */
async function everything(context: Context): Promise<Record<string, SelfTestReport>> {
  const diagnosis = context.model.list().find(({ contract }) => contract.name === 'diagnosis')
  if (diagnosis === undefined) return await each(context, context.model.list().map(({ name }) => name))
  const { components } = await withProgress(context, diagnosis.name, async () => await context.carry(diagnosis.name, 'testAll', {}) as { components: Record<string, SelfTestReport> })
  return components
}

async function some(context: Context, what: string): Promise<Record<string, SelfTestReport>> {
  const list = context.model.list()
  const meant = list.filter(({ name }) => name === what)
  return await each(context, (meant.length > 0 ? meant : list.filter(({ contract }) => contract.name === what)).map(({ name }) => name))
}

async function each(context: Context, names: readonly string[]): Promise<Record<string, SelfTestReport>> {
  const reports: Record<string, SelfTestReport> = {}
  for (const name of names) {
    reports[name] = await context.carry(name, 'selfTest', {}).catch((error: unknown) => {
      const { code, message } = describe(error)
      // Who may not test, or no longer wants to, learns that once and not for each component.
      if (/^PC-(ACCESS|BASE-CANCELLED|DEVICE-ROLE)/.test(code)) throw error
      return { passed: false, checks: [{ name: code, passed: false, says: message }] }
    }) as SelfTestReport
  }
  return reports
}

const shown_ms = 1_000
/** From one end to the other. */
const move_ms_max = 4_000
/** A barrier that nobody shuts shuts by itself. */
const open_ms = 6_000
const look_ms = 50

export async function* wiggle(context: Context, [name = '']: readonly (string | undefined)[]): AsyncGenerator<Item> {
  const component = context.model.get(name)
  if (component.contract.name === 'indicator') {
    const before = component.reading('sign')?.value ?? 'off'
    try {
      for (const sign of ['go', 'stop', 'wait', 'attention', 'off']) {
        await context.carry(name, 'show', { sign })
        yield { rows: [`${name} shows ${sign}`], json: { sign } }
        await sleep(context.clock, shown_ms, context.signal)
      }
    } finally {
      await context.carry(name, 'show', { sign: before }, new AbortController().signal).catch(() => undefined)
    }
    return
  }
  demandRole(context, name, 'open')
  demandOutOfService(context.model)
  await context.confirm(`${name} opens for a second and shuts again. Nobody may stand in it.`)
  await context.carry(name, 'open', { for_ms: open_ms })
  try {
    yield { rows: [`${name} is ${await settled(context, name, 'open')}`] }
    await sleep(context.clock, shown_ms, context.signal)
  } finally {
    await context.carry(name, 'close', {}, new AbortController().signal)
  }
  const state = await settled(context, name, 'closed')
  yield { rows: [`${name} is ${state}`], json: { state } }
}

const stateOf = (model: DeviceModel, name: string): string => (model.get(name).reading('state')?.value as string | undefined) ?? 'unknown'

/** The state that the barrier comes to, for which it needs its time; any other when it does not come there. */
async function settled({ model, clock, signal }: Context, name: string, wanted: 'open' | 'closed'): Promise<string> {
  for (let waited_ms = 0; stateOf(model, name) !== wanted && waited_ms < move_ms_max; waited_ms += look_ms) await sleep(clock, look_ms, signal)
  return stateOf(model, name)
}

const movable = (model: DeviceModel): Choice[] => model.list().filter(({ contract }) => ['indicator', 'barrier'].includes(contract.name)).map(({ name, contract }) => ({ word: name, says: contract.says }))

export const testCommands: readonly Command[] = [
  {
    words: ['test'], group: 'test', says: 'self-tests, with figures; nothing moves', example: 'test camera', run: test,
    args: [{ name: 'what', says: 'a component or a kind of them; all unless named', optional: true, choices: testable }],
  },
  {
    words: ['wiggle'], group: 'test', says: 'lets a lamp show its signs, or a barrier open and shut', example: 'wiggle exitLamp', live: true, run: wiggle,
    args: [{ name: 'component', says: 'a lamp or a barrier', choices: movable }],
  },
]
