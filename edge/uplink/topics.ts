/**
 * Where things are on the broker.
 *
 *     portcullis/v1/<site>/<device>/facts                           device -> centre, QoS 1, not retained
 *     portcullis/v1/<site>/<device>/presence                        device -> centre, QoS 1, retained, and the last will
 *     portcullis/v1/<site>/<device>/state/<component>/<property>    device -> centre, QoS 0, retained
 *     portcullis/v1/<site>/<device>/results/<id>                    device -> centre, QoS 1, not retained
 *     portcullis/v1/<site>/<device>/commands/<component>/<command>  centre -> device, QoS 1, never retained
 *
 * Every part is one topic level, so that the centre and an access list can name any of them with
 * `+`. A site of several parts (`mong-cai/bac-luan-1`) is written with dots (`mong-cai.bac-luan-1`);
 * no part may hold a dot itself, so the way back is unambiguous.
 *
 * Access, for any broker: a device may write below its own prefix except `commands`, and read only
 * its own `commands`; the centre the other way round. Facts survive the centre's own absence only if
 * the centre keeps a persistent session (MQTT 3.1.1, 3.1.2.4) on a broker that stores it.
 */
import { ConfigError } from '../base/error.ts'

/** MQTT's own limit is 65535 bytes (MQTT 3.1.1, 1.5.3); brokers and people prefer short levels. */
const part = /^[A-Za-z0-9_-]{1,64}$/
const sitePartsMax = 4

export interface Address {
  /** Up to four parts joined by `/`, from the largest to the smallest. */
  site: string
  device: string
}

export interface CommandTarget {
  component: string
  command: string
}

export interface Topics {
  /** Unique on the broker: a second client of the same name would end the first one's connection. */
  clientId: string
  /** Without a slash at the end. */
  prefix: string
  facts: string
  presence: string
  /** The filter that matches every command of this device. */
  commands: string
  command(target: CommandTarget): string
  result(id: string): string
  state(component: string, property: string): string
  /** Which command a topic names; `undefined` when it is none of this device's. */
  target(topic: string): CommandTarget | undefined
}

/** Whether a text can stand as one topic level. */
export const isPart = (text: string): boolean => part.test(text)

/** @throws ConfigError (PC-UPLINK-ID) when site or device cannot stand in a topic. */
export function topicsOf(address: Address): Topics {
  const parts = address.site.split('/')
  if (parts.length > sitePartsMax || ![...parts, address.device].every(isPart)) {
    throw new ConfigError('PC-UPLINK-ID', 'Site and device may hold letters, digits, - and _ only, and a site at most four parts.')
  }
  const prefix = `portcullis/v1/${parts.join('.')}/${address.device}`
  return {
    clientId: `portcullis-${parts.join('.')}-${address.device}`,
    prefix,
    facts: `${prefix}/facts`,
    presence: `${prefix}/presence`,
    commands: `${prefix}/commands/+/+`,
    command: ({ component, command }) => `${prefix}/commands/${component}/${command}`,
    result: (id) => `${prefix}/results/${id}`,
    state: (component, property) => `${prefix}/state/${component}/${property}`,
    target(topic) {
      if (!topic.startsWith(`${prefix}/commands/`)) return undefined
      const [component, command, ...more] = topic.slice(`${prefix}/commands/`.length).split('/')
      if (component === undefined || command === undefined || more.length > 0) return undefined
      return isPart(component) && isPart(command) ? { component, command } : undefined
    },
  }
}

/**
 * Whether every topic that `wanted` matches is matched by `filter` too (MQTT 3.1.1, 4.7).
 * `wanted` may be a filter or a plain topic.
 */
export function covers(filter: string, wanted: string): boolean {
  const levels = filter.split('/')
  const asked = wanted.split('/')
  if (wanted.startsWith('$') && !filter.startsWith('$')) return false
  for (const [index, level] of levels.entries()) {
    if (level === '#') return true
    const other = asked[index]
    if (other === undefined || other === '#') return false
    if (level !== '+' && level !== other) return false
  }
  return levels.length === asked.length
}
