/** The small pictograms: what a reason is about, the steps of a passage, and their statuses. */
import { svg } from 'lit'
import type { StepName } from '../../gate/contract.ts'
import { type Drawing, face, finger, officer, passport, person, suitcase } from './figures.ts'
import type { Topic } from './scene.ts'

const door = svg`<path class="line" d="M96 344 V76 H304 V344 M56 344 H344" />`

export const topicPictograms: Readonly<Record<Topic, Drawing>> = {
  document: passport(200, 200, 1.6),
  time: svg`<circle class="line wide" cx="200" cy="200" r="136" /><path class="line wide" d="M200 120 V200 L252 240" />`,
  face: face(200, 204, 1.4),
  finger: svg`<g transform="translate(-50 -60) scale(1.25)">${finger(352)}</g>`,
  people: svg`${person(122, 340, 1.2, 'figure')}${person(282, 340, 1.2, 'figure')}`,
  luggage: suitcase(200, 370, 1.75),
  officer: officer(200, 372, 1.6),
  gate: svg`${door}<path class="line" d="M200 76 V344" />`,
  tools: svg`
    <path class="figure" d="M322 84 L268 138 L250 132 L244 114 L298 60 A96 96 0 0 0 178 184 L62 300 A34 34 0 0 0 110 348 L226 232
      A96 96 0 0 0 322 84 Z" />`,
  fire: svg`
    <path class="figure" d="M214 36 C224 108 316 140 316 244 A116 116 0 0 1 84 244 C84 190 116 158 132 122 C150 150 156 164 160 184
      C196 150 214 96 214 36 Z" />`,
  power: svg`<path class="figure" d="M232 36 L92 228 H188 L168 364 L308 172 H212 Z" />`,
  link: svg`
    <path class="line wide" d="M60 168 A200 200 0 0 1 340 168 M116 228 A120 120 0 0 1 284 228" /><circle class="figure" cx="200" cy="300" r="26" />`,
}

export const stepPictograms: Readonly<Record<StepName, Drawing>> = {
  document: topicPictograms.document,
  enter: svg`${door}<path class="line" d="M200 300 V150 M148 202 L200 150 L252 202" />`,
  face: topicPictograms.face,
  finger: topicPictograms.finger,
  exit: svg`<path class="line" d="M230 76 H104 V344 H230 M180 210 H340 M282 152 L340 210 L282 268" />`,
}

export const doneMark = svg`<path class="line wide" d="M96 212 L172 288 L312 124" />`
export const failedMark = svg`<path class="line wide" d="M120 120 L280 280 M280 120 L120 280" />`
