import { getHeapStatistics } from 'node:v8'
import fc from 'fast-check'
import t from 'tap'
import { parse, Type } from '../../../edge/base/schema.ts'
import type { LidarTrouble } from '../../../edge/device/capabilities.ts'
import { PointBlock } from '../../../edge/device/points.ts'
import { Budget } from './budget.ts'
import { Sameness } from './sameness.ts'
import { seeded } from '../yard/scene.ts'
import { SourceWatch, type WatchLimits, watchOptions } from './source-watch.ts'
import { tick_ms } from './tally.ts'

const limits: WatchLimits = parse(Type.Object(watchOptions()), {}, 'PC-TEST-LIMITS', 'limits')
const packetsPerTurn = 20
const period_ms = 5

/** A sensor of ten turns a second, and what can go wrong between it and the watch. */
class Stream {
  readonly watch: SourceWatch
  readonly block = new PointBlock(10, 4)
  readonly random = seeded(3)
  /** Every trouble and recovery, in order. */
  readonly seen: (LidarTrouble | 'well')[] = []
  /** When it was well again, and when it was not. */
  readonly changes: { at: number; isWell: boolean }[] = []
  now = 1_000
  packet = 0
  /** The sensor's clock against ours, ms. */
  offset_ms = 0
  drift = 0
  /** How much later a packet comes. */
  delay_ms: () => number = () => 0
  distance: (index: number) => number = () => 5 + this.random()
  turnsOn = true

  constructor(some: Partial<WatchLimits> = {}) {
    this.watch = new SourceWatch({ ...limits, ...some })
  }

  send(lost = 0): void {
    const { block } = this
    block.columns = 10
    block.rings = 4
    block.lost = lost
    if (this.turnsOn) block.turn = Math.floor(this.packet / packetsPerTurn)
    block.start_us = (this.now * (1 + this.drift) + this.offset_ms) * 1_000
    block.received = this.now + this.delay_ms()
    for (let index = 0; index < 40; index++) block.distance[index] = this.distance(index)
    this.watch.points(block)
  }

  /** Time passes; `each` sends what comes every period instead of one good packet. */
  run(for_ms: number, each: () => void = () => this.send()): void {
    for (const until = this.now + for_ms; this.now < until;) {
      this.now += period_ms
      this.packet++
      each()
      if (this.now % tick_ms === 0) this.#tick()
    }
  }

  /** Our loop is busy elsewhere: what waited comes at once, and no tick meanwhile. */
  pause(for_ms: number): void {
    const usual = this.delay_ms
    const until = this.now + for_ms
    this.delay_ms = () => until - this.now
    for (; this.now < until; this.send()) {
      this.now += period_ms
      this.packet++
    }
    this.delay_ms = usual
  }

  #tick(): void {
    this.watch.tick()
    const state = this.watch.trouble ?? (this.watch.ready ? 'well' : undefined)
    if (state === undefined || state === this.seen.at(-1)) return
    this.seen.push(state)
    const isWell = state === 'well'
    if (this.changes.at(-1)?.isWell !== isWell) this.changes.push({ at: this.now, isWell })
  }
}

const well = (stream: Stream): void => {
  stream.run(1_000)
}

void t.test('a good stream is ready after a full turn, and stays well', async (t) => {
  const stream = new Stream()
  stream.run(90)
  t.equal(stream.watch.ready, false, 'less than a turn is not enough')
  stream.run(200)
  t.equal(stream.watch.ready, true)
  stream.run(60_000)
  t.strictSame(stream.seen, ['well'])
  t.equal(stream.watch.warning, undefined)
  t.equal(stream.watch.tally.get('points'), (60_000 + 290) / period_ms)
})

