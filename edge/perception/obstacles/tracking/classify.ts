/**
 * A hint at what an object is, from its size and how it moves. A hint only: it is good enough to choose
 * how to show a thing or which speed to expect of it, never to decide that it may be driven into.
 */
import type { TrackedObject } from '../contract.ts'

export const classes = ['unknown', 'person', 'cyclist', 'vehicle', 'structure'] as const satisfies readonly TrackedObject['class'][]

export const classCodes = { unknown: 0, person: 1, cyclist: 2, vehicle: 3, structure: 4 } as const
export type ClassCode = (typeof classCodes)[keyof typeof classCodes]

/** Sizes in metres as a lidar sees them: from the front or the side, often not all of it. */
const person = { length_min: 0.15, length_max: 1.1, width_max: 0.9, top_min: 0.9, top_max: 2.1, speed_max: 4 } as const
const cyclist = { length_min: 1.1, length_max: 2.2, width_max: 1, top_min: 1.3, top_max: 2.2, upper_max: 0.9 } as const
/** From a small car seen from behind to a truck with its trailer (18.75 m, Directive 96/53/EC). */
const vehicle = { length_min: 1.3, length_max: 19, width_max: 3.2, top_min: 1.1, top_max: 4.5 } as const
/** Seen by a sensor that looks along one plane: only a width. */
const leg = { length_max: 0.8, speed_min: 0.4 } as const
/** Of what is seen from above, the share that has something over it above which a thing is as high as the roof, or higher. */
const tallShare = 0.5
const pole = { length_max: 1, top_min: 2 } as const

/**
 * @param top metres above the ground
 * @param seen metres of its height that returns came from
 * @param upper metres of its length that reach up to the height of a trunk
 * @param overhead share of it that has something above the vehicle's roof
 * @param speed m/s; 0 where it is not known
 */
export function classOf(length: number, width: number, top: number, seen: number, upper: number, overhead: number, speed: number): ClassCode {
  if (overhead > tallShare) return classOfTall(length, width, top)
  if (length > vehicle.length_max) return classCodes.structure
  if (length <= person.length_max && width <= person.width_max) {
    if (length >= person.length_min && top >= person.top_min && top <= person.top_max && seen >= person.top_min / 2 && speed <= person.speed_max) return classCodes.person
    return seen < person.top_min / 2 && length <= leg.length_max && speed >= leg.speed_min && speed <= person.speed_max ? classCodes.person : classCodes.unknown
  }
  if (length >= cyclist.length_min && length <= cyclist.length_max && width <= cyclist.width_max && top >= cyclist.top_min
    // What is as wide at the height of the shoulders is the rear of a vehicle.
    && top <= cyclist.top_max && upper <= cyclist.upper_max) return classCodes.cyclist
  const drives = length >= vehicle.length_min && width <= vehicle.width_max && top >= vehicle.top_min && top <= vehicle.top_max
  return drives ? classCodes.vehicle : classCodes.unknown
}

function classOfTall(length: number, width: number, top: number): ClassCode {
  if (length <= pole.length_max && top >= pole.top_min) return classCodes.structure
  return length >= vehicle.length_min && length <= vehicle.length_max && width >= 1.5 && width <= vehicle.width_max ? classCodes.vehicle : classCodes.structure
}
