/** What keeps the page's server to this device and this page: response headers, and who may ask. */
import { isIP } from 'node:net'

/**
 * Only this server's own files run, nothing is inlined, nobody may frame or embed the page.
 * `lit-html` is the one Trusted Types policy; it turns the bundle's own templates into elements.
 */
export const protectiveHeaders: Readonly<Record<string, string>> = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; " +
    "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types lit-html",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'x-frame-options': 'DENY',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), microphone=(), geolocation=(), display-capture=()',
  'cache-control': 'no-store',
}

/**
 * Whether a request was meant for this server: asked by address or as localhost. Any other name
 * could be somebody's who points it at this device (DNS rebinding) to read the page from theirs.
 */
export function isOwnHost(host: string | undefined): boolean {
  const name = hostname(`http://${host ?? ''}`)
  return name !== undefined && (name === 'localhost' || isIP(name.replace(/^\[|\]$/g, '')) !== 0)
}

/** Browsers name the page that opens a WebSocket; another page than ours may not listen in. */
export function isOwnOrigin(origin: string | undefined, host: string | undefined, scheme: 'http' | 'https' = 'http'): boolean {
  return origin === undefined || origin === `${scheme}://${host ?? ''}`
}

/** Pictures of people stay on the device. */
export function isLoopback(address: string | undefined): boolean {
  return address !== undefined && (address === '::1' || /^(::ffff:)?127\./.test(address))
}

function hostname(url: string): string | undefined {
  return URL.canParse(url) ? new URL(url).hostname : undefined
}
