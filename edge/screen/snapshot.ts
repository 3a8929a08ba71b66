/**
 * What leaves the device towards the traveller's page: rebuilt field by field from the gate's view,
 * so that nothing that was not named here can pass, whatever a controller may put into it one day.
 */
import { type Static, Type, parse } from '../base/schema.ts'
import { GateView, type Phase } from '../gate/contract.ts'
import { discreetReasons } from '../gate/view.ts'

/** The languages the page speaks. The first of a list is the one it starts in. */
export const Language = Type.Enum(['vi', 'zh', 'en'])
export type Language = Static<typeof Language>

/** One message to the page. It is always the whole truth: the page never has to put two together. */
export interface Snapshot {
  /** Which bundle the device serves; another one than the page's own means: load anew. */
  build: string
  languages: readonly Language[]
  /** Whether the live mirror can be had now. */
  mirror: boolean
  /** `null`: the gate does not say what it is doing, so nobody should use it. */
  view: GateView | null
}

/** The phase in which the traveller sees themselves; in no other does a picture leave the device. */
export const mirrorPhase: Phase = 'face'

/**
 * The gate's view as the page may have it, without a reason that it must not tell.
 * @throws InputError (PC-SCREEN-VIEW) when it breaks its schema.
 */
export function shown(view: unknown): GateView {
  const { passage, phase, instruction, steps, reason, attempt } = parse(GateView, view, 'PC-SCREEN-VIEW', "gate's view")
  return {
    passage, phase, instruction, attempt,
    steps: steps.map(({ step, status }) => ({ step, status })),
    ...(reason === undefined || discreetReasons.has(reason) ? {} : { reason }),
  }
}
