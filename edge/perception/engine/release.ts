/**
 * Gives the memory of a large array back at once; the array is empty afterwards.
 *
 * Pictures and net inputs live outside of V8's heap, where tens of megabytes of garbage would gather
 * before a collection: more than all the models take.
 */
export function release(values: Float32Array | Uint8Array): void {
  const { buffer } = values
  // A small array may be a part of a pool that others use.
  if (buffer instanceof ArrayBuffer && buffer.byteLength === values.byteLength) buffer.transfer(0)
}
