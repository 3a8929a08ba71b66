import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { ManualClock } from '../../../edge/base/clock.ts'
import { mistakes } from '../../../edge/base/schema.ts'
import { conformance, standaloneContext, until } from '../../kit/conformance.ts'
import { Debounce } from '../debounce.ts'
import { driver, type GpioOptions } from './driver.ts'
import { loadEdges } from './edges.ts'
import { kernelRoot, lineNumber } from './sysfs.ts'
import { GpioTwin } from './twin.ts'

const chip = 'gpio-twin'
const lines = {
  outputs: { door: { chip, line: 3, invert: true, most_ms: 60_000 }, red: { chip, line: 4 } },
  inputs: { fire: { chip, line: 7, invert: true }, beam: { chip, line: 8, debounce_ms: 30 } },
}
const quick = { reconnect_ms: 20, poll_ms: 10, ...lines }

async function running(t: Test, options: Record<string, unknown> = {}, twin = new GpioTwin()) {
  const all: Record<string, unknown> = { ...await twin.start(), ...structuredClone(quick), ...options }
  t.strictSame(mistakes(driver.options, all), [])
  const device = driver.create(all as unknown as GpioOptions, standaloneContext('board'))
  await device.start(new AbortController().signal)
  t.teardown(async () => {
    await device.stop()
    await twin.stop()
  })
  return { twin, board: device.component, device, options: all as unknown as GpioOptions }
}

void t.test('the conformance suite over files', async (t) => {
  conformance(t, {
    driver,
    twin: () => new GpioTwin(),
    options: structuredClone(quick),
    answers: false,
    exercise: async (component, twin) => {
      await component.invoke('set', { line: 'door', on: true })
      if (!twin.energised(3, { invert: true })) throw new Error('the relay is not pulled in')
      await component.invoke('set', { line: 'door', on: false })
      if (twin.energised(3, { invert: true })) throw new Error('the relay is still pulled in')
      for (const level of [true, false]) {
        twin.drive(7, level)
        twin.drive(8, level)
        await until(() => component.read('inputs')?.['fire'] === !level && component.read('inputs')?.['beam'] === level, 'the inputs follow')
      }
    },
  })
})

void t.test('lines are released on connecting and when they are given back', async (t) => {
  const { board, twin, device, options } = await running(t)
  t.strictSame(board.read('outputs'), { door: false, red: false })
  t.equal(twin.level(3), true, 'an inverted line that is off is high')
  await board.invoke('set', { line: 'red', on: true })
  t.equal(twin.energised(4), true)
  t.equal((await board.invoke('selfTest', {})).passed, true)
  const again = driver.create(options, standaloneContext('board'))
  await again.start(new AbortController().signal)
  t.equal(twin.energised(4), false, 'a new life releases what an earlier one left on')
  t.equal((await board.invoke('selfTest', {})).passed, false, 'a line that somebody else moved does not pass')
  await again.component.invoke('set', { line: 'red', on: true })
  await again.stop()
  await until(() => !twin.energised(4), 'a stop releases')
  await device.stop()
})

void t.test('a chip that comes back with other numbers is found by its label', async (t) => {
  const { board, twin } = await running(t)
  await board.invoke('set', { line: 'red', on: true })
  await twin.unplug()
  await until(() => board.health.status === 'failed', 'the loss is noticed')
  t.match(board.health.code, /^PC-GPIO-/)
  await t.rejects(board.invoke('set', { line: 'red', on: true }), { code: 'PC-LINK-DOWN' })
  twin.drive(8, true)
  await twin.plug()
  await until(() => board.health.status === 'ready', 'it is back')
  t.equal(twin.energised(4), false)
  t.equal(board.read('inputs')?.['beam'], true, 'what changed meanwhile is known')
})

