/** What the gate needs of face recognition, whoever does it. */
import type { Frame } from '../device/capabilities.ts'
import type { EvidenceSignal } from './contract.ts'
import type { FaceResult } from './input.ts'

export interface FaceRequest {
  /** The photograph on record, JPEG. */
  photo: Uint8Array
  /** Subscribes to live pictures; returns what ends that. */
  frames(listener: (frame: Frame) => void): () => void
  /** Asks the traveller for something that only a living face can do. */
  onPrompt(instruction: FacePrompt): void
  limit_ms: number
}

export type FacePrompt = 'look-at-camera' | 'turn-left' | 'turn-right' | 'blink' | 'come-closer'

export interface FaceAnswer {
  result: FaceResult
  /** Likeness of the live face to the photograph, and from where on they count as the same. */
  score?: number
  threshold: number
  /** SHA-256 of each model that took part, by its name. */
  models: { readonly [name: string]: string }
  /** What told a living face from a picture of one. */
  signals: readonly EvidenceSignal[]
  /** From the last picture that was used to the answer. */
  compute_ms: number
}

export interface FaceMatching {
  readonly usable: boolean
  onUsable(listener: (usable: boolean) => void): () => void
  verify(request: FaceRequest, signal: AbortSignal): Promise<FaceAnswer>
}
