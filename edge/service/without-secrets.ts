/**
 * A profile holds references to secrets and no secrets, but for what people put into addresses:
 * `rtsp://user:password@camera` or `http://camera/video?token=...`.
 */
const address = /^([a-z][a-z0-9+.-]*:\/\/)(?:[^@/?#]*@)?([^?#]*)([?#].*)?$/i

/** A copy with what may be secret in addresses left out. */
export function withoutSecrets(value: unknown): unknown {
  if (typeof value === 'string') {
    return value.replace(address, (_, scheme: string, rest: string, query?: string) => `${scheme}${rest}${query === undefined ? '' : '?[hidden]'}`)
  }
  if (Array.isArray(value)) return value.map(withoutSecrets)
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, withoutSecrets(item)]))
}
