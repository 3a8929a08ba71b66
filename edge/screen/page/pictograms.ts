/** One pictogram for each instruction, our own drawings; what moves is what the traveller does. */
import { svg } from 'lit'
import type { Instruction } from '../../gate/contract.ts'
import { arrowUp, type Drawing, face, finger, gate, officer, passport, person, suitcase, viewfinder } from './figures.ts'

const reader = svg`
  <rect class="shade" x="56" y="296" width="288" height="60" rx="22" />
  <rect class="accent" x="92" y="284" width="216" height="20" rx="10" />`

/** The side the traveller turns to is the side of the page, which is their mirror. */
const turning = (side: -1 | 1): Drawing => svg`
  <g class="go-turn">${face(200 - side * 34, 214, 1.05, side * 30)}</g>
  <g transform="translate(${side === 1 ? 0 : 400} 0) scale(${side} 1)">
    <g class="go-right"><path class="line-accent wide" d="M308 150 l62 64 -62 64" /></g>
  </g>`

const lidded = svg`
  <path class="line-stage go-shut" d="M-60 -34 q24 28 48 0 M12 -34 q24 28 48 0 M-36 -18 v16 M36 -18 v16 M-58 -20 l-8 12 M58 -20 l8 12" />
  <g class="go-open"><circle class="stage" cx="-36" cy="-28" r="18" /><circle class="stage" cx="36" cy="-28" r="18" /></g>`

const sensor = svg`
  <rect class="shade" x="76" y="48" width="248" height="248" rx="56" />
  <rect class="line-accent" x="76" y="48" width="248" height="248" rx="56" />`

export const pictograms: Readonly<Record<Instruction, Drawing>> = {
  'lay-document': svg`
    ${reader}
    <g class="go-down">${passport(200, 152, 1.08)}</g>
    <path class="line-accent" d="M44 176 l28 28 28 -28 M300 176 l28 28 28 -28" />`,
  'hold-still': svg`
    <rect class="shade" x="48" y="76" width="304" height="248" rx="34" />
    <rect class="figure" x="88" y="108" width="224" height="184" rx="18" />
    <rect class="shade" x="112" y="136" width="60" height="72" rx="10" />
    <path class="line-stage" d="M196 150 H284 M196 180 H260 M116 240 H284 M116 266 H284" />
    <g class="go-sweep"><rect class="accent" x="60" y="192" width="280" height="14" rx="7" /></g>`,
  'please-wait': svg`
    <circle class="line-shade wide" cx="200" cy="200" r="128" />
    <g class="go-round"><path class="line-accent wide" d="M200 72 A128 128 0 0 1 328 200" /></g>
    <g class="figure"><circle cx="144" cy="200" r="17" /><circle cx="200" cy="200" r="17" /><circle cx="256" cy="200" r="17" /></g>`,
  'step-in': svg`
    ${gate(64, 336, 44, 364, 'shade')}
    ${person(200, 364, 0.96, 'figure')}
    <g class="go-up"><path class="line-accent wide" d="M136 128 L200 64 L264 128" /></g>`,
  'one-person': svg`
    ${person(74, 330, 0.8, 'shade')} ${person(326, 330, 0.8, 'shade')}
    <path class="line-accent" d="M48 104 l52 52 m0 -52 l-52 52 M300 104 l52 52 m0 -52 l-52 52" />
    ${person(200, 352, 1.36, 'figure')}`,
  'take-belongings': svg`
    ${person(128, 352, 1.36, 'figure')}
    <g class="go-nudge">${suitcase(290, 352, 1)}</g>
    <path class="line-accent" d="M258 92 l32 -32 32 32 M290 62 V132" />`,
  'look-at-camera': svg`${viewfinder}<g class="go-breathe">${face(200, 206, 0.95)}</g>`,
  'turn-left': turning(-1),
  'turn-right': turning(1),
  blink: svg`${viewfinder}${face(200, 206, 0.95, 0, lidded)}`,
  'come-closer': svg`
    ${viewfinder}
    <path class="line-shade" stroke-dasharray="4 34" d="M92 166 C92 92 140 58 200 58
      C260 58 308 92 308 166 C308 266 254 350 200 350 C146 350 92 266 92 166 Z" />
    <g class="go-near">${face(200, 206, 0.72)}</g>`,
  'place-finger': svg`${sensor}<g class="go-press">${finger(1_200)}</g>`,
  'lift-finger': svg`
    ${sensor}<g class="go-lift"><g transform="translate(0 44)">${finger(1_200)}</g></g>
    <path class="line-accent" d="M326 372 l30 -30 30 30 M14 372 l30 -30 30 30" />`,
  'go-through': svg`${gate(48, 352, 40, 372, 'figure')}<g class="go-up">${arrowUp(200, 48, 360, 190)}</g>`,
  'go-back': svg`
    ${gate(330, 330, 60, 352, 'shade')}
    ${person(238, 352, 0.86, 'figure')}
    <g class="go-left"><path class="line-accent wide" d="M268 132 A70 70 0 0 0 198 74 H60 M104 26 L56 74 L104 122" /></g>`,
  'see-officer': svg`
    <g class="go-breathe">${officer(200, 300, 1.18)}</g>
    <rect class="shade" x="40" y="284" width="320" height="76" rx="20" />
    <path class="line-accent" d="M40 288 H360" />`,
  'wait-for-officer': svg`
    ${officer(148, 356, 1.36)}
    <circle class="line-accent" cx="322" cy="130" r="60" />
    <path class="line" d="M322 130 V96" /><g class="go-hand"><path class="line" d="M322 130 H346" /></g>`,
  'leave-now': svg`<g class="go-up">${arrowUp(200, 16, 388, 330)}</g>`,
  'use-other-gate': svg`
    ${gate(136, 264, 96, 352, 'shade')}
    <path class="line" d="M160 194 l80 80 m0 -80 l-80 80" />
    <g class="go-left"><path class="line-accent wide" d="M72 188 L26 234 L72 280" /></g>
    <g class="go-right"><path class="line-accent wide" d="M328 188 L374 234 L328 280" /></g>`,
}
