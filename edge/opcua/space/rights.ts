/** Who may do what, as roles of OPC UA (OPC 10000-3, 4.9): one well-known role for each role of the device. */
import { makePermissionFlag, type NodeId, resolveNodeId, type RolePermissionTypeOptions, WellKnownRoles } from 'node-opcua'
import type { PersonRole } from '../../access/contract.ts'
import { allows, type Role } from '../../device/contract.ts'

const roleIds: Record<PersonRole, NodeId> = {
  viewer: resolveNodeId(WellKnownRoles.Observer),
  officer: resolveNodeId(WellKnownRoles.Operator),
  technician: resolveNodeId(WellKnownRoles.Engineer),
  engineer: resolveNodeId(WellKnownRoles.ConfigureAdmin),
}
const people = Object.keys(roleIds) as PersonRole[]

/** The role of a session that somebody has. */
export const roleIdOf = (role: PersonRole): NodeId => roleIds[role]

const look = makePermissionFlag('Browse | Read | ReadHistory | ReceiveEvents')
const call = makePermissionFlag('Browse | Read | Call')

/** Everybody who came in may look; nobody may write: commands are methods. */
export function mayLook(anonymous: boolean): RolePermissionTypeOptions[] {
  const roles = [...Object.values(roleIds), ...(anonymous ? [resolveNodeId(WellKnownRoles.Anonymous)] : [])]
  return roles.map((roleId) => ({ roleId, permissions: look }))
}

/** A method that concerns the caller alone: everybody may. */
export function allMayCall(anonymous: boolean): RolePermissionTypeOptions[] {
  return mayLook(anonymous).map(({ roleId }) => ({ roleId, permissions: call }))
}

/** Acknowledging: everybody but viewers, who look on, and who has no name. */
export function mayAct(anonymous: boolean): RolePermissionTypeOptions[] {
  const able = new Set(people.filter((role) => role !== 'viewer').map((role) => roleIds[role].toString()))
  return mayLook(anonymous).map(({ roleId, permissions }) => ({ roleId, permissions: able.has(String(roleId)) ? call : permissions ?? look }))
}

/** A method: everybody sees it, those who have the role may call it. */
export function mayCall(needed: Role, anonymous: boolean): RolePermissionTypeOptions[] {
  const able = new Set(people.filter((role) => allows(role, needed)).map((role) => roleIds[role].toString()))
  return mayLook(anonymous).map(({ roleId, permissions }) => ({ roleId, permissions: able.has(String(roleId)) ? call : permissions ?? look }))
}
