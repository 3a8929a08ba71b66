/** A profile of the repository, changed so that it finds the twins, the broker and a free port. */
import { readFileSync, writeFileSync } from 'node:fs'
import { parseDocument } from 'yaml'

export interface SiteProfileOptions {
  /** The profile to start from. */
  from: string
  to: string
  /** Options by part: where each twin is. */
  places: Readonly<Record<string, Record<string, unknown>>>
  broker: string
  /** Of the traveller's page, where the device has one. */
  port?: number
  /** Sections to change beside that, such as `gate.limits`. */
  changes?: readonly { path: readonly string[]; value: unknown }[]
}

/** Writes the changed profile and returns its text. */
export function writeSiteProfile({ from, to, places, broker, port, changes = [] }: SiteProfileOptions): string {
  const document = parseDocument(readFileSync(from, 'utf8'))
  for (const [part, options] of Object.entries(places)) {
    for (const [option, value] of Object.entries(options)) document.setIn(['parts', part, option], value)
  }
  document.setIn(['uplink', 'broker'], broker)
  document.deleteIn(['uplink', 'identity'])
  if (port !== undefined && document.has('screen')) document.setIn(['screen', 'port'], port)
  for (const { path, value } of changes) document.setIn(path, value)
  const text = String(document)
  writeFileSync(to, text)
  return text
}
