/**
 * The whole obstacle path of an OS1-128 at 10 Hz (1.3 million points a second) in one thread: how many
 * points a second it could take, and how much it allocates while it runs.
 *
 * `lidar.pipeline`: decoding, stream watch, safety path with its cloud ring, tracking; beams without a
 * return count as points. `lidar.pipeline.decode|safety|tracking`: what each adds, ns for a point.
 * `lidar.safety.heap`, `lidar.pipeline.heap`: by how many bytes a packet the heap in use grew while
 * nothing was collected, without and with tracking.
 */
import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Figure } from './figure.ts'

/** How far a packet goes; each includes those before. */
export const depths = ['decode', 'safety', 'tracking'] as const
export type Depth = (typeof depths)[number]

export interface PipelineRun {
  depth: Depth
  /** The median of the passes. */
  nsPerPoint: number
  /** Growth of the heap in use. */
  bytesPerPacket: number
  /** Of garbage meanwhile: then the growth says nothing. */
  collections: number
}

const packets = 51_200
/** What is made in the whole run has room in it. */
const youngGeneration_mb = 128

/** @throws Error when the process fails, or garbage was collected meanwhile. */
export async function benchPipeline(): Promise<Figure[]> {
  process.stderr.write(`lidar: ${packets} packets through the obstacle paths\n`)
  const runs = await measured()
  const [decode, safety, tracking] = depths.map((depth) => runs.find((run) => run.depth === depth))
  if (decode === undefined || safety === undefined || tracking === undefined) throw new Error('The process of the pipeline ended early.')
  if (runs.some(({ collections }) => collections > 0)) throw new Error(`More was allocated than ${youngGeneration_mb} MB hold: garbage was collected.`)
  return [
    { name: 'lidar.pipeline', value: 1_000 / tracking.nsPerPoint, unit: 'Mpoints/s' },
    { name: 'lidar.pipeline.decode', value: decode.nsPerPoint, unit: 'ns' },
    { name: 'lidar.pipeline.safety', value: safety.nsPerPoint - decode.nsPerPoint, unit: 'ns' },
    { name: 'lidar.pipeline.tracking', value: tracking.nsPerPoint - safety.nsPerPoint, unit: 'ns' },
    { name: 'lidar.safety.heap', value: safety.bytesPerPacket, unit: 'B' },
    { name: 'lidar.pipeline.heap', value: tracking.bytesPerPacket, unit: 'B' },
  ]
}

async function measured(): Promise<PipelineRun[]> {
  const runs: PipelineRun[] = []
  const program = fileURLToPath(new URL('./lidar-pipeline-process.ts', import.meta.url))
  const execArgv = ['--expose-gc', `--min-semi-space-size=${youngGeneration_mb}`, `--max-semi-space-size=${youngGeneration_mb}`]
  const child = fork(program, [String(packets)], { execArgv })
  child.on('message', (run: PipelineRun) => runs.push(run))
  await new Promise((resolve) => child.once('exit', resolve))
  return runs
}
