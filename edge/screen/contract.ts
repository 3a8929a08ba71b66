/** What the device knows of its own traveller's page. */
import { Type } from '../base/schema.ts'
import { contract, property } from '../device/contract.ts'

export const Screen = contract('screen', 'Shows the traveller what to do.', {
  address: property(Type.String(), 'Where the page is served.'),
  build: property(Type.String(), 'Which bundle of the page is served.'),
  viewers: property(Type.Integer({ minimum: 0 }), 'How many pages watch the gate now.', '1'),
})
