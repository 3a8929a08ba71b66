/** The JSON Schema of a profile, with every driver's options, for editors. */
import { driverNames, loadDriver } from '../drivers/catalog.ts'
import { partNamePattern, profileKinds } from './profile.ts'

/** Where the schema is kept, from the repository's root. */
export const schemaFile = 'profiles/profile.schema.json'

export async function profileSchema(): Promise<string> {
  const parts = await Promise.all(driverNames.map(async (name) => {
    const driver = await loadDriver(name)
    const { properties = {}, required = [] } = driver.options as { properties?: Record<string, unknown>; required?: string[] }
    return {
      type: 'object', title: name, description: driver.says, additionalProperties: false, required: ['use', ...required],
      properties: { use: { const: name, description: driver.says }, ...structuredClone(properties) },
    }
  }))
  const kinds = Object.values(profileKinds).map((schema) => ({ ...schema, properties: { ...schema.properties, parts: { $ref: '#/definitions/parts' } } }))
  const whole = {
    $schema: 'http://json-schema.org/draft-07/schema#', title: 'Portcullis profile', oneOf: kinds,
    definitions: {
      parts: { type: 'object', description: 'The hardware, by the names that people use.', propertyNames: { pattern: partNamePattern }, additionalProperties: { oneOf: parts } },
    },
  }
  return `${JSON.stringify(whole, null, 2)}\n`
}
