/** What the page asks of the server. */

/** What the server said to it. */
export class Refused extends Error {
  readonly code: string
  readonly status: number

  constructor(code: string, message: string, status: number) {
    super(message)
    this.code = code
    this.status = status
  }
}

/** @throws Refused, also when the device does not answer. */
export async function ask<T>(path: string, body?: unknown): Promise<T> {
  return await (await answered(path, body)).json() as T
}

export async function picture(path: string): Promise<Blob> {
  return await (await answered(path)).blob()
}

export async function command<T = unknown>(component: string, name: string, args: object = {}, confirmed = false): Promise<T> {
  const { result } = await ask<{ result: T }>('/command', { component, command: name, args, ...(confirmed ? { confirmed } : {}) })
  return result
}

/** As people read it. */
export const said = (error: unknown): string => (error instanceof Refused ? `${error.message} (${error.code})` : String(error))

async function answered(path: string, body?: unknown): Promise<Response> {
  const init: RequestInit = body === undefined ? {} : { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
  const response = await fetch(path, { ...init, credentials: 'same-origin' }).catch(() => undefined)
  if (response?.ok === true) return response
  const { code = 'PC-SCREEN-REQUEST', message = 'The device does not answer.' } = ((await response?.json().catch(() => undefined)) ?? {}) as { code?: string; message?: string }
  throw new Refused(code, message, response?.status ?? 0)
}
