/** Answering a camera's challenge: Digest (RFC 7616) where it is offered, else Basic (RFC 7617). */
import { createHash } from 'node:crypto'

export interface Credential {
  user: string
  password: string
}

/** `user:password`; the password may hold further colons. `undefined` when there is no colon. */
export function credentialOf(secret: Uint8Array): Credential | undefined {
  const text = Buffer.from(secret).toString('utf8').replace(/\r?\n$/, '')
  const colon = text.indexOf(':')
  return colon < 0 ? undefined : { user: text.slice(0, colon), password: text.slice(colon + 1) }
}

export interface SignedRequest {
  method: string
  /** As it stands in the request line. */
  uri: string
}

const challengeMax = 2_000
const hashes: Record<string, string> = { 'md5': 'md5', 'sha-256': 'sha256', 'sha-512-256': 'sha512-256' }

/** The challenges of a WWW-Authenticate header. */
function challenges(header: string): { scheme: string; values: Map<string, string> }[] {
  const found: { scheme: string; values: Map<string, string> }[] = []
  const pattern = /(?:^|[\s,])(basic|digest)\s+|([\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*))/gi
  for (const [, scheme, name, quoted, token] of header.slice(0, challengeMax).matchAll(pattern)) {
    if (scheme !== undefined) found.push({ scheme: scheme.toLowerCase(), values: new Map() })
    else if (name !== undefined) found.at(-1)?.values.set(name.toLowerCase(), quoted ?? token ?? '')
  }
  return found
}

/**
 * The Authorization header for a request, or `undefined` when the camera offers nothing that is
 * understood here.
 * @param clientNonce fresh random text.
 */
export function authorization(header: string, credential: Credential, request: SignedRequest, clientNonce: string): string | undefined {
  const offered = challenges(header)
  for (const { scheme, values } of offered) {
    const answer = scheme === 'digest' ? digest(values, credential, request, clientNonce) : undefined
    if (answer !== undefined) return answer
  }
  if (!offered.some(({ scheme }) => scheme === 'basic')) return undefined
  return `Basic ${Buffer.from(`${credential.user}:${credential.password}`, 'utf8').toString('base64')}`
}

/** RFC 7616 3.4; without `qop` as RFC 2069 cameras want it. */
function digest(values: Map<string, string>, { user, password }: Credential, { method, uri }: SignedRequest, clientNonce: string): string | undefined {
  const [realm, nonce, opaque] = [values.get('realm') ?? '', values.get('nonce') ?? '', values.get('opaque')]
  const named = values.get('algorithm') ?? 'MD5'
  const session = named.toLowerCase().endsWith('-sess')
  const algorithm = hashes[named.toLowerCase().replace(/-sess$/, '')]
  const qops = values.get('qop')?.split(',').map((qop) => qop.trim().toLowerCase())
  if (algorithm === undefined || (qops !== undefined && !qops.includes('auth'))) return undefined
  if (/["\\\r\n]/.test(user)) return undefined
  const hash = (text: string): string => createHash(algorithm).update(text, 'utf8').digest('hex')
  const count = '00000001'
  const ofUser = hash(`${user}:${realm}:${password}`)
  const a1 = session ? hash(`${ofUser}:${nonce}:${clientNonce}`) : ofUser
  const a2 = hash(`${method}:${uri}`)
  const response = qops === undefined ? hash(`${a1}:${nonce}:${a2}`) : hash(`${a1}:${nonce}:${count}:${clientNonce}:auth:${a2}`)
  return [
    `Digest username="${user}"`, `realm="${realm}"`, `nonce="${nonce}"`, `uri="${uri}"`, `response="${response}"`, `algorithm=${named}`,
    ...(qops === undefined ? [] : ['qop=auth', `nc=${count}`]),
    ...(qops === undefined && !session ? [] : [`cnonce="${clientNonce}"`]),
    ...(opaque === undefined ? [] : [`opaque="${opaque}"`]),
  ].join(', ')
}
