/** Where files for the technician lie, and where those from the technician go: two folders of the device's state. */
import { join } from 'node:path'
import { Inbox, inboxDefaults, type InboxOptions } from './inbox.ts'
import { Outbox } from './outbox.ts'

export class FileRoom {
  readonly outbox: Outbox
  readonly inbox: Inbox

  /** @param state the device's state folder: `outbox` and `inbox` lie in it. */
  constructor(state: string, limits: Partial<Omit<InboxOptions, 'folder'>> = {}) {
    this.outbox = new Outbox(join(state, 'outbox'))
    this.inbox = new Inbox({ ...inboxDefaults, ...limits, folder: join(state, 'inbox') })
  }
}
