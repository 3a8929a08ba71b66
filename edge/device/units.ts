/** Units as people read them: the device model names them by their UCUM codes. */

/** UCUM codes whose print symbol is another; a terminal spells the symbols in ASCII (`console/ascii.ts`). */
const symbols: ReadonlyMap<string, string> = new Map([
  ['1', ''], ['1/s', '/s'], ['1/min', '/min'],
  ['Cel', '°C'], ['deg', '°'], ['deg/s', '°/s'],
  ['us', 'µs'], ['um', 'µm'], ['m/s2', 'm/s²'], ['m2', 'm²'], ['m3', 'm³'],
  ['By', 'B'], ['kBy', 'kB'], ['MBy', 'MB'], ['GBy', 'GB'], ['By/s', 'B/s'],
  ['Ohm', 'Ω'], ['W.h', 'Wh'],
])

/** What stands behind a figure, such as `°C`; empty for a plain number or a count (UCUM's `1` and `{...}`). */
export function unitSymbol(code = ''): string {
  const bare = code.replaceAll(/\{[^}]*\}/g, '')
  return symbols.get(bare) ?? bare
}
