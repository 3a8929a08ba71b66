/**
 * Watches the sizes of MQTT packets as their bytes arrive, before anything collects them.
 *
 * MQTT 3.1.1 lets a peer announce up to 256 MB in a packet's head and neither library limits what
 * it will collect; this does.
 */
export class PacketSizes {
  readonly #bytes_max: number
  /** Bytes of the packet's body still to come. */
  #body = 0
  #length = 0
  /** How many bytes of the head were seen: type first, then up to four of the length. */
  #head = 0

  constructor(bytes_max: number) {
    this.#bytes_max = bytes_max
  }

  /** Takes the next bytes; `false` when a packet is too large or its length is malformed (MQTT 3.1.1, 2.2.3). */
  accept(chunk: Uint8Array): boolean {
    let at = 0
    while (at < chunk.length) {
      if (this.#body > 0) {
        const skipped = Math.min(this.#body, chunk.length - at)
        this.#body -= skipped
        at += skipped
      } else if (!this.#takeHead(chunk[at++] ?? 0)) {
        return false
      }
    }
    return true
  }

  #takeHead(byte: number): boolean {
    if (this.#head++ === 0) return true
    this.#length += (byte & 0x7f) * 128 ** (this.#head - 2)
    if (this.#length > this.#bytes_max) return false
    if ((byte & 0x80) !== 0) return this.#head < 5
    this.#body = this.#length
    this.#length = 0
    this.#head = 0
    return true
  }
}
