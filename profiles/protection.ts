/** Whether the protective fields of a vehicle's profile can protect, and its safety path can start with them. */
import { ConfigError } from '../edge/base/error.ts'
import type { Mistake } from '../edge/base/schema.ts'
import { SafetyMonitor } from '../edge/perception/obstacles/monitor.ts'
import type { ObstacleSetup } from '../edge/perception/obstacles/setup.ts'

export function protectionMistakes(obstacles: ObstacleSetup): Mistake[] {
  return [...ofTheRanges(obstacles), ...ofTheNames(obstacles), ...ofTheDrawing(obstacles)]
}

/** The wrong way round nothing is in range: a flat scanner then looks as if it stood in the open. */
function ofTheRanges({ sources }: ObstacleSetup): Mistake[] {
  return Object.entries(sources).flatMap(([name, { range_m: [nearest = 0, farthest = Infinity] = [] }]) => nearest < farthest ? [] : [{
    path: ['obstacles', 'sources', name, 'range_m'], text: 'the nearest distance comes first, and the farthest is farther: as it is, nothing that this sensor sees counts',
  }])
}

/** A fact names the field that stopped the vehicle by its set. */
function ofTheNames({ fields }: ObstacleSetup): Mistake[] {
  return fields.flatMap(({ name }, at) => fields.findIndex((other) => other.name === name) === at ? [] : [{
    path: ['obstacles', 'fields', String(at), 'name'], text: `another set is named ${name} already`,
  }])
}

/** Drawn as the safety path will draw them: what it would refuse is said here, and not when the vehicle starts. */
function ofTheDrawing(obstacles: ObstacleSetup): Mistake[] {
  try {
    void new SafetyMonitor(obstacles)
    return []
  } catch (error) {
    if (error instanceof ConfigError) return [{ path: ['obstacles', 'fields'], text: error.message }]
    throw error
  }
}
