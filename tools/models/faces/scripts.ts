/** What travellers do before the camera, frame by frame. */
import type { Expression } from './head.ts'
import type { Stance } from './scene.ts'

export type ScriptName = 'neutral' | 'turn-left' | 'turn-right' | 'blink' | 'come-closer'

export interface Moment {
  expression: Expression
  /** How much nearer than at first: 1 is no nearer. */
  nearer: number
}

const still: Moment = { expression: { yaw: 0, pitch: 0, lids: 0 }, nearer: 1 }

/** From 0 over a ramp to a plateau of 1 and back, so that any script can follow any other. */
function there(before: number, up: number, hold: number, down: number): number[] {
  const smooth = (share: number): number => share * share * (3 - 2 * share)
  const ramp = (length: number): number[] => Array.from({ length }, (_, index) => smooth((index + 1) / (length + 1)))
  return [...new Array<number>(before).fill(0), ...ramp(up), ...new Array<number>(hold).fill(1), ...ramp(down).toReversed(), 0]
}

const turn = (yaw: number): Moment[] =>
  there(2, 4, 6, 4).map((share) => ({ ...still, expression: { yaw: yaw * share, pitch: 0, lids: 0 } }))

export const scripts: Record<ScriptName, Moment[]> = {
  neutral: Array.from({ length: 12 }, () => still),
  'turn-left': turn(34),
  'turn-right': turn(-34),
  blink: there(4, 1, 3, 1).map((lids) => ({ ...still, expression: { yaw: 0, pitch: 0, lids } })),
  'come-closer': there(2, 5, 6, 3).map((share) => ({ ...still, nearer: 1 + 0.45 * share })),
}

/** People do not stand like statues: small sways about the place, different for each seed. */
export function stanceAt(frame: number, nearer: number, phase: number): Stance {
  const swing = (period: number, offset: number): number => Math.sin((2 * Math.PI * (frame + phase * offset)) / period)
  return {
    x: 320 + 3 * swing(12, 1) + 1.5 * swing(5, 2),
    y: 205 + 2 * swing(12, 3),
    eyes: 70 * nearer * (1 + 0.01 * swing(12, 2)),
    roll: 1.2 * swing(12, 5),
  }
}
