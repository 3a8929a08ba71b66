/** What a JSON Schema allows, in words for people. */

type Schema = Readonly<Record<string, unknown>>

/** Such as `integer, 10 to 60000, usually 500`. */
export function limitsOf(schema: Schema): string {
  const { enum: choices, const: only, pattern, items, default: usual } = schema
  const words = [
    only !== undefined ? JSON.stringify(only) : undefined,
    Array.isArray(choices) ? `one of ${choices.map((choice) => JSON.stringify(choice)).join(', ')}` : kindOf(schema),
    range(schema['minimum'], schema['maximum'], ''),
    range(schema['minLength'], schema['maxLength'], ' characters'),
    range(schema['minItems'], schema['maxItems'], ' items'),
    typeof pattern === 'string' ? `of the form ${pattern}` : undefined,
    typeof items === 'object' && items !== null ? `each: ${limitsOf(items as Schema)}` : undefined,
    usual === undefined ? undefined : `usually ${JSON.stringify(usual)}`,
  ]
  return words.filter((word) => word !== undefined).join(', ')
}

function kindOf({ type, properties, anyOf, const: only }: Schema): string | undefined {
  if (only !== undefined) return undefined
  if (Array.isArray(anyOf)) return anyOf.map((one) => limitsOf(one as Schema)).join(' or ')
  if (typeof properties === 'object' && properties !== null) return `object with ${Object.keys(properties).join(', ')}`
  return typeof type === 'string' ? type : undefined
}

function range(least: unknown, most: unknown, what: string): string | undefined {
  const from = typeof least === 'number' ? least : undefined
  const to = typeof most === 'number' ? most : undefined
  if (from === undefined) return to === undefined ? undefined : `at most ${to}${what}`
  return to === undefined ? `at least ${from}${what}` : `${from} to ${to}${what}`
}
