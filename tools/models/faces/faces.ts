import type { Pins } from '../pins.ts'
export async function buildFaces(_p: Pins, _s: string, _m: string, _f: string, _y: (t: string) => void): Promise<void> {}
