/** Which command of a component is held in somebody's hand, and what they say of it. */
import { type TSchema, Type } from '../base/schema.ts'
import type { Component } from './component.ts'
import type { CommandSpec, HoldToRun } from './contract.ts'

export interface HeldCommand {
  readonly name: string
  readonly spec: CommandSpec
  readonly held: HoldToRun
  /** How long it goes on by itself each time, so that it also ends when this program is gone. */
  readonly run_ms: number
}

const run_ms_max = 2_000

interface Arguments {
  properties: Record<string, TSchema & { maximum?: number }>
}

/** `undefined` for a component of which nothing is held. */
export function heldCommand({ contract }: Component): HeldCommand | undefined {
  for (const [name, spec] of Object.entries(contract.members)) {
    if (spec.kind !== 'command' || spec.held === undefined) continue
    const { properties } = spec.args as unknown as Arguments
    return { name, spec, held: spec.held, run_ms: Math.min(run_ms_max, properties[spec.held.time]?.maximum ?? 0) }
  }
  return undefined
}

/** The same command as a person gives it, who does not say how long: that is as long as they hold it. */
export function inHand({ spec, held }: HeldCommand): CommandSpec {
  const { properties } = spec.args as unknown as Arguments
  return { ...spec, args: Type.Object(Object.fromEntries(Object.entries(properties).filter(([name]) => name !== held.time)), { additionalProperties: false }) }
}
