/** The colours of each tone, and which of them meet: the pairs are checked against WCAG 2.2. */

/** How the screen feels: it follows from the scene and is never the only sign of it. */
export type Tone = 'calm' | 'go' | 'notice' | 'emergency' | 'closed'

export interface Palette {
  /** Behind everything. */
  ground: string
  /** The main text. */
  ink: string
  /** Text of second rank. */
  soft: string
  /** Edges of buttons and steps. */
  line: string
  /** The panel behind the pictogram. */
  stage: string
  /** The pictogram itself, its moving part, and what merely supports it. */
  figure: string
  accent: string
  shade: string
  /** What is chosen or happening now, and what stands on it. */
  mark: string
  onMark: string
}

export const palettes: Readonly<Record<Tone, Palette>> = {
  calm: {
    ground: '#f6f3ec', ink: '#0f2a2e', soft: '#44595c', line: '#70868a',
    stage: '#0e4a52', figure: '#fdfaf3', accent: '#ffc145', shade: '#2b6b73', mark: '#0e4a52', onMark: '#ffffff',
  },
  go: {
    ground: '#0a5c3b', ink: '#ffffff', soft: '#d3f1e1', line: '#8ed0b0',
    stage: '#e5f7ed', figure: '#0a5c3b', accent: '#0b7d4e', shade: '#b4e0c8', mark: '#ffffff', onMark: '#0a5c3b',
  },
  notice: {
    ground: '#fff4dd', ink: '#2c1f06', soft: '#5b4719', line: '#8f7335',
    stage: '#f7b93e', figure: '#2c1f06', accent: '#7d2a00', shade: '#dc9c1c', mark: '#2c1f06', onMark: '#fff4dd',
  },
  emergency: {
    ground: '#9f0719', ink: '#ffffff', soft: '#ffe4e1', line: '#ffb4ab',
    stage: '#7d0010', figure: '#ffffff', accent: '#ffe45c', shade: '#a8303d', mark: '#ffffff', onMark: '#9f0719',
  },
  closed: {
    ground: '#1d2a33', ink: '#f4f7f9', soft: '#c4d0d8', line: '#8196a3',
    stage: '#2a3b47', figure: '#f4f7f9', accent: '#ffc145', shade: '#4c616e', mark: '#f4f7f9', onMark: '#1d2a33',
  },
}

type Pair = readonly [front: keyof Palette, back: keyof Palette]

/** 4.5:1 or more (WCAG 2.2, 1.4.3). */
export const textPairs: readonly Pair[] = [['ink', 'ground'], ['soft', 'ground'], ['onMark', 'mark']]

/** 3:1 or more (WCAG 2.2, 1.4.11). `shade` only decorates. */
export const graphicPairs: readonly Pair[] = [['line', 'ground'], ['mark', 'ground'], ['figure', 'stage'], ['accent', 'stage']]

/** The custom properties of each tone, for `:host([tone=...])`. */
export const paletteStyles: string = Object.entries(palettes)
  .map(([tone, palette]) => `:host([tone='${tone}']) { ${properties(palette)} }`)
  .join('\n')

function properties(palette: Palette): string {
  return Object.entries(palette).map(([role, colour]) => `--${role}: ${String(colour)};`).join(' ')
}

/** How well two opaque colours (`#rrggbb`) can be told apart: 1 to 21 (WCAG 2.2, contrast ratio). */
export function contrast(one: string, other: string): number {
  const [dark = 0, light = 0] = [luminance(one), luminance(other)].toSorted((a, b) => a - b)
  return (light + 0.05) / (dark + 0.05)
}

/** Relative luminance (WCAG 2.2), from the sRGB transfer function (IEC 61966-2-1). */
function luminance(colour: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const value = Number.parseInt(colour.slice(at, at + 2), 16) / 255
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}
