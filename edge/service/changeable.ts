/** What of a profile may be changed at the device, and who may. Everything else is the operator's, in the profile. */
import type { Role } from '../device/contract.ts'

/** Any one step. */
const any = '*'

/** The longest root that fits a path decides. */
const roots: readonly { root: readonly string[]; role: Extract<Role, 'technician' | 'engineer'> }[] = [
  // A part's options; which driver it uses is how the device is built.
  { root: ['parts', any, any], role: 'technician' },
  { root: ['gate', 'limits'], role: 'technician' },
  // Who may pass, and what happens when a check is missing.
  { root: ['gate', 'policy'], role: 'engineer' },
  // Where a sensor sits is measured at the vehicle; what it must not come near is a matter of its safety case (ISO 3691-4).
  { root: ['obstacles', 'sources', any], role: 'engineer' },
  { root: ['obstacles', 'sources', any, 'mount'], role: 'technician' },
  { root: ['obstacles', 'camera', 'mount'], role: 'technician' },
  { root: ['obstacles', 'camera', 'focal_px'], role: 'technician' },
  { root: ['obstacles', 'fields'], role: 'engineer' },
  { root: ['obstacles', 'evidence'], role: 'engineer' },
  { root: ['obstacles', 'ground'], role: 'engineer' },
  { root: ['obstacles', 'roof_m'], role: 'engineer' },
  { root: ['obstacles', 'release_ms'], role: 'engineer' },
  { root: ['runtime'], role: 'technician' },
]

/** The role that it takes to change what a path leads to; `undefined` when nobody may at the device. */
export function roleToChange(path: readonly string[]): 'technician' | 'engineer' | undefined {
  if (path[0] === 'parts' && path[2] === 'use') return undefined
  return roots.filter(({ root }) => root.length <= path.length && root.every((step, at) => step === any || step === path[at]))
    .reduce<(typeof roots)[number] | undefined>((longest, one) => (longest === undefined || one.root.length > longest.root.length ? one : longest), undefined)?.role
}