void t.test('each trouble has its name, comes in time, and ends once all has been well for a while', async (t) => {
  const other = (stream: Stream, verdict: Parameters<SourceWatch['other']>[0]) => (): void => stream.watch.other(verdict)
  const cases: Partial<Record<LidarTrouble, (stream: Stream) => void>> = {
    silent: (stream) => stream.run(limits.silent_ms + 50, () => undefined),
    foreign: (stream) => stream.run(limits.silent_ms + 50, other(stream, 'foreign')),
    damaged: (stream) => stream.run(limits.silent_ms + 50, other(stream, 'damaged')),
    'wrong-sensor': (stream) => stream.run(limits.silent_ms + 50, other(stream, 'wrong-sensor')),
    clock: (stream) => {
      stream.offset_ms -= 3_600_000
      stream.run(50)
    },
    frozen: (stream) => {
      stream.distance = (index) => 5 + index
      stream.run((limits.frozen_turns + 2) * packetsPerTurn * period_ms)
      stream.distance = () => 5 + stream.random()
    },
    storm: (stream) => stream.run(100, () => {
      stream.send()
      stream.watch.dropped()
    }),
    lossy: (stream) => stream.run(500, () => stream.send(1)),
    late: (stream) => {
      stream.delay_ms = () => limits.late_ms + 50
      stream.run(500)
      stream.delay_ms = () => 0
    },
    fault: (stream) => {
      stream.turnsOn = false
      stream.run(limits.turn_ms + 100)
      stream.turnsOn = true
    },
  }
  for (const [trouble, cause] of Object.entries(cases)) {
    const stream = new Stream()
    well(stream)
    cause(stream)
    t.equal(stream.watch.trouble, trouble)
    t.equal(stream.watch.ready, false, `${trouble}: it is not ready`)
    stream.run(limits.well_ms - 50)
    t.equal(stream.watch.trouble, trouble, `${trouble}: it does not end at once`)
    stream.run(2_000)
    t.strictSame(stream.seen, ['well', trouble, 'well'], `${trouble}: once, and then over`)
  }
})

void t.test('a sensor that was never there is silent after its own limit', async (t) => {
  const stream = new Stream({ first_ms: 2_000 })
  stream.run(1_900, () => undefined)
  t.equal(stream.watch.trouble, undefined)
  stream.run(200, () => undefined)
  t.equal(stream.watch.trouble, 'silent')
})

void t.test('silence is named after what comes instead, and renamed when that ends', async (t) => {
  const stream = new Stream()
  well(stream)
  stream.run(2_000, () => stream.watch.other('foreign'))
  stream.run(2_000, () => stream.watch.other('late'))
  stream.run(2_000, () => stream.watch.other('other'))
  t.strictSame(stream.seen, ['well', 'foreign', 'clock', 'silent'])
})

void t.test('a few packets of something else prove nothing', async (t) => {
  const stream = new Stream()
  stream.run(20_000, () => {
    stream.send()
    if (stream.packet % 20 === 0) {
      stream.watch.other('damaged')
      stream.watch.other('late')
      stream.watch.other('foreign')
      stream.watch.other('other')
    }
    if (stream.packet % 1_000 === 0) stream.watch.other('wrong-sensor')
  })
  t.strictSame(stream.seen, ['well'])
})

void t.test('another sensor beside the right one is not believed once it sends more', async (t) => {
  const stream = new Stream()
  well(stream)
  stream.run(1_000, () => {
    stream.send()
    stream.watch.other('wrong-sensor')
    stream.watch.other('wrong-sensor')
  })
  t.equal(stream.watch.trouble, 'wrong-sensor')
})

void t.test('below its limits a sensor is degraded, not in trouble', async (t) => {
  const lossy = new Stream()
  lossy.run(3_000, () => lossy.send(lossy.packet % 10 === 0 ? 1 : 0))
  t.strictSame([lossy.watch.warning, lossy.watch.trouble], ['lossy', undefined])
  const late = new Stream()
  well(late)
  late.delay_ms = () => limits.late_ms * 0.7
  late.run(1_000)
  t.strictSame([late.watch.warning, late.watch.trouble], ['late', undefined])
  const foreign = new Stream()
  foreign.run(3_000, () => {
    foreign.send()
    foreign.watch.other('foreign')
    foreign.watch.other('foreign')
  })
  t.strictSame([foreign.watch.warning, foreign.watch.trouble], ['foreign', undefined])
  foreign.run(3_000)
  t.equal(foreign.watch.warning, undefined, 'it ends')
})

