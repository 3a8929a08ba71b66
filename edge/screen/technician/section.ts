/** What a profile says of the technician's page. */
import { type Static, Type } from '../../base/schema.ts'

const secret = (what: string) =>
  Type.String({ pattern: '^(credential|file|env):.+$', 'x-secret': true, description: `${what} (PEM): credential:NAME, file:PATH or env:NAME.` })

export const TechnicianSection = Type.Object({
  host: Type.String({ default: '127.0.0.1', description: 'The address that the page is served on. Another than the loopback address needs `tls`.' }),
  port: Type.Integer({ default: 8081, minimum: 0, maximum: 65_535, description: 'Its port; 0 takes any that is free.' }),
  tls: Type.Optional(Type.Object({
    cert: secret("The page's certificate, followed by those that it came from"),
    key: secret("The certificate's private key"),
  }, { additionalProperties: false, description: 'Serves the page encrypted.' })),
}, { additionalProperties: false, description: "The technician's page. Whoever opens it logs in as at the console." })
export type TechnicianSection = Static<typeof TechnicianSection>
