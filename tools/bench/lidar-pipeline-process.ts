/**
 * The obstacle paths in one thread of a process of their own, so that its heap counts nothing else:
 * what a lidar's driver does with a packet (decoding, stream watch), the safety path, and tracking.
 * Started by lidar-pipeline.ts with a young generation that holds all that might be made meanwhile.
 */
import { PerformanceObserver } from 'node:perf_hooks'
import { getHeapStatistics } from 'node:v8'
import { OusterDecoder } from '../../drivers/lidar/ouster/decoder.ts'
import { SourceWatch, type WatchLimits } from '../../drivers/lidar/stream/source-watch.ts'
import { systemClock } from '../../edge/base/clock.ts'
import { sleep } from '../../edge/base/wait.ts'
import { PointBlock } from '../../edge/device/points.ts'
import { type Cloud, CloudRing } from '../../edge/perception/obstacles/cloud.ts'
import { SafetyMonitor } from '../../edge/perception/obstacles/monitor.ts'
import { cloudPointsMax } from '../../edge/perception/obstacles/service.ts'
import type { ObstacleSetup } from '../../edge/perception/obstacles/setup.ts'
import { Tracker } from '../../edge/perception/obstacles/tracker.ts'
import { percentile } from './figure.ts'
import { type Depth, depths, type PipelineRun } from './lidar-pipeline.ts'
import { motion, os1, vehicle, yard } from './lidar-yard.ts'
import { OusterTurns } from './ouster-turns.ts'

const turns = 10
const warmUpPackets = 12_800
/** Entries of collections are told a little later. */
const settle_ms = 100
const source = 'front'
const packetsPerTick = 6
const packetsPerMotion = 64

class Pipeline {
  readonly #depth: Depth
  readonly #stream: OusterTurns
  readonly #decoder: OusterDecoder
  readonly #block: PointBlock
  readonly #watch: SourceWatch
  readonly #monitor: SafetyMonitor
  readonly #ring = new CloudRing(cloudPointsMax)
  readonly #tracker: Tracker
  readonly #now_ms = new Float64Array(1)
  readonly #track = (cloud: Cloud): void => this.#tracker.onCloud(source, cloud, this.#now_ms[0]!)
  #finished = 0
  #sent = 0
  /** Of each level: after how many packets it was the decision. */
  readonly decisions: Record<string, number> = { clear: 0, slow: 0, stop: 0 }
  objects = 0

  constructor(depth: Depth, stream: OusterTurns, setup: ObstacleSetup, watch: SourceWatch) {
    this.#depth = depth
    this.#stream = stream
    this.#decoder = new OusterDecoder(os1())
    this.#block = new PointBlock(this.#decoder.columnsMax, this.#decoder.rings)
    this.#watch = watch
    this.#monitor = new SafetyMonitor(setup, { cloud: () => this.#ring })
    this.#tracker = new Tracker(setup)
  }

  /** Makes the encoded turns the next ones of the sensor. */
  stamp(): void {
    const { packets } = this.#stream
    for (let index = 0; index < packets.length; index++) this.#stream.stamp(packets[index]!, this.#sent + index)
  }

  /** All turns once. */
  run(): void {
    const { packets, period_us } = this.#stream
    for (let index = 0; index < packets.length; index++, this.#sent++) {
      this.#now_ms[0] = (this.#sent * period_us) / 1_000
      this.#packet(packets[index]!.bytes)
    }
  }

  #packet(bytes: Uint8Array): void {
    const block = this.#block
    const verdict = this.#decoder.decode(bytes, block)
    if (verdict !== 'points') throw new Error(`A packet of the twin is ${verdict} to the decoder.`)
    block.received = this.#now_ms[0]!
    this.#watch.points(block)
    if (this.#depth === 'decode') return
    if (this.#sent % packetsPerMotion === 0) this.#monitor.onMotion(motion, this.#now_ms[0]!)
    if (this.#sent % packetsPerTick === 0) this.#monitor.tick(this.#now_ms[0]!)
    this.#monitor.onBlock(source, block)
    this.decisions[this.#monitor.decision().level]!++
    if (this.#depth === 'safety' || this.#ring.finished === this.#finished) return
    this.#finished = this.#ring.finished
    if (!this.#ring.newest(this.#track)) throw new Error('A cloud was not there to be read.')
    this.objects = this.#tracker.objects().length
  }
}

async function measure(pipeline: Pipeline, depth: Depth, stream: OusterTurns, packets: number): Promise<PipelineRun> {
  const { columnsPerPacket, rows } = os1()
  const perPass = stream.packets.length
  for (let done = 0; done < warmUpPackets; done += perPass) {
    pipeline.stamp()
    pipeline.run()
  }
  const collectedAt: number[] = []
  const observer = new PerformanceObserver((list) => collectedAt.push(...list.getEntries().map(({ startTime }) => startTime)))
  observer.observe({ entryTypes: ['gc'] })
  globalThis.gc?.()
  await sleep(systemClock, settle_ms)
  const times_ms = new Float64Array(Math.ceil(packets / perPass))
  const began = systemClock.now()
  const before = getHeapStatistics().used_heap_size
  for (let pass = 0; pass < times_ms.length; pass++) {
    pipeline.stamp()
    const at = systemClock.now()
    pipeline.run()
    times_ms[pass] = systemClock.now() - at
  }
  const grown = getHeapStatistics().used_heap_size - before
  const ended = systemClock.now()
  await sleep(systemClock, settle_ms)
  observer.disconnect()
  return {
    depth,
    nsPerPoint: (percentile([...times_ms], 0.5) * 1e6) / (perPass * columnsPerPacket * rows),
    bytesPerPacket: grown / (times_ms.length * perPass),
    collections: collectedAt.filter((at) => at >= began && at <= ended).length,
  }
}

const packets = Number(process.argv[2])
const { profile: { obstacles }, parts } = await vehicle({ use: 'lidar/ouster', metadata: 'unused' })
const limits = parts.get(source)?.options as unknown as WatchLimits
const stream = new OusterTurns(os1(), yard(1), turns)
for (const depth of depths) {
  const pipeline = new Pipeline(depth, stream, obstacles, new SourceWatch(limits))
  const run = await measure(pipeline, depth, stream, depth === 'decode' ? packets / 5 : packets)
  const { clear, slow, stop } = pipeline.decisions
  process.stderr.write(`lidar: ${depth}: ${run.nsPerPoint.toFixed(1)} ns per point, ${run.bytesPerPacket.toFixed(1)} B per packet; clear ${clear}, slow ${slow}, stop ${stop}, ${pipeline.objects} objects\n`)
  process.send?.(run)
}
