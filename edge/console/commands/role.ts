/** Who may not do something is told before anything is asked: they need not type it. */
import { UsageError } from '../../base/error.ts'
import { allows } from '../../device/contract.ts'
import type { Context } from '../command.ts'
import { commandsOf } from '../values.ts'

/** @throws UsageError (PC-CONSOLE-ROLE). */
export function demandRole({ model, session }: Context, component: string, name: string): void {
  const spec = commandsOf(model.get(component)).find(([command]) => command === name)?.[1]
  if (spec === undefined || allows(session.role, spec.role)) return
  throw new UsageError('PC-CONSOLE-ROLE', `"${name}" needs the role ${spec.role}; yours is ${session.role}.`)
}
