/**
 * How long it takes from a packet that shows somebody in the way to the decision to stop, end to end.
 *
 * `lidar.stop.latency`: from handing the packet that decides to the socket, in another process, to hearing
 * the decision in the main thread. Sender, safety thread, tracking thread and main thread share this
 * machine's cores, which the figures include; a packet's time is taken before the system call that hands
 * it over. `lidar.stop.sight`: from the first packet with any return of the obstacle; the sensor's own
 * turning and the evidence that is asked for are most of it.
 */
import { join } from 'node:path'
import { seeded } from '../../drivers/lidar/yard/scene.ts'
import { systemClock } from '../../edge/base/clock.ts'
import { silent } from '../../edge/base/log.ts'
import { sleep } from '../../edge/base/wait.ts'
import { Journal } from '../../edge/journal/journal.ts'
import { deviceKey } from '../../edge/journal/seal.ts'
import { type Figure, percentile } from './figure.ts'
import { obstacles, os1 } from './lidar-yard.ts'
import { type Heard, ObstacleVehicle } from './obstacle-vehicle.ts'
import { shared_ms, type Shown } from './sender-words.ts'

/** Whoever is not stopped for after so long is missed: five turns. */
const missed_ms = 500
const calm_ms_max = 30_000
const look_ms = 5
/** Code is compiled for good while these stops are made, which do not count. */
const warmUpStops = 20
const { columnsPerPacket, columnsPerFrame, framesPerSecond } = os1()
const period_us = (1e6 * columnsPerPacket) / (columnsPerFrame * framesPerSecond)

const numberOf = (start_us: number): number => Math.round(start_us / period_us)

interface Stops {
  latency_ms: number[]
  sight_ms: number[]
  missed: number
  /** Stops because of something in a field, decided by a packet that shows nobody there. */
  wrong: number
  /** Stops because the path itself, the sender or the word about the motion was late: the machine was busy elsewhere. */
  disturbed: number
}

/** @throws Error when anybody was not stopped for, or the vehicle stopped for nobody. */
export async function benchStops(stops: number): Promise<Figure[]> {
  const vehicle = new ObstacleVehicle()
  process.stderr.write('lidar: encoding the turns of the yard\n')
  await vehicle.start()
  try {
    await series(vehicle, warmUpStops)
    const calm = await series(vehicle, stops)
    const path = vehicle.component.read('latency')
    const busy = await whileBusy(vehicle, async () => await series(vehicle, Math.ceil(stops / 4)))
    const missed = calm.missed + busy.missed
    const wrong = calm.wrong + busy.wrong
    if (missed > 0 || wrong > 0) throw new Error(`${missed} of those in the way were not stopped for, and ${wrong} stops were for nobody.`)
    return [
      ...percentiles('lidar.stop.latency', calm.latency_ms),
      ...percentiles('lidar.stop.sight', calm.sight_ms).slice(0, 2),
      ...percentiles('lidar.stop.latency.busy', busy.latency_ms),
      { name: 'lidar.stop.count', value: calm.latency_ms.length + busy.latency_ms.length, unit: 'count' },
      { name: 'lidar.stop.missed', value: missed, unit: 'count' },
      { name: 'lidar.stop.false', value: wrong, unit: 'count' },
      { name: 'lidar.stop.disturbed', value: calm.disturbed + busy.disturbed, unit: 'count' },
      ...(path === undefined ? [] : [
        { name: 'lidar.decision.latency.p50', value: path.p50_ms, unit: 'ms' },
        { name: 'lidar.decision.latency.p99', value: path.p99_ms, unit: 'ms' },
        { name: 'lidar.decision.latency.max', value: path.max_ms, unit: 'ms' },
      ]),
    ]
  } finally {
    await vehicle.stop()
  }
}

const percentiles = (name: string, samples: readonly number[]): Figure[] =>
  [['p50', 0.5], ['p99', 0.99], ['max', 1]].map(([part, share]) => ({ name: `${name}.${part}`, value: percentile(samples, share as number), unit: 'ms' }))

