/** Writes Protocol Buffers messages: the wire types that an ONNX file needs. */

export class Message {
  readonly #parts: Uint8Array[] = []

  integer(field: number, value: number | bigint): this {
    return this.#varint(BigInt(field) << 3n).#varint(BigInt.asUintN(64, BigInt(value)))
  }

  float(field: number, value: number): this {
    this.#varint((BigInt(field) << 3n) | 5n)
    this.#parts.push(new Uint8Array(Float32Array.of(value).buffer))
    return this
  }

  bytes(field: number, value: Uint8Array): this {
    this.#varint((BigInt(field) << 3n) | 2n).#varint(BigInt(value.length))
    this.#parts.push(value)
    return this
  }

  text(field: number, value: string): this {
    return this.bytes(field, Buffer.from(value))
  }

  message(field: number, value: Message): this {
    return this.bytes(field, value.encode())
  }

  encode(): Uint8Array<ArrayBuffer> {
    return Uint8Array.from(Buffer.concat(this.#parts))
  }

  #varint(value: bigint): this {
    const bytes: number[] = []
    let rest = value
    do {
      const low = Number(rest & 0x7fn)
      rest >>= 7n
      bytes.push(rest === 0n ? low : low | 0x80)
    } while (rest !== 0n)
    this.#parts.push(Uint8Array.from(bytes))
    return this
  }
}
