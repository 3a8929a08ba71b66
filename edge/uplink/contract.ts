/** What the faces may know of the uplink. */
import { Type } from '../base/schema.ts'
import { contract, property } from '../device/contract.ts'

const Count = Type.Integer({ minimum: 0 })

export const UplinkContract = contract('uplink', 'Sends every fact to the centre and takes its commands.', {
  connected: property(Type.Boolean(), 'Whether the broker is reached now.'),
  broker: property(Type.String(), 'Host and port of the broker.'),
  sent: property(Count, 'Facts that the broker acknowledged since the start.', '1'),
  pending: property(Count, 'Facts in the journal that the broker has not acknowledged.', '1'),
  inFlight: property(Count, 'Facts sent and not acknowledged yet.', '1'),
  lastAcknowledged: property(Count, 'Sequence number up to which the broker has every fact.', '1'),
  dropped: property(Count, 'Facts that the journal no longer had when their turn came.', '1'),
})
