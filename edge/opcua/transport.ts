/**
 * Bytes that node-opcua cannot take end their connection, not the thread that hears them.
 *
 * Where a piece that lies about its length comes in one segment with the hello, or with the answer to it (OPC 10000-6,
 * 7.1.2), the library's check throws out of the socket's listener: nobody would catch it, and one stranger would end
 * the server, or one PLC the gate. Importing this module is enough, once in each thread, before the first connection.
 */
import { type StatusCode, StatusCodes, TCP_transport } from 'node-opcua'

interface Hears {
  _on_socket_data(bytes: Buffer): void
  prematureTerminate(error: Error, status: StatusCode): void
}

const transport = TCP_transport.prototype as unknown as Hears
const hear = transport._on_socket_data

transport._on_socket_data = function (this: Hears, bytes: Buffer): void {
  try {
    hear.call(this, bytes)
  } catch (error) {
    this.prematureTerminate(error instanceof Error ? error : new Error('not to be understood'), StatusCodes.BadTcpInternalError)
  }
}
