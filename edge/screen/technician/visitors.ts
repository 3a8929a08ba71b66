/**
 * Who is behind a cookie. The token is the page's own and leads to the session: the session's own
 * number never leaves the device.
 */
import { createHash } from 'node:crypto'
import type { Gatekeeper, Session } from '../../access/contract.ts'

export class Visitors {
  /** By the digest of the token, so that finding one says nothing of another. */
  readonly #sessions = new Map<string, Session>()
  readonly #random: (bytes: number) => Uint8Array
  readonly #forget: () => void

  constructor(gatekeeper: Gatekeeper, random: (bytes: number) => Uint8Array) {
    this.#random = random
    this.#forget = gatekeeper.onEnded(({ session }) => {
      for (const [digest, { id }] of this.#sessions) if (id === session.id) this.#sessions.delete(digest)
    })
  }

  /** @returns the token */
  admit(session: Session): string {
    const token = Buffer.from(this.#random(32)).toString('base64url')
    this.#sessions.set(digestOf(token), session)
    return token
  }

  of(token: string | undefined): Session | undefined {
    return token === undefined ? undefined : this.#sessions.get(digestOf(token))
  }

  list(): Session[] {
    return [...this.#sessions.values()]
  }

  stop(): void {
    this.#forget()
    this.#sessions.clear()
  }
}

const digestOf = (token: string): string => createHash('sha256').update(token).digest('base64')

/** Browsers send cookies to every port of a host: each address of a device has a cookie of its own name. */
export function cookieName(host: string | undefined, secure: boolean): string {
  const port = /:(\d+)$/.exec(host ?? '')?.[1] ?? (secure ? '443' : '80')
  return `${secure ? '__Host-' : ''}technician-${port}`
}

export function cookieIn(header: string | undefined, name: string): string | undefined {
  for (const pair of header?.split(';') ?? []) {
    const at = pair.indexOf('=')
    if (pair.slice(0, at).trim() === name) return pair.slice(at + 1).trim()
  }
  return undefined
}

/** No script sees it, no other page sends it, and it ends with the browser. */
export const setCookie = (name: string, token: string, secure: boolean): string => `${name}=${token}; Path=/; HttpOnly; SameSite=Strict${secure ? '; Secure' : ''}${token === '' ? '; Max-Age=0' : ''}`
