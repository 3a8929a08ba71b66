/** What became of each traveller, as the centre was told. */
import type { Outcome, Reason, StepName } from '../../edge/gate/contract.ts'
import type { Fact } from '../../edge/journal/fact.ts'
import type { Traveller } from './people.ts'

/** The body of a fact `gate.passage`. */
export interface PassageBody {
  passage: number
  outcome: Outcome
  reason?: Reason
  referral?: Reason
  cycle_ms: number
  decision_ms?: number
  spent_ms: { [Name in StepName]?: number }
}

export interface Result {
  traveller: Traveller
  /** `undefined` when no passage was reported. */
  passage: PassageBody | undefined
  asExpected: boolean
}

export const passageOf = (fact: Fact): PassageBody | undefined =>
  fact.kind === 'gate.passage' ? (fact.body as unknown as PassageBody) : undefined

/** What went wrong: for a traveller who was referred, not what the officer decided then, but why they were. */
export const whyNot = (passage: PassageBody): Reason | undefined => passage.referral ?? passage.reason

export function judge(traveller: Traveller, passage: PassageBody | undefined): Result {
  const { outcome, reason } = traveller.expected
  return { traveller, passage, asExpected: passage?.outcome === outcome && whyNot(passage) === reason }
}

const seconds = (time_ms: number | undefined): string => (time_ms === undefined ? '' : (time_ms / 1000).toFixed(1))
const steps: readonly StepName[] = ['document', 'enter', 'face', 'finger', 'exit']
const widths = { number: 3, label: 34, outcome: 10, reason: 20, time: 9 }

export const tableHead = (): string =>
  [
    '#'.padStart(widths.number), 'traveller'.padEnd(widths.label), 'outcome'.padEnd(widths.outcome), 'reason'.padEnd(widths.reason),
    ...steps.map((step) => step.padStart(widths.time)), 'cycle s'.padStart(widths.time), ' as expected',
  ].join(' ')

export function tableRow(number: number, { traveller, passage, asExpected }: Result): string {
  return [
    String(number + 1).padStart(widths.number), traveller.label.padEnd(widths.label), (passage?.outcome ?? 'none').padEnd(widths.outcome),
    ((passage === undefined ? undefined : whyNot(passage)) ?? '').padEnd(widths.reason),
    ...steps.map((step) => seconds(passage?.spent_ms[step]).padStart(widths.time)),
    seconds(passage?.cycle_ms).padStart(widths.time), asExpected ? ' yes' : ` NO: ${traveller.expected.outcome} ${traveller.expected.reason ?? ''}`,
  ].join(' ')
}
