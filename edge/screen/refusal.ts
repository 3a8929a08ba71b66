/** What a browser is told of an error: a status, the code and one sentence, and nothing of its request. */
import { DeviceError, describe, ForbiddenError, InputError, PortcullisError, ResourceError, TimeoutError, UsageError } from '../base/error.ts'

export function refusal(error: unknown): { code: string; message: string } {
  return error instanceof PortcullisError ? describe(error) : { code: 'PC-SCREEN-REQUEST', message: 'The page cannot answer this request.' }
}

/** What the page must tell apart. */
const ofCode: Readonly<Record<string, number>> = {
  'PC-TECHNICIAN-LOGIN': 401, 'PC-ACCESS-ENDED': 401, 'PC-TECHNICIAN-ABSENT': 404, 'PC-TECHNICIAN-RATE': 429,
}

/** HTTP status codes (RFC 9110, 15). */
export function statusOf(error: unknown): number {
  if (!(error instanceof PortcullisError)) return (error as { statusCode?: number }).statusCode ?? 500
  const status = ofCode[error.code]
  if (status !== undefined) return status
  if (error instanceof InputError) return 400
  if (error instanceof ForbiddenError) return 403
  if (error instanceof UsageError) return 409
  if (error instanceof DeviceError) return 502
  if (error instanceof ResourceError) return 503
  return error instanceof TimeoutError ? 504 : 500
}
