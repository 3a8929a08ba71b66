/**
 * Stands in for both workers in service.test.ts: tells what a word about the motion asks it to, or dies of it.
 * As the tracking worker it does not start while the file is there that it is given as the folder of the models.
 */
import { existsSync } from 'node:fs'
import { ConfigError } from '../../base/error.ts'
import { serveWorker } from '../../run/worker-program.ts'
import type { Decision } from './contract.ts'
import type { ObstacleNews, ObstacleRequest } from './service.ts'
import type { TrackingNews } from './tracking-worker.ts'

/** What it does at which speed, metres a second. */
export const acts = { drive: 1, slow: 2, late: 3, miss: 4, die: 5, block: 6, nothing: 7 } as const

const clear: Decision = { level: 'clear' }
const late: Decision = { level: 'stop', limit_mps: 0, cause: { kind: 'late' } }
const blocked: Decision = { level: 'stop', limit_mps: 0, cause: { kind: 'field', source: 'front', field: 'ahead.stop', x: 2, y: 0, z: 0.4 } }
const latency = { p50_ms: 0.2, p99_ms: 1, max_ms: 2, count: 100, missed: 0 }

const counts = { pointsInvalid: 1, pointsBelow: 2, pointsDropped: 3, strangers: 4 }

await serveWorker(async (data, tellUntyped) => {
  const { models } = data as { models?: string }
  if (models !== undefined && existsSync(models)) throw new ConfigError('PC-TEST-SETUP', 'The test wants it to fail.')
  if (models !== undefined) tellUntyped({ objects: [], camera: 'none', counts: { tails: 5, ghosts: 6, cells: 7, clusters: 8, tracks: 9 } } satisfies TrackingNews)
  const tell: (news: ObstacleNews) => void = tellUntyped
  const status = (decision: Decision): void => tell({ kind: 'status', decision, fields: 'ahead', sources: { front: 'ok' }, latency, counts })
  return {
    about: undefined,
    async handle(untyped) {
      const request = untyped as ObstacleRequest
      if (request.kind !== 'motion') return {}
      switch (request.motion.speed_mps) {
        case acts.drive:
          status(clear)
          tell({ kind: 'histogram', steps: [{ upTo_ms: 0.25, count: 98 }, { upTo_ms: 2, count: 2 }] })
          break
        case acts.slow: status({ level: 'slow', limit_mps: 0.5, cause: { ...blocked.cause!, field: 'ahead.slow' } }); break
        case acts.late: status(late); break
        case acts.miss:
          tell({ kind: 'missed', latency_ms: 80 })
          tell({ kind: 'decision', decision: late, decidedBy: undefined })
          break
        case acts.block: tell({ kind: 'decision', decision: blocked, decidedBy: { source: 'front', start_us: 1, latency_ms: 0.3 } }); break
        case acts.die: process.exit(3)
        // falls through is impossible: exit ends the thread
        default:
      }
      return {}
    },
  }
})
