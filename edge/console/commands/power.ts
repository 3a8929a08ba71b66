/** Ends the program, or the computer: each is asked about. */
import { type Command, type Context, type Item, only } from '../command.ts'

const ending = (command: 'restart' | 'reboot' | 'shutdown', what: string) => async function* (context: Context): AsyncGenerator<Item> {
  const { name } = only(context.model, 'power')
  await context.confirm(`${what} Travellers cannot use the device meanwhile.`)
  await context.carry(name, command, {})
  yield { rows: ['So be it.'], json: {} }
}

const group = 'power'

export const powerCommands: readonly Command[] = [
  { words: ['restart'], group, says: 'ends the program; it starts again by itself', example: 'restart', exact: true, live: true, run: ending('restart', 'The program ends and starts again.') },
  { words: ['reboot'], group, says: 'restarts the computer', example: 'reboot', exact: true, live: true, run: ending('reboot', 'The computer restarts.') },
  { words: ['shutdown'], group, says: 'stops the computer', example: 'shutdown', exact: true, live: true, run: ending('shutdown', 'The computer stops; somebody must switch it on again.') },
]