/** Somebody stands in the way at random moments until so many stops were timed. */
async function series(vehicle: ObstacleVehicle, count: number): Promise<Stops> {
  const random = seeded(count)
  const stops: Stops = { latency_ms: [], sight_ms: [], missed: 0, wrong: 0, disturbed: 0 }
  for (let tries = 0; stops.latency_ms.length + stops.missed < count; tries++) {
    if (tries > 3 * count) throw new Error('This machine is too busy for the bench: most stops were for the delays that it caused.')
    await empty(vehicle, 50 + 100 * random(), stops)
    const [heard, shown] = await inTheWay(vehicle, tries % obstacles.length, 50 * random())
    note(stops, heard, shown)
    if (process.stderr.isTTY) process.stderr.write(`\rlidar: ${stops.latency_ms.length} of ${count} stops `)
  }
  if (process.stderr.isTTY) process.stderr.write('\n')
  return stops
}

/** Waits until it may drive, and for a while longer. */
async function empty(vehicle: ObstacleVehicle, for_ms: number, stops: Stops): Promise<void> {
  const began_ms = shared_ms()
  let drivesSince_ms = Infinity
  let before = vehicle.level
  vehicle.onDecision = ({ decision: { level, cause }, start_us }) => {
    const begins = level === 'stop' && before !== 'stop'
    before = level
    if (!begins) return
    // Packets with somebody in the way may still have waited for a thread that was held up.
    if (start_us !== undefined && numberOf(start_us) <= vehicle.lastShown) return
    if (cause?.kind === 'field') stops.wrong++
    else stops.disturbed++
    process.stderr.write(`lidar: a stop with nobody in the way: ${JSON.stringify(cause)}\n`)
  }
  while (shared_ms() - drivesSince_ms < for_ms) {
    if (vehicle.level === 'stop') drivesSince_ms = Infinity
    else drivesSince_ms = Math.min(drivesSince_ms, shared_ms())
    if (shared_ms() - began_ms > calm_ms_max) throw new Error(`The vehicle may not drive: ${JSON.stringify(vehicle.component.read('decision'))}.`)
    await sleep(systemClock, look_ms)
  }
}

/** Puts somebody in the way until the vehicle must stop, and a little longer. */
async function inTheWay(vehicle: ObstacleVehicle, obstacle: number, longer_ms: number): Promise<[Heard | undefined, Shown]> {
  const end = new AbortController()
  let heard: Heard | undefined
  vehicle.onDecision = (one) => {
    if (one.decision.level !== 'stop') return
    heard ??= one
    end.abort()
  }
  vehicle.show(obstacle)
  await sleep(systemClock, missed_ms, end.signal).catch(() => undefined)
  await sleep(systemClock, longer_ms)
  vehicle.onDecision = () => undefined
  return [heard, await vehicle.hide()]
}

function note(stops: Stops, heard: Heard | undefined, { first, shows, sent_ms }: Shown): void {
  if (heard === undefined) {
    stops.missed++
    return
  }
  const sightAt_ms = shows < 0 ? Infinity : sent_ms[shows - first]!
  const decidedAt_ms = heard.start_us === undefined ? undefined : sent_ms[numberOf(heard.start_us) - first]
  const isOfIt = heard.decision.cause?.kind === 'field' && decidedAt_ms !== undefined
  if (!isOfIt) stops.disturbed++
  // Stopped before there was anything to be seen: that says nothing.
  if (heard.at_ms < sightAt_ms) return
  // A stop for another reason while somebody is there counts from the first sight: rather too long than left out.
  stops.latency_ms.push(heard.at_ms - (isOfIt ? decidedAt_ms : sightAt_ms))
  stops.sight_ms.push(heard.at_ms - sightAt_ms)
}

/** Meanwhile the main thread does nothing but make facts durable, one after the other. */
async function whileBusy<T>(vehicle: ObstacleVehicle, work: () => Promise<T>): Promise<T> {
  const journal = await Journal.open({ file: join(vehicle.folder, 'journal.db'), device: 'bench', clock: systemClock, log: silent, keys: deviceKey(Buffer.alloc(32, 1)) })
  let isOver = false
  const writing = (async () => {
    while (!isOver) await journal.append({ kind: 'vehicle.step', class: 'safety', body: { speed_mps: 1, steering_deg: 0, load: 'loaded', limit_mps: 1.6 } })
  })()
  try {
    return await work()
  } finally {
    isOver = true
    await writing
    await journal.close()
  }
}
