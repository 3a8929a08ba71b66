/** A component's declaration as the page shows it: every face is a view of it, and this is all that this one adds. */
import { unreachable } from '../../base/error.ts'
import type { Component } from '../../device/component.ts'
import type { MemberSpec } from '../../device/contract.ts'
import type { ShownComponent, ShownMember } from './wire.ts'

/** Personal events and commands, the controller's own commands and streams are nobody's here. */
export function declared({ name, contract }: Component): ShownComponent {
  const members = Object.entries<MemberSpec>(contract.members).flatMap(([member, spec]) => {
    const shown = shownMember(spec)
    return shown === undefined ? [] : [[member, shown] as const]
  })
  return { name, capability: contract.name, says: contract.says, members: Object.fromEntries(members) }
}

function shownMember(spec: MemberSpec): ShownMember | undefined {
  switch (spec.kind) {
    case 'property': {
      const { says, unit, schema } = spec
      return { kind: 'property', says, schema, ...(unit === undefined ? {} : { unit }) }
    }
    case 'command': {
      const { says, role, moves, held, personal, args, limit_ms } = spec
      return personal || role === 'controller' ? undefined : { kind: 'command', says, role, moves, args, limit_ms, ...(held === undefined ? {} : { held }) }
    }
    case 'event':
      return spec.personal ? undefined : { kind: 'event', says: spec.says, severity: spec.severity }
    case 'stream':
      return undefined
  }
  return unreachable(spec)
}
