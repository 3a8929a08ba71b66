/**
 * A profile holds references to secrets and no secrets, but for what people put into addresses:
 * `rtsp://user:password@camera` or `http://camera/video?token=...`.
 *
 * A password may hold an `@` as it is: the last one before the path ends it.
 */
const address = /([a-z][a-z0-9+.-]{0,31}:\/\/)(?:[^/\s"\\<>]*@)?([^?#\s"\\<>]*)([?#][^\s"\\<>]*)?/gi

/** A copy with what may be secret in addresses left out, wherever in a text they stand. */
export function withoutSecrets(value: unknown): unknown {
  if (typeof value === 'string') return value.includes('://') ? withoutSecretsOf(value) : value
  if (Array.isArray(value)) return value.map(withoutSecrets)
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, withoutSecrets(item)]))
}

export const withoutSecretsOf = (text: string): string =>
  text.replace(address, (_, scheme: string, rest: string, query?: string) => `${scheme}${rest}${query === undefined ? '' : '?[hidden]'}`)