void t.test('a fault that the sensor reports is a trouble', async (t) => {
  const stream = new Stream()
  well(stream)
  stream.watch.fault()
  stream.run(50)
  t.equal(stream.watch.trouble, 'fault')
})

void t.test('clocks: drift, jitter, a burst after our own pause are none of the sensor\'s doing', async (t) => {
  await fc.assert(fc.asyncProperty(
    fc.double({ min: -0.000_2, max: 0.000_2, noNaN: true }), fc.integer({ min: 0, max: 60 }), fc.integer({ min: 0, max: 2 ** 31 }),
    async (drift, jitter_ms, seed) => {
      const stream = new Stream({ late_ms: 100 })
      const random = seeded(seed)
      stream.drift = drift
      stream.delay_ms = () => random() * jitter_ms
      stream.run(20_000)
      stream.pause(400)
      stream.run(2_000)
      return stream.seen.join() === 'well'
    }), { numRuns: 20 })
  const stream = new Stream()
  stream.drift = 0.000_2
  stream.run(600_000)
  t.strictSame(stream.seen, ['well'], 'ten minutes of drift')
})

void t.test('clocks: a jump of any size beyond the limit is noticed, forth and back', async () => {
  fc.assert(fc.property(fc.integer({ min: 110, max: 10 ** 9 }), fc.boolean(), (jump_ms, forth) => {
    const stream = new Stream()
    stream.run(2_000)
    stream.offset_ms += forth ? jump_ms : -jump_ms
    stream.run(50)
    const noticed = stream.watch.trouble === 'clock'
    stream.run(2_000)
    return noticed && stream.watch.ready && stream.seen.length === 3
  }), { numRuns: 50 })
})

void t.test('the first packets may have waited before anybody listened', async (t) => {
  const stream = new Stream()
  stream.delay_ms = () => Math.max(0, 1_300 - stream.now)
  stream.run(5_000)
  t.strictSame(stream.seen, ['well'])
})

void t.test('frozen: however the same points come again', async (t) => {
  const block = new PointBlock(10, 4)
  block.columns = 10
  block.rings = 4
  const random = seeded(5)
  const packets = Array.from({ length: 60 }, () => Float32Array.from({ length: 40 }, () => 3 + random()))
  const repeatsAfter = (shown: (index: number) => number, turnOf: (index: number) => number, turnAtOf: (index: number) => number = () => -1): number => {
    const sameness = new Sameness()
    for (let index = 0; index < 400; index++) {
      block.distance.set(packets[shown(index)] as Float32Array)
      block.turn = turnOf(index)
      block.turnAt = turnAtOf(index)
      sameness.block(block)
    }
    return sameness.repeatedTurns
  }
  t.ok(repeatsAfter((index) => index % 20, (index) => Math.floor(index / 20)) >= 15, 'the same turn')
  t.ok(repeatsAfter((index) => index % 19, (index) => Math.floor(index / 20)) >= 15, 'turns that are not a whole number of packets')
  t.ok(repeatsAfter(() => 0, (index) => Math.floor(index / 20)) >= 15, 'the same packet')
  t.ok(repeatsAfter((index) => index % 20, (index) => Math.floor((index + 10) / 20), (index) => (index % 20 === 9 ? 5 : -1)) >= 15, 'turns that begin within a packet')
  t.equal(repeatsAfter((index) => index % 60, (index) => Math.floor(index / 20)), 0, 'three turns in a loop are a recording')
  for (const packet of packets) packet.fill(0)
  t.equal(repeatsAfter((index) => index % 20, (index) => Math.floor(index / 20)), 0, 'nothing seen is not the same thing seen')
})

