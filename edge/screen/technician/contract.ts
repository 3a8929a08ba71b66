/** What the device knows of its technician's page. */
import { Type } from '../../base/schema.ts'
import { command, contract, property } from '../../device/contract.ts'

export const TechnicianPage = contract('technician-page', 'Shows technicians the device and takes their commands.', {
  address: property(Type.String(), 'Where the page is served.'),
  build: property(Type.String(), 'Which bundle of the page is served.'),
  viewers: property(Type.Integer({ minimum: 0 }), 'How many pages are open by people who are logged in.', '1'),
  /** A command, so that whoever saw pictures stands in the journal. */
  watch: command({ camera: Type.String({ maxLength: 64 }) }, 'Lets whoever asks see stills of a camera on the page for five minutes, while no traveller can be in the gate. Nothing is kept.', { role: 'technician' }),
})
