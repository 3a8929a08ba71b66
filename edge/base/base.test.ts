import fc from 'fast-check'
import t from 'tap'
import { concat, equal, fromHex, hex } from './bytes.ts'
import { canonical } from './canonical.ts'
import { type Clock, ManualClock } from './clock.ts'
import { Counters } from './counters.ts'
import { CancelledError, DeviceError, describe, InternalError, invariant, TimeoutError } from './error.ts'
import { Listeners } from './listeners.ts'
import { createLogger, redact } from './log.ts'
import { type Machine, MachineRunner, replay, type Step } from './machine.ts'
import { BoundedQueue } from './queue.ts'
import { mistakes, parse, Type } from './schema.ts'
import { Backoff, sleep, within } from './wait.ts'

void t.test('the manual clock fires timers in order and leaves none behind', async (t) => {
  fc.assert(fc.property(fc.array(fc.tuple(fc.integer({ min: 0, max: 1000 }), fc.boolean())), (timers) => {
    const clock = new ManualClock()
    const fired: number[] = []
    for (const [delay, cancelled] of timers) {
      const cancel = clock.after(delay, () => fired.push(delay))
      if (cancelled) cancel()
    }
    clock.advance(1000)
    const expected = timers.filter(([, cancelled]) => !cancelled).map(([delay]) => delay).sort((a, b) => a - b)
    return JSON.stringify(fired) === JSON.stringify(expected) && clock.pending === 0 && clock.now() === 1000
  }))
  t.pass()
})

void t.test('the wall clock can jump, the monotonic one cannot', async (t) => {
  const clock = new ManualClock(1_000_000)
  clock.jumpWall(-500)
  clock.advance(10)
  t.equal(clock.wall(), 999_510)
  t.equal(clock.now(), 10)
})

void t.test('waiting ends: by its limit, by its signal, and leaves no timer', async (t) => {
  const clock = new ManualClock()
  const limit = { clock, limit_ms: 100, code: 'PC-TEST-LATE' as const, message: 'Too late.', component: 'x' }
  const late = within(limit, () => new Promise(() => undefined))
  clock.advance(100)
  await t.rejects(late, { code: 'PC-TEST-LATE', component: 'x' })
  const abort = new AbortController()
  let inner: AbortSignal | undefined
  const cancelled = within({ ...limit, signal: abort.signal }, (signal) => {
    inner = signal
    return new Promise(() => undefined)
  })
  abort.abort()
  await t.rejects(cancelled, CancelledError)
  t.equal(inner?.aborted, true, 'what was started is told to stop')
  await t.rejects(sleep(clock, 10, abort.signal), CancelledError)
  t.equal(await within(limit, async () => 7), 7)
  t.equal(clock.pending, 0)
})

void t.test('back-off doubles up to its limit and begins anew', async (t) => {
  const backoff = new Backoff(100, 1000, () => 0.5)
  t.strictSame(Array.from({ length: 6 }, () => backoff.next_ms()), [100, 200, 400, 800, 1000, 1000])
  backoff.reset()
  t.equal(backoff.next_ms(), 100)
})

void t.test('a bounded queue keeps its order and counts what it drops', async (t) => {
  fc.assert(fc.property(fc.integer({ min: 1, max: 8 }), fc.constantFrom('drop-oldest' as const, 'drop-newest' as const), fc.array(fc.option(fc.integer())), (capacity, overflow, actions) => {
    const queue = new BoundedQueue<number>(capacity, overflow)
    let model: number[] = []
    let dropped = 0
    for (const action of actions) {
      if (action === null) {
        if (queue.shift() !== model.shift()) return false
        continue
      }
      queue.push(action)
      model.push(action)
      if (model.length > capacity) {
        model = overflow === 'drop-oldest' ? model.slice(1) : model.slice(0, -1)
        dropped++
      }
    }
    return queue.length === model.length && queue.dropped === dropped && model.every((item) => queue.shift() === item)
  }))
  t.pass()
})

void t.test('a listener that throws does not keep the news from the others', async (t) => {
  const errors: unknown[] = []
  const heard: number[] = []
  const listeners = new Listeners<number>((error) => errors.push(error))
  listeners.add(() => { throw new Error('mine') })
  const remove = listeners.add((news) => heard.push(news))
  listeners.emit(1)
  remove()
  listeners.emit(2)
  t.strictSame(heard, [1])
  t.equal(errors.length, 2)
})

void t.test('errors say a code and a sentence, and nothing else', async (t) => {
  t.strictSame(describe(new DeviceError('PC-TEST-X', 'It broke.', { component: 'a' })), { code: 'PC-TEST-X', message: 'It broke.' })
  t.strictSame(describe(Object.assign(new Error('open /home/nguyen/secret'), { code: 'ENOENT' })), { code: 'PC-BASE-SYSTEM', message: 'The operating system refused: ENOENT.' })
  t.notMatch(JSON.stringify(describe(new TypeError('ERIKSSON is not a function'))), /ERIKSSON/)
  t.throws(() => invariant(false, 'two is two'), InternalError)
  t.ok(new TimeoutError('PC-TEST-X', 'Late.') instanceof Error)
})

