/**
 * The registers of LOT's flap turnstiles (TurnstileModbusSDK, 2018): Modbus RTU, 115200 8N1.
 */

export type Direction = 'entry' | 'exit'

export interface Sides<T> {
  entry: T
  exit: T
}

export const register = {
  /** Entry, then exit. Writing 0 cancels, 1 grants one passage; reading gives the passages left. */
  passages: 0x0040,
  objects: 0x0042,
  /** Entry low and high word, exit low and high word. */
  counters: 0x0044,
  error: 0x0048,
  errorDetails: 0x2000,
  mode: 0x3000,
  /** 1 adds grants up; 0 makes a grant exactly one passage. */
  accumulate: 0x3010,
  /** Seconds to start passing after a grant, then seconds to finish it. */
  times: 0x3011,
} as const

const modes = ['normal', 'locked', 'free'] as const
export type Mode = (typeof modes)[number]

/** 0x3000; a mode this driver does not know lets nobody through, as far as it can tell. */
export const toMode = (value: number): Mode => modes[value] ?? 'locked'
export const fromMode = (mode: Mode): number => modes.indexOf(mode)

/** The registers from 0x0040 to 0x0048, read at once so that they belong together. */
export const statusBlock = { address: register.passages, count: 9 } as const

export interface Status {
  /** Passages granted and not yet used. */
  left: Sides<number>
  /** 0 when clear, else the position of the sensor that sees something. */
  objects: Sides<number>
  /** 32-bit counters. */
  counted: Sides<number>
  /** 0 when there is no error. */
  error: number
}

/** @param values the nine registers of `statusBlock`. */
export function toStatus(values: readonly number[]): Status {
  const at = (index: number): number => values[index] ?? 0
  const counter = (index: number): number => at(index) + at(index + 1) * 0x1_0000
  return {
    left: { entry: at(0), exit: at(1) },
    objects: { entry: at(2), exit: at(3) },
    counted: { entry: counter(4), exit: counter(6) },
    error: at(8),
  }
}

/** The least that the turnstile's two times can be set to together. */
export const shortestLimit_ms = 2_000

/**
 * The start and finish times that together are at most `for_ms`, so that the turnstile shuts by
 * itself when nobody tells it to. Its unit is the second and each is at least one.
 */
export function timesFor(for_ms: number): { start_s: number; finish_s: number } {
  const whole_s = Math.max(shortestLimit_ms / 1_000, Math.floor(for_ms / 1_000))
  return { start_s: Math.ceil(whole_s / 2), finish_s: Math.floor(whole_s / 2) }
}

/** More at once than anybody can walk: the counter was set back or belongs to another turnstile. */
const plausibleMax = 0x1_0000

/** How far a 32-bit counter went on, across its wrap-around. */
export function advance(before: number, now: number): number {
  const by = (now - before + 0x1_0000_0000) % 0x1_0000_0000
  return by <= plausibleMax ? by : 0
}
