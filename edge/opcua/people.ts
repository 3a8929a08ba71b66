/** Who is behind each OPC UA session: proven by the gatekeeper, with the role it gave. */
import { X509Certificate } from 'node:crypto'
import type { IRoleResolver, NodeId, ServerSession, UserIdentityToken } from 'node-opcua'
import type { Session } from '../access/contract.ts'
import { ForbiddenError } from '../base/error.ts'
import { roleIdOf } from './space/rights.ts'
import { fingerprintOf } from './trust.ts'
import type { Door } from './words.ts'

export class People implements IRoleResolver {
  readonly #door: Door
  readonly #byClient = new Map<ServerSession, Session>()
  /** By the very token that was proven: names say nothing, for a certificate may bear any. */
  readonly #roles = new WeakMap<UserIdentityToken, NodeId>()

  constructor(door: Door) {
    this.#door = door
  }

  /** @throws ForbiddenError of the gatekeeper; ResourceError when too many are in. */
  async bySecret(client: ServerSession, person: string, secret: string, where: string): Promise<void> {
    this.#replace(client, await this.#door.enter({ by: 'secret', person, secret }, where))
  }

  /** The certificate's signature was checked before. @throws as above. */
  async byCertificate(client: ServerSession, certificate: Buffer, where: string): Promise<void> {
    // Two common names would make its roles depend on who reads it.
    if ((new X509Certificate(certificate).subject ?? '').split('\n').filter((line) => line.startsWith('CN=')).length > 1) {
      throw new ForbiddenError('PC-OPCUA-USER', 'This user certificate is given to nobody.', { component: 'opcua' })
    }
    this.#replace(client, await this.#door.enter({ by: 'certificate', fingerprint: fingerprintOf(certificate) }, where))
  }

  /** From now on this token has the role of who was proven. */
  vouch(client: ServerSession, token: UserIdentityToken): void {
    const session = this.#byClient.get(client)
    if (session !== undefined) this.#roles.set(token, roleIdOf(session.role))
  }

  sessionOf(client: unknown): Session | undefined {
    return this.#byClient.get(client as ServerSession)
  }

  /** The client whose session the gatekeeper ended. */
  clientOf(session: string): ServerSession | undefined {
    return [...this.#byClient].find(([, { id }]) => id === session)?.[0]
  }

  /** The client goes on without a user, or is gone. */
  leave(client: ServerSession, why: 'logout' | 'lost' | 'expired'): void {
    const session = this.#byClient.get(client)
    this.#byClient.delete(client)
    if (session !== undefined) this.#door.left(session.id, why)
  }

  resolveRoles(token: UserIdentityToken): NodeId[] {
    const role = this.#roles.get(token)
    return role === undefined ? [] : [role]
  }

  #replace(client: ServerSession, session: Session): void {
    this.leave(client, 'logout')
    this.#byClient.set(client, session)
  }
}