void t.test('personal data never reaches a log', async (t) => {
  const lines: string[] = []
  const log = createLogger('trace', { write: (line) => lines.push(line) })
  const mrz = 'P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<'
  log.info({ documentNumber: 'L898902C3', deep: { holder: { surname: 'ERIKSSON' } }, list: [{ mrz }], raw: Buffer.from(mrz), error: new Error(mrz) }, `read ${mrz}`)
  log.warn(`number 001090123456 and card 001090123456|012345678|NGUYEN VAN A|01011990|Nam`)
  log.error({ error: new DeviceError('PC-TEST-X', 'It broke.'), code: 'PC-TEST-X', scanned: { code: '001090123456' } })
  log.error({ error: new DeviceError('PC-TEST-X', `No answer to ${mrz}.`) }, 'an error that quotes what it should not')
  const text = lines.join('')
  t.notMatch(text, /ERIKSSON|L898902C3|001090123456|NGUYEN/)
  t.match(text, /PC-TEST-X/, 'error codes stay readable')
  t.match(text, /It broke/)
  lines.length = 0
  log.warn({ url: 'rtsp://admin:Pa@ss#1@10.0.0.12/live?token=tic', error: new DeviceError('PC-TEST-X', 'http://a:tac@cam:80 is silent.') }, 'no picture of rtsp://b:toe@cam/1')
  t.match(JSON.parse(lines[0] ?? ''), { url: 'rtsp://10.0.0.12/live?[hidden]', error: { message: 'http://cam:80 is silent.' }, says: 'no picture of rtsp://cam/1' }, 'nor do secrets in addresses')
  let nested: unknown = mrz
  for (let depth = 0; depth < 20; depth++) nested = { nested }
  t.notMatch(JSON.stringify(redact(nested)), /ERIKSSON/, 'at any depth')
})

void t.test('schemas fill in defaults and name mistakes in words', async (t) => {
  const schema = Type.Object({ port: Type.String(), baud: Type.Integer({ default: 9600 }), mode: Type.Optional(Type.Enum(['a', 'b'])) }, { additionalProperties: false })
  t.strictSame(parse(schema, { port: 'x' }, 'PC-TEST-X', 'thing'), { port: 'x', baud: 9600 })
  t.strictSame(mistakes(schema, { baud: 'fast', mode: 'c', prot: 1 }).map(({ text }) => text).sort(), [
    '"port" is missing', '"prot" is not known here', 'it must be of type integer', 'it must be one of a, b',
  ])
  t.throws(() => parse(schema, {}, 'PC-TEST-X', 'thing'), { code: 'PC-TEST-X', message: 'The thing is not valid: "port" is missing.' })
})

void t.test('canonical JSON: one value, one text (RFC 8785, 3.2.2 and 3.2.3)', async (t) => {
  t.equal(canonical({ numbers: [Number('333333333.33333329'), 1e30, 4.50, 2e-3, 0.000000000000000000000000001], string: '\u20ac$\u000f\nA\'B"\\\\"/', literals: [null, true, false] }),
    '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}')
  fc.assert(fc.property(fc.jsonValue(), (value) => canonical(JSON.parse(canonical(value))) === canonical(value)))
  t.throws(() => canonical({ x: Number.NaN }), { code: 'PC-BASE-CANONICAL' })
  t.throws(() => canonical(undefined), { code: 'PC-BASE-CANONICAL' })
})

void t.test('bytes', async (t) => {
  fc.assert(fc.property(fc.array(fc.uint8Array()), (parts) => {
    const whole = concat(parts)
    return equal(fromHex(hex(whole)), whole) && whole.length === parts.reduce((sum, part) => sum + part.length, 0)
  }))
  t.notOk(equal(Uint8Array.of(1), Uint8Array.of(2)))
  const counters = new Counters(['seen', 'lost'])
  counters.add('seen', 2)
  t.strictSame(counters.snapshot(), { seen: 2, lost: 0 })
})

/** A turnstile of two states for the runner's tests. */
type State = { is: 'locked' } | { is: 'open'; until: number }
type Input = 'coin' | 'push' | 'timeout'
type Effect = 'unlock' | 'lock'
const turnstile: Machine<State, Input, Effect> = {
  timeout: 'timeout',
  deadline: (state) => (state.is === 'open' ? state.until : undefined),
  step(state, input, now) {
    if (state.is === 'locked') return input === 'coin' ? [{ is: 'open', until: now + 100 }, ['unlock']] : [state, []]
    return input === 'push' || (input === 'timeout' && now >= state.until) ? [{ is: 'locked' }, ['lock']] : [state, []]
  },
}

