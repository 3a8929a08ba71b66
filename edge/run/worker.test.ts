import t from 'tap'
import { systemClock } from '../base/clock.ts'
import { silent } from '../base/log.ts'
import { WorkerHost, type WorkerLimits } from './worker.ts'

const program = new URL('./worker-fixture.ts', import.meta.url)
const host = (limits: Partial<WorkerLimits> = {}, data: unknown = {}): WorkerHost =>
  new WorkerHost({ name: 'fixture', program, data, clock: systemClock, log: silent, limits: { restartFirst_ms: 10, ...limits } })

const usable = (worker: WorkerHost, wanted: boolean): Promise<void> =>
  new Promise((resolve) => {
    if (worker.usable === wanted) return resolve()
    const remove = worker.onUsable((now) => {
      if (now !== wanted) return
      remove()
      resolve()
    })
  })

void t.test('answers what it is asked, and says what is wrong with a request', async (t) => {
  const worker = host()
  t.notOk(worker.usable)
  await t.rejects(worker.ask('early', 100), { code: 'PC-RUN-WORKER-LOST' })
  await worker.start()
  t.ok(worker.usable)
  t.equal(worker.about, 'ready to be told')
  t.same(await Promise.all([worker.ask('a', 5_000), worker.ask('b', 5_000)]), ['echo a', 'echo b'])
  await t.rejects(worker.ask('bad', 5_000), { code: 'PC-TEST-INPUT', name: 'InputError' })
  await t.rejects(worker.ask('broken', 5_000), { code: 'PC-BASE-UNEXPECTED', name: 'DeviceError' })
  t.equal(await worker.ask('c', 5_000), 'echo c', 'it goes on after a refusal')
  await worker.stop()
  t.notOk(worker.usable)
})

void t.test('it can say something that nobody asked for', async (t) => {
  const worker = host()
  const heard: unknown[] = []
  worker.onNews((news) => heard.push(news))
  await worker.start()
  await worker.ask('talk', 5_000)
  t.same(heard, [{ unasked: 1 }, { unasked: 2 }])
  await worker.stop()
})

void t.test('a request has a time limit, can be cancelled, and not too many wait', async (t) => {
  const worker = host({ pendingMax: 2 })
  await worker.start()
  await t.rejects(worker.ask('wait', 20), { code: 'PC-RUN-WORKER-LATE' })
  const abort = new AbortController()
  const cancelled = worker.ask('wait', 5_000, abort.signal)
  abort.abort()
  await t.rejects(cancelled, { code: 'PC-BASE-CANCELLED' })
  const waiting = [worker.ask('wait', 5_000), worker.ask('wait', 5_000)]
  await t.rejects(worker.ask('third', 5_000), { code: 'PC-RUN-WORKER-BUSY' })
  const ends = Promise.all(waiting.map((each) => t.rejects(each, { code: 'PC-BASE-CANCELLED' })))
  await worker.stop()
  await ends
})

for (const [how, request] of [['dies', 'die'], ['hangs', 'hang']] as const) {
  void t.test(`a worker that ${how} is noticed and started again`, async (t) => {
    const worker = host({ silent_ms: 1_500 })
    await worker.start()
    const seen: boolean[] = []
    worker.onUsable((now) => seen.push(now))
    await t.rejects(worker.ask(request, 20_000), { code: 'PC-RUN-WORKER-LOST' })
    t.notOk(worker.usable)
    await usable(worker, true)
    t.equal(await worker.ask('back', 5_000), 'echo back')
    t.same(seen, [false, true])
    t.match(worker.counters.snapshot(), { lost: 1, starts: 2 })
    await worker.stop()
  })
}

void t.test('it is never torn out of what it does: it leaves when that is done', async (t) => {
  const done = new SharedArrayBuffer(4)
  const worker = host({}, { done })
  await worker.start()
  const begun = new Promise<unknown>((resolve) => void worker.onNews(resolve))
  const cancelled = t.rejects(worker.ask('work', 5_000), { code: 'PC-BASE-CANCELLED' })
  t.equal(await begun, 'begun')
  await worker.stop()
  await cancelled
  t.equal(Atomics.load(new Int32Array(done), 0), 1, 'the work was done')
})

void t.test('a program that refuses to start says why and is not started again by itself', async (t) => {
  const worker = host({}, { fail: true })
  await t.rejects(worker.start(), { code: 'PC-TEST-SETUP', name: 'ConfigError' })
  t.notOk(worker.usable)
  t.match(worker.counters.snapshot(), { starts: 1 })
})

void t.test('a program that is not there', async (t) => {
  const worker = new WorkerHost({ name: 'nobody', program: new URL('./nobody.ts', import.meta.url), data: {}, clock: systemClock, log: silent })
  await t.rejects(worker.start(), { code: 'PC-RUN-WORKER-LOST' })
})

void t.test('after stopping nothing is started again', async (t) => {
  const worker = host()
  await worker.start()
  const dying = t.rejects(worker.ask('die', 5_000), { code: /PC-RUN-WORKER-LOST|PC-BASE-CANCELLED/ })
  await worker.stop()
  await dying
  t.notOk(worker.usable)
})
