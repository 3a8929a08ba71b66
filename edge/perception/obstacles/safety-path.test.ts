import t from 'tap'
import { ManualClock } from '../../base/clock.ts'
import { parse } from '../../base/schema.ts'
import { Lidar } from '../../device/capabilities.ts'
import { Component } from '../../device/component.ts'
import { PointBlock } from '../../device/points.ts'
import { LatencyHistogram } from './latency.ts'
import { type LidarComponent, SafetyPath, type SafetyNews } from './safety-path.ts'
import { ObstacleSetup } from './setup.ts'

const setupWith = (changes: object = {}, source: object = {}): ObstacleSetup => parse(ObstacleSetup, {
  sources: { front: { mount: { z: 0.2 }, ...source } },
  body: [[[-0.5, -0.4], [0.5, -0.4], [0.5, 0.4], [-0.5, 0.4]]],
  fields: [{ name: 'ahead', speed_mps: [-20, 20], steering_deg: [-90, 90], stop: [[0.5, -0.5], [2, -0.5], [2, 0.5], [0.5, 0.5]] }],
  release_ms: 300, latency_ms_max: 20, motion_ms: 5_000,
  ...changes,
}, 'PC-PROFILE-INVALID', 'setup')

const beams = 360

/** A scanner that turns ten times a second; a post as wide as a leg may stand ahead of it. */
class Scanner {
  readonly component: LidarComponent
  readonly #block = new PointBlock(beams, 1)
  readonly #clock: ManualClock
  post = false

  constructor(clock: ManualClock) {
    this.#clock = clock
    this.component = new Component('front', Lidar, clock, { selfTest: async () => ({ passed: true, checks: [] }) })
    this.component.publish('health', { status: 'ready' })
  }

  /** One turn as one packet; it waited so long before it was looked at. */
  turn(waited_ms = 0): void {
    const block = this.#block
    block.columns = beams
    block.rings = 1
    for (let column = 0; column < beams; column++) {
      const angle = (column * 2 * Math.PI) / beams
      const hitsPost = this.post && (column < 6 || column > beams - 6)
      const distance = hitsPost ? 1.2 : 8
      block.angle[column] = angle
      block.distance[column] = distance
      block.x[column] = distance * Math.cos(angle)
      block.y[column] = distance * Math.sin(angle)
    }
    block.received = this.#clock.now()
    block.start_us += 100_000
    block.turn++
    this.#clock.advance(waited_ms)
    this.component.stream('points', block)
    this.#clock.advance(100 - waited_ms)
  }
}

/** Of a thread that something held up: time went by, and nothing was done. */
class HeldClock extends ManualClock {
  held_ms = 0

  override now(): number {
    return super.now() + this.held_ms
  }
}

function pathOf(setup = setupWith()) {
  const clock = new HeldClock()
  const scanner = new Scanner(clock)
  const news: SafetyNews[] = []
  const path = new SafetyPath({ setup, lidars: [scanner.component], clouds: new Map(), clock, tell: (told) => news.push(structuredClone(told)) })
  t.teardown(() => path.stop())
  path.start()
  path.motion({ speed_mps: 0, steering_deg: 0, load: 'empty' })
  const decisions = () => news.filter((told) => told.kind === 'decision')
  const last = () => decisions().at(-1)?.decision
  for (let turn = 0; turn < 10; turn++) scanner.turn()
  return { clock, scanner, news, path, decisions, last }
}

void t.test('a packet leads to its decision at once, and says which packet it was', async (t) => {
  const { scanner, decisions, last } = pathOf()
  t.strictSame(last(), { level: 'clear' })
  scanner.post = true
  const before = decisions().length
  scanner.turn()
  scanner.turn()
  t.match(decisions().slice(before), [{ decision: { level: 'stop', cause: { kind: 'field', source: 'front', field: 'ahead.stop' } }, decidedBy: { source: 'front', latency_ms: 0 } }])
  scanner.post = false
  for (let turn = 0; turn < 6; turn++) scanner.turn()
  t.strictSame(last(), { level: 'clear' })
})

