/** How the worker threads of this program find the memory of its log. */
import { randomUUID } from 'node:crypto'

export const logChannel = `portcullis-log-${randomUUID()}`