void t.test('frozen: the same packet for ever, without a turn, is noticed, too; blindness is not frozen', async (t) => {
  const stream = new Stream({ turn_ms: 60_000 })
  well(stream)
  stream.turnsOn = false
  stream.distance = (index) => 5 + index
  stream.run(limits.silent_ms + 100)
  t.equal(stream.watch.trouble, 'frozen')
  const blind = new Stream()
  blind.distance = () => 0
  blind.run(5_000)
  t.strictSame(blind.seen, ['well'])
  t.equal(blind.watch.tally.get('returns'), 0)
})

void t.test('what the watch says never flaps: a trouble lasts at least as long as it must be well', async () => {
  const action = fc.constantFrom('good', 'good', 'good', 'nothing', 'foreign', 'damaged', 'wrong-sensor', 'late', 'lost', 'dropped', 'jump', 'frozen')
  fc.assert(fc.property(fc.array(fc.tuple(action, fc.integer({ min: 1, max: 100 })), { maxLength: 40 }), (actions) => {
    const stream = new Stream()
    for (const [what, packets] of actions) {
      if (what === 'jump') stream.offset_ms += 5_000
      stream.distance = what === 'frozen' ? (index) => 5 + index : () => 5 + stream.random()
      stream.run(packets * period_ms, () => {
        if (what === 'dropped') stream.watch.dropped()
        else if (what === 'lost') stream.send(2)
        else if (what === 'good' || what === 'jump' || what === 'frozen') stream.send()
        else if (what !== 'nothing') stream.watch.other(what)
      })
    }
    stream.distance = () => 5 + stream.random()
    stream.run(5_000)
    const { changes } = stream
    return stream.watch.ready && changes.every(({ at, isWell }, index) => index === 0 || !isWell || at - (changes[index - 1]?.at ?? 0) >= limits.well_ms)
  }), { numRuns: 60 })
})

void t.test('budget: bears what waited in the socket, and not what goes on', async (t) => {
  await fc.assert(fc.asyncProperty(fc.integer({ min: 100, max: 5_000_000 }), fc.integer({ min: 1, max: 900 }), async (rate, pause_ms) => {
    const budget = new Budget(rate, 0)
    const cost = rate / 1_000
    let now = 0
    for (; now < 3_000; now++) if (!budget.take(cost, now)) return false
    now += pause_ms
    for (let waited = 0; waited < pause_ms; waited++) if (!budget.take(cost, now)) return false
    for (const until = now + 3_000; now < until; now += 0.5) if (!budget.take(cost, now)) return false
    return true
  }), { numRuns: 20 })
  const budget = new Budget(1_000, 0)
  let taken = 0
  for (let now = 0; now < 10_000; now += 0.1) if (budget.take(1, now)) taken++
  t.ok(taken <= 1_000 * 2.5 * 10 + 1_000, `of 100000, ${taken} were looked at`)
  t.ok(taken >= 24_000)
})

void t.test('nothing is allocated for a packet', async (t) => {
  const { watch, block } = new Stream()
  const packets = 20_000
  const grown = (from: number): number => {
    const before = getHeapStatistics().used_heap_size
    for (let packet = from; packet < from + packets; packet++) {
      block.received = packet * 0.5
      block.start_us = packet * 500.25
      block.turn = packet >> 7
      block.columns = 10
      block.rings = 4
      block.distance[packet % 40] = packet
      watch.points(block)
      if ((packet & 7) === 7) watch.other('foreign')
    }
    return getHeapStatistics().used_heap_size - before
  }
  const least = Math.min(...Array.from({ length: 10 }, (_, run) => Math.abs(grown(run * packets))))
  t.ok(least < packets * 4, `${least} bytes for ${packets} packets`)
})
