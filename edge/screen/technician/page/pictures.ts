/** Drawings that show what to do, on an area of 320 x 200. */
import { html, svg, type SVGTemplateResult, type TemplateResult } from 'lit'

export type Drawing = 'outOfService' | 'aim' | 'focus' | 'level' | 'plane' | 'contour' | 'clear' | 'hold' | 'block'

const frame = svg`<path class="line accent" d="M110 60 V44 H126 M194 44 H210 V60 M210 140 V156 H194 M126 156 H110 V140" />`
const print = svg`<rect class="paper" x="124" y="56" width="72" height="88" /><path class="line" d="M134 72 H186 M134 84 H186 M134 96 H174 M134 108 H186 M134 120 H164" />`
const post = (x: number): SVGTemplateResult => svg`<rect class="solid" x=${x} y="40" width="26" height="130" rx="6" />`
const vehicle = svg`<rect class="solid" x="40" y="100" width="120" height="46" rx="8" /><circle class="solid" cx="66" cy="152" r="12" /><circle class="solid" cx="134" cy="152" r="12" /><rect class="fill-accent" x="150" y="86" width="16" height="16" rx="3" />`

const drawings: Readonly<Record<Drawing, SVGTemplateResult>> = {
  outOfService: svg`${post(60)}${post(234)}<circle class="line accent wide" cx="160" cy="100" r="44" /><path class="line accent wide" d="M129 131 L191 69" />`,
  aim: svg`<rect class="line" x="60" y="20" width="200" height="160" rx="8" />${print}${frame}`,
  focus: svg`${print}<circle class="line wide" cx="250" cy="100" r="46" /><circle class="line" cx="250" cy="100" r="28" /><path class="line accent wide" d="M250 44 A56 56 0 0 1 300 76 M300 76 l-2 -18 M300 76 l-18 0" />`,
  level: svg`${vehicle}<path class="line wide" d="M20 166 H300" /><path class="line accent" d="M170 94 L290 166 M170 94 L230 166" />`,
  plane: svg`<path class="line wide" d="M20 140 H300" /><path class="line accent wide" d="M20 128 L300 152" stroke-dasharray="10 8" /><path class="line" d="M260 140 V148" />${svg`<path class="line" d="M160 60 V120 m0 0 l-8 -12 m8 12 l8 -12" />`}`,
  contour: svg`${vehicle}<path class="line accent wide" d="M40 100 H150" /><path class="line accent" d="M158 94 L60 100 M158 94 L110 100" />`,
  clear: svg`${post(60)}${post(234)}<path class="line wide" d="M86 110 H150 M170 110 H234" /><path class="line accent wide" d="M130 170 H190" />`,
  hold: svg`<circle class="fill-accent" cx="160" cy="118" r="42" /><path class="solid" d="M146 30 a14 14 0 0 1 28 0 V96 h-28 z" /><path class="line" d="M96 118 A64 64 0 0 1 224 118" />`,
  block: svg`${post(60)}${post(234)}<path class="line wide" d="M86 110 H136 M184 110 H234" /><rect class="fill-accent" x="138" y="88" width="44" height="44" rx="4" />`,
}

/** Only shows what the words beside it say. */
export const drawn = (what: Drawing): TemplateResult => html`<svg class="drawing" viewBox="0 0 320 200" aria-hidden="true">${drawings[what]}</svg>`
