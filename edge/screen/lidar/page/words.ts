/** The obstacle decision in words, and where to look from so that all its fields are seen. */
import type { Cause, Decision } from '../../../perception/obstacles/contract.ts'
import type { ViewSetup } from '../wire.ts'
import type { Look } from './map.ts'

const reachLeast_m = 5

/** So that all fields are seen, and what is around them. */
export function lookAt({ fields, body }: ViewSetup, canvas: { clientWidth: number; clientHeight: number }): Look {
  const corners = [...fields.flatMap(({ stop, slow = [] }) => [...stop, ...slow]), ...body.flat()]
  const reach = Math.max(reachLeast_m, ...corners.map(([x, y]) => Math.hypot(x, y))) * 1.3
  return { x: 0, y: 0, scale: Math.min(canvas.clientWidth, canvas.clientHeight) / (2 * reach) }
}

export const wordOf = ({ level, limit_mps }: Decision): string => (level === 'slow' && limit_mps !== undefined ? `slow: ${limit_mps} m/s` : level)

export function because({ kind, source = 'a source', trouble = 'it is in trouble', field = 'a field', x, y }: Cause): string {
  const where = x === undefined || y === undefined ? '' : ` at ${x.toFixed(1)} m ahead, ${Math.abs(y).toFixed(1)} m ${y >= 0 ? 'left' : 'right'}`
  const sentences: Record<Cause['kind'], string> = {
    field: `Something is in ${field}${where}, seen by ${source}.`,
    'sensor-field': `The sensor ${source} itself reports ${field} infringed.`,
    stale: `Nothing came from ${source} for too long.`,
    source: `What ${source} sends must not be believed: ${trouble}.`,
    motion: 'Nobody says how the vehicle moves.',
    starting: 'Not every source has been seen yet.',
    late: 'The safety path was too late.',
  }
  return sentences[kind]
}
