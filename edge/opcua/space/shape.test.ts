import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { DataType, Variant, VariantArrayType } from 'node-opcua'
import t from 'tap'
import { PortcullisError } from '../../base/error.ts'
import { type TSchema, Type } from '../../base/schema.ts'
import { fromVariant, type Kind, shapeOf, toVariant } from './shape.ts'
import { unitOf } from './units.ts'

const kinds: [TSchema, Kind, boolean, fc.Arbitrary<unknown>][] = [
  [Type.Boolean(), 'boolean', false, fc.boolean()],
  [Type.Integer({ minimum: -5, maximum: 5 }), 'int32', false, fc.integer({ min: -5, max: 5 })],
  [Type.Integer({ minimum: 0, maximum: 4e9 }), 'uint32', false, fc.integer({ min: 0, max: 4e9 })],
  [Type.Integer(), 'int64', false, fc.maxSafeInteger()],
  [Type.Number(), 'double', false, fc.double({ noNaN: true })],
  [Type.String(), 'text', false, fc.string()],
  [Type.Enum(['a', 'b', 'c']), 'choice', false, fc.constantFrom('a', 'b', 'c')],
  [Type.Union([Type.Literal('x'), Type.Literal('y')]), 'choice', false, fc.constantFrom('x', 'y')],
  [Type.Array(Type.Integer()), 'int64', true, fc.array(fc.maxSafeInteger())],
  [Type.Array(Type.Enum(['a', 'b'])), 'choice', true, fc.array(fc.constantFrom('a', 'b'))],
  [Type.Object({ a: Type.Number() }), 'json', false, fc.record({ a: fc.integer() }, { noNullPrototype: true })],
  [Type.Array(Type.Object({ a: Type.Number() })), 'json', false, fc.array(fc.record({ a: fc.integer() }, { noNullPrototype: true }))],
  [Type.Union([Type.String(), Type.Number()]), 'json', false, fc.oneof(fc.string(), fc.integer())],
]

void t.test('each kind of value goes there and comes back', async (t) => {
  for (const [schema, kind, list, values] of kinds) {
    const shape = shapeOf(schema)
    t.match(shape, { kind, list })
    t.doesNotThrow(() => fc.assert(fc.property(values, (value) => isDeepStrictEqual(fromVariant(shape, toVariant(shape, value)), value)), { numRuns: 50 }), kind)
  }
  t.equal(fromVariant(shapeOf(Type.String()), toVariant(shapeOf(Type.String()), undefined)), undefined)
})

void t.test('what a client sends instead is refused, never believed', async (t) => {
  const variant = fc.oneof(
    fc.record({ dataType: fc.constantFrom(...Object.values(DataType).filter((type) => typeof type === 'number')), value: fc.anything() }),
    fc.integer({ min: -10, max: 10 }).map((value) => new Variant({ dataType: DataType.Int32, arrayType: VariantArrayType.Scalar, value })),
    fc.string().map((value) => new Variant({ dataType: DataType.String, value })),
  ) as fc.Arbitrary<Variant>
  for (const [schema] of kinds) {
    t.doesNotThrow(() => fc.assert(fc.property(variant, (sent) => {
      try {
        fromVariant(shapeOf(schema), sent)
      } catch (error) {
        if (!(error instanceof PortcullisError)) throw error
      }
    }), { numRuns: 200 }))
  }
  const refused = (schema: TSchema, sent: object) => t.throws(() => fromVariant(shapeOf(schema), sent as Variant), { code: 'PC-OPCUA-VALUE' })
  refused(Type.Enum(['a']), { dataType: DataType.Int32, value: 1 })
  refused(Type.Integer(), { dataType: DataType.Int64, value: [0x7fffffff, 0] })
  refused(Type.Object({ a: Type.Number() }), { dataType: DataType.String, value: '{"a":' })
  refused(Type.Boolean(), { dataType: DataType.String, value: 'true' })
})

void t.test('units are those of UNECE, or say themselves what they are', async (t) => {
  t.match(unitOf('ms'), { unitId: 4403766, displayName: { text: 'ms' }, description: { text: 'millisecond' } }, 'C26')
  t.match(unitOf('mm'), { unitId: 5066068 }, 'MMT')
  t.match(unitOf('Cel'), { unitId: 4408652, displayName: { text: '°C' } }, 'CEL')
  t.match(unitOf('MBy'), { displayName: { text: 'MB' }, description: { text: 'megabyte' } })
  t.match(unitOf('ell'), { unitId: -1, displayName: { text: 'ell' }, namespaceUri: 'http://unitsofmeasure.org' })
  t.match(unitOf('s'), { namespaceUri: 'http://www.opcfoundation.org/UA/units/un/cefact' }, 'one unit leaves the next as it is')
})