function runnerOf(record: (step: Step<Input, Effect>) => Promise<void>) {
  const clock = new ManualClock()
  const performed: Effect[] = []
  const unrecorded: unknown[] = []
  const runner = new MachineRunner<State, Input, Effect>({
    machine: turnstile, initial: { is: 'locked' }, clock, record, recordLimit_ms: 50, backlogMax: 3,
    perform: (effect) => performed.push(effect),
    unrecorded: (step, error) => {
      unrecorded.push(error)
      return step.effects.filter((effect) => effect === 'lock')
    },
  })
  return { clock, performed, unrecorded, runner }
}
const turns = async (): Promise<void> => { for (let turn = 0; turn < 10; turn++) await Promise.resolve() }

void t.test('effects follow the record, in order, and a state times out by itself', async (t) => {
  const steps: Step<Input, Effect>[] = []
  let durable: () => void = () => undefined
  const { clock, performed, runner } = runnerOf((step) => {
    steps.push(step)
    return new Promise((resolve) => { durable = resolve })
  })
  runner.feed('coin')
  await turns()
  t.strictSame(performed, [], 'no effect before its step is durable')
  durable()
  await turns()
  t.strictSame(performed, ['unlock'])
  clock.advance(100)
  durable()
  await turns()
  t.strictSame(performed, ['unlock', 'lock'])
  t.strictSame(steps.map(({ input, now }) => [input, now]), [['coin', 0], ['timeout', 100]])
  t.equal(replay(turnstile, { is: 'locked' }, steps), undefined, 'the record replays')
  t.match(replay(turnstile, { is: 'locked' }, steps.map((step) => ({ ...step, effects: [] as Effect[] }))), { index: 0, recorded: [], replayed: ['unlock'] })
  await runner.stop()
  runner.feed('coin')
  t.equal(runner.state.is, 'locked', 'a stopped runner takes nothing')
  t.equal(clock.pending, 0)
})

void t.test('a step that cannot be written down has only the effects that may go ahead', async (t) => {
  const { clock, performed, unrecorded, runner } = runnerOf(() => Promise.reject(new Error('disk full')))
  runner.feed('coin')
  runner.feed('push')
  await turns()
  t.strictSame(performed, ['lock'])
  t.equal(unrecorded.length, 2)
  const slow = runnerOf(() => new Promise(() => undefined))
  for (const input of ['coin', 'push', 'coin', 'push'] as const) slow.runner.feed(input)
  t.match(slow.unrecorded, [{ code: 'PC-BASE-BACKLOG' }], 'the backlog is bounded')
  slow.clock.advance(50)
  await turns()
  t.match(slow.unrecorded.slice(1), [{ code: 'PC-BASE-RECORD-LATE' }, { code: 'PC-BASE-RECORD-LATE' }, { code: 'PC-BASE-RECORD-LATE' }])
  t.equal(clock.pending, 0)
})

void t.test('effects keep the order of the inputs, whatever comes in between', async (t) => {
  const waiting: (() => void)[] = []
  const { performed, runner } = runnerOf(() => new Promise((resolve) => waiting.push(resolve)))
  for (const input of ['coin', 'push', 'coin', 'push'] as const) runner.feed(input)
  await turns()
  t.strictSame(performed, [], 'a step that is beyond the backlog does not overtake those that wait')
  for (const durable of waiting) durable()
  await turns()
  t.strictSame(performed, ['unlock', 'lock', 'unlock', 'lock'])

  const taken: Input[] = []
  const nested = new MachineRunner<State, Input, Effect>({
    machine: turnstile, initial: { is: 'locked' }, clock: new ManualClock(), recordLimit_ms: 50, backlogMax: 3,
    record: async ({ input }) => void taken.push(input),
    perform: () => undefined, unrecorded: () => [],
    onState: ({ is }) => { if (is === 'open') nested.feed('push') },
  })
  nested.feed('coin')
  t.strictSame(taken, ['coin', 'push'], 'what a step itself feeds is written down after it')
  t.equal(nested.state.is, 'locked')
  await nested.stop()
})

void t.test('a timer that fires early is no step', async (t) => {
  const clock = new ManualClock()
  const hasty: Clock = { now: () => clock.now(), wall: () => clock.wall(), after: (delay_ms, action) => clock.after(delay_ms > 1 ? delay_ms - 1 : delay_ms, action) }
  const inputs: Input[] = []
  const runner = new MachineRunner<State, Input, Effect>({
    machine: turnstile, initial: { is: 'open', until: 100 }, clock: hasty, recordLimit_ms: 50, backlogMax: 3,
    record: async ({ input }) => void inputs.push(input), perform: () => undefined, unrecorded: () => [],
  })
  clock.advance(99)
  t.strictSame(inputs, [])
  clock.advance(1)
  t.strictSame(inputs, ['timeout'])
  await runner.stop()
})