void t.test('an output falls back, a keep-alive beats', async (t) => {
  const { board, twin } = await running(t, {
    outputs: { lamp: { chip, line: 1, most_ms: 60 }, beat: { chip, line: 2 } }, keepAlive: { line: 'beat', period_ms: 20 },
  })
  await board.invoke('set', { line: 'lamp', on: true })
  await until(() => !twin.energised(1), 'it fell back')
  for (const level of [true, false, true]) await until(() => twin.level(2) === level, 'it toggles')
  t.strictSame(board.read('outputs'), { lamp: false })
  await t.rejects(board.invoke('set', { line: 'beat', on: true }), { code: 'PC-IO-LINE' })
})

void t.test('a wrong name is an error that says which', async (t) => {
  const noChip = await running(t, { outputs: { door: { chip: 'none', line: 1 } } })
  t.match(noChip.board.health, { status: 'failed', code: 'PC-GPIO-CHIP' })
  const noLine = await running(t, { outputs: { door: { chip, line: 99 } } })
  t.match(noLine.board.health, { status: 'failed', code: 'PC-GPIO-LINE' })
  const noRoot = await running(t, { root: '/nowhere/gpio' })
  t.match(noRoot.board.health, { status: 'failed', code: 'PC-GPIO-NONE' })
  const noEdges = await running(t, { edges: 'interrupt' })
  t.match(noEdges.board.health, { status: 'failed', code: 'PC-GPIO-EDGES' })
  t.throws(() => driver.create({ ...quick, inputs: { twice: { chip, line: 3 } } } as never, standaloneContext('board')), { code: 'PC-IO-LINE' })
})

void t.test('a line whose file makes no sense is an error', async (t) => {
  const { board, options } = await running(t)
  const seen: (string | undefined)[] = []
  board.onChange('health', ({ code }) => seen.push(code))
  writeFileSync(join(options.root, 'gpio519', 'value'), 'x\n')
  await until(() => seen.includes('PC-GPIO-VALUE'), 'it is noticed')
  await until(() => board.health.status === 'ready', 'it is back')
  t.pass()
})

void t.test('numbers are a chip\'s base and an offset, whatever the base', async (t) => {
  const root = mkdtempSync(join(tmpdir(), 'portcullis-gpio-'))
  t.teardown(() => rmSync(root, { recursive: true }))
  for (const [base, label] of [[0, 'first'], [512, 'second'], [600, 'twice'], [700, 'twice']] as const) {
    mkdirSync(join(root, `gpiochip${base}`))
    for (const [name, text] of [['base', base], ['label', label], ['ngpio', 32]]) writeFileSync(join(root, `gpiochip${base}`, String(name)), `${text}\n`)
  }
  t.equal(lineNumber(root, { chip: 'first', line: 5 }), 5)
  t.equal(lineNumber(root, { chip: 'second', line: 31 }), 543)
  t.throws(() => lineNumber(root, { chip: 'second', line: 32 }), { code: 'PC-GPIO-LINE' })
  t.throws(() => lineNumber(root, { chip: 'twice', line: 1 }), { code: 'PC-GPIO-CHIP' }, 'two chips of one label are not told apart')
})

void t.test('interrupts on a kernel\'s own GPIO', { skip: existsSync(join(kernelRoot, 'export')) ? false : 'this machine has no GPIO in /sys/class/gpio' }, async (t) => {
  t.type(await loadEdges(kernelRoot), 'function')
})

void t.test('a level counts when it has stood for a while', async (t) => {
  fc.assert(fc.property(fc.array(fc.record({ level: fc.boolean(), for_ms: fc.integer({ min: 0, max: 60 }) }), { maxLength: 20 }), (course) => {
    const clock = new ManualClock()
    const heard: boolean[] = []
    const debounce = new Debounce(clock, 30, (level) => heard.push(level))
    let latest: boolean | undefined
    for (const { level, for_ms } of course) {
      debounce.offer(level)
      clock.advance(for_ms)
      latest = level
    }
    clock.advance(30)
    t.equal(heard.at(-1), latest, 'in the end it is as it is')
    t.ok(heard.every((level, index) => level !== heard[index - 1]), 'no level is news twice')
    t.equal(clock.pending, 0)
  }), { numRuns: 60 })
})