void t.test('silence, trouble and their end are told without a packet', async (t) => {
  const { clock, scanner, last } = pathOf()
  clock.advance(250)
  t.match(last(), { level: 'stop', cause: { kind: 'stale', source: 'front' } })
  for (let turn = 0; turn < 8; turn++) scanner.turn()
  t.strictSame(last(), { level: 'clear' })
  scanner.component.publish('health', { status: 'failed', code: 'PC-LIDAR-FROZEN' })
  t.match(last(), { level: 'stop', cause: { kind: 'source', source: 'front', trouble: 'frozen' } })
  scanner.component.publish('health', { status: 'ready' })
  for (let turn = 0; turn < 8; turn++) scanner.turn()
  t.strictSame(last(), { level: 'clear' })
})

void t.test('a decision that comes too late is told as missed, counted, and stops the vehicle for a while', async (t) => {
  const { scanner, news, last } = pathOf()
  scanner.turn(50)
  t.match(news.filter(({ kind }) => kind === 'missed'), [{ latency_ms: 50 }], 'once')
  t.match(last(), { level: 'stop', cause: { kind: 'late' } })
  for (let turn = 0; turn < 6; turn++) scanner.turn()
  t.strictSame(last(), { level: 'clear' }, 'it is trusted again')
  const status = news.findLast((told) => told.kind === 'status')
  t.match(status, { sources: { front: 'ok' }, fields: 'ahead', latency: { count: 17, max_ms: 50 } })
  t.ok((status?.latency.missed ?? 0) >= 1)
  // All of them are told every second.
  for (let turn = 0; turn < 10; turn++) scanner.turn()
  const all = news.findLast((told) => told.kind === 'histogram')
  t.match(all?.steps.at(-1), { count: 1 }, 'the late one is in the histogram')
  t.ok((all?.steps.at(-1)?.upTo_ms ?? 0) >= 50)
})

void t.test('a thread that was held up was late by as much, whenever the packets that waited are received', async (t) => {
  const { clock, news, last } = pathOf()
  clock.held_ms = 80
  clock.advance(10)
  t.match(news.filter(({ kind }) => kind === 'missed'), [{ latency_ms: 80 }])
  t.match(last(), { level: 'stop', cause: { kind: 'late' } })
  clock.advance(100)
  t.match(news.findLast((told) => told.kind === 'status'), { latency: { max_ms: 80, missed: 1 } }, 'the histogram knows of it')
})

void t.test("a sensor's own fields stop the vehicle where the profile says so, and until they are known", async (t) => {
  const { scanner, last } = pathOf(setupWith({}, { stopFields: ['set1.field1'] }))
  t.match(last(), { level: 'stop', cause: { kind: 'sensor-field', source: 'front', field: 'set1.field1' } })
  scanner.component.publish('fields', { 'set1.field1': 'free', 'set1.field2': 'infringed' })
  for (let turn = 0; turn < 6; turn++) scanner.turn()
  t.strictSame(last(), { level: 'clear' }, 'what it only warns of does not stop')
  scanner.component.publish('fields', { 'set1.field2': 'infringed' })
  t.match(last(), { level: 'stop', cause: { kind: 'sensor-field' } }, 'one that is no longer told is not free')
})

void t.test('latencies are counted without losing the worst', async (t) => {
  const histogram = new LatencyHistogram()
  t.strictSame(histogram.figures(), { p50_ms: 0, p99_ms: 0, max_ms: 0, count: 0 })
  for (let count = 0; count < 980; count++) histogram.record(0.2)
  for (let count = 0; count < 20; count++) histogram.record(3)
  histogram.record(40)
  const { p50_ms, p99_ms, max_ms, count } = histogram.figures()
  t.strictSame({ max_ms, count }, { max_ms: 40, count: 1_001 })
  t.ok(p50_ms >= 0.2 && p50_ms < 0.22, `p50 ${p50_ms}`)
  t.ok(p99_ms >= 3 && p99_ms < 3.3, `p99 ${p99_ms}`)
  t.strictSame(histogram.steps().map(({ count }) => count), [980, 20, 1])
  histogram.record(0)
  histogram.record(1e9)
  t.equal(histogram.figures().max_ms, 1e9)
  t.match([histogram.steps()[0], histogram.steps().at(-1)], [{ count: 1 }, { upTo_ms: 1e9, count: 1 }])
})
