/**
 * The shapes that pictograms share, on a drawing area of 400 x 400.
 *
 * Classes give colour: `figure`, `accent`, `shade`, `stage` fill; `line` and `line-accent`,
 * `line-shade`, `line-stage` draw strokes. Classes beginning with `go-` move (see `stage.ts`).
 */
import { svg, type SVGTemplateResult } from 'lit'

export type Drawing = SVGTemplateResult

/** Somebody standing on `base`, seen from the front; 200 high at scale 1. */
export const person = (x: number, base: number, scale: number, kind: 'figure' | 'accent' | 'shade'): Drawing => svg`
  <g class=${kind} transform="translate(${x} ${base}) scale(${scale})">
    <circle cy="-160" r="40" />
    <path d="M-62 -16 V-48 A62 62 0 0 1 62 -48 V-16 A16 16 0 0 1 46 0 H-46 A16 16 0 0 1 -62 -16 Z" />
  </g>`

/** An officer: known by cap, badge and shoulder marks. */
export const officer = (x: number, base: number, scale: number): Drawing => svg`
  <g transform="translate(${x} ${base}) scale(${scale})">
    ${person(0, 0, 1, 'figure')}
    <path class="stage" d="M-70 -184 H70 V-159 Q0 -149 -70 -159 Z" />
    <path class="figure" d="M-64 -204 C-54 -244 54 -244 64 -204 L48 -184 H-48 Z" />
    <path class="figure" d="M-48 -180 H48 Q56 -172 60 -163 Q0 -176 -60 -163 Q-56 -172 -48 -180 Z" />
    <circle class="accent" cy="-208" r="12" />
    <path class="line-accent thin" d="M-46 -62 L-26 -76 M46 -62 L26 -76" />
    <path class="accent" d="M0 -66 l12 12 -12 38 -12 -38 z" />
  </g>`

/** A face from the front. `look` shifts its features sideways as when the head turns. */
export const face = (x: number, y: number, scale: number, look = 0, eyes: Drawing = openEyes(look)): Drawing => svg`
  <g transform="translate(${x} ${y}) scale(${scale})">
    <path class="figure" d="M-88 -34 C-88 -96 -48 -124 0 -124 C48 -124 88 -96 88 -34 C88 48 44 118 0 118 C-44 118 -88 48 -88 -34 Z" />
    ${eyes}
    <path class="line-stage" d="M${look} -6 q${look * 0.35} 20 -6 34" />
    <path class="line-stage" d="M${look - 30} 62 q30 24 60 0" />
  </g>`

const openEyes = (look: number): Drawing => svg`
  <circle class="stage" cx=${look - 36} cy="-30" r="13" /><circle class="stage" cx=${look + 36} cy="-30" r="13" />`

/** The corners of a viewfinder around the centre. */
export const viewfinder = svg`
  <path class="line-accent" d="M60 120 V84 A24 24 0 0 1 84 60 H120 M280 60 H316 A24 24 0 0 1 340 84 V120
    M340 280 V316 A24 24 0 0 1 316 340 H280 M120 340 H84 A24 24 0 0 1 60 316 V280" />`

/** A travel document's cover. */
export const passport = (x: number, y: number, scale: number): Drawing => svg`
  <g transform="translate(${x} ${y}) scale(${scale})">
    <rect class="figure" x="-75" y="-100" width="150" height="200" rx="18" />
    <circle class="line-stage" cy="-22" r="38" />
    <path class="line-stage thin" d="M-38 -22 H38 M0 -60 C-24 -40 -24 -4 0 16 C24 -4 24 -40 0 -60" />
    <path class="line-stage" d="M-34 52 H34 M-20 74 H20" />
  </g>`

/** The two posts of a gate. */
export const gate = (left: number, right: number, top: number, base: number, kind: 'figure' | 'shade'): Drawing => svg`
  <path class=${kind} d="M${left - 28} ${base} V${top + 28} A28 28 0 0 1 ${left + 28} ${top + 28} V${base} Z
    M${right - 28} ${base} V${top + 28} A28 28 0 0 1 ${right + 28} ${top + 28} V${base} Z" />`

/** Straight ahead, as on signs: an arrow that points up. */
export const arrowUp = (x: number, tip: number, base: number, width: number): Drawing => {
  const [half, stem, head] = [width / 2, width / 5, width * 0.52]
  return svg`
    <path class="accent rounded" d="M${x} ${tip} L${x + half} ${tip + head} H${x + stem} V${base} H${x - stem} V${tip + head} H${x - half} Z" />`
}

/** A fingertip with its ridges, seen from above; `end` is where it leaves the picture. */
export const finger = (end: number): Drawing => svg`
  <path class="figure" d="M128 ${end} V192 A72 72 0 0 1 272 192 V${end} Z" />
  <path class="line-stage" d="M188 214 V196 A12 12 0 0 1 212 196 V224 M164 226 V192 A36 36 0 0 1 236 192 V236
    M148 266 C156 262 164 256 164 248 M188 240 C188 256 180 270 164 284 M212 248 C212 272 202 290 184 306 M236 260 C236 286 228 304 214 322" />`

export const suitcase = (x: number, base: number, scale: number): Drawing => svg`
  <g transform="translate(${x} ${base}) scale(${scale})">
    <path class="line" d="M-26 -140 V-188 H26 V-140" />
    <rect class="figure" x="-62" y="-146" width="124" height="132" rx="20" />
    <path class="line-stage" d="M-26 -118 V-42 M26 -118 V-42" />
    <circle class="figure" cx="-36" cy="-8" r="12" /><circle class="figure" cx="36" cy="-8" r="12" />
  </g>`
