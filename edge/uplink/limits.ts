/** Every limit of the uplink in one place. */
export const uplinkLimits = {
  /** Facts sent and not acknowledged. */
  inFlight_max: 64,
  /** A larger fact goes without its body: brokers refuse large packets, and the chain must go on. */
  fact_bytes_max: 131_072,
  /** Larger packets from the broker end the connection. */
  packet_bytes_max: 262_144,
  /** From the first SYN to the broker's acceptance. */
  connect_ms_max: 15_000,
  /** For the acknowledgement of anything sent. */
  ack_ms_max: 20_000,
  keepalive_s: 30,
  reconnect_ms_min: 500,
  reconnect_ms_max: 30_000,
  /** A connection that lasted this long was a good one: the next back-off starts anew. */
  stable_ms_min: 10_000,
  /** How often, at most, the cursor is saved and figures and states are made known. */
  tick_ms: 250,
  /** For each step of stopping: sending what is under way, saying goodbye, closing. */
  stop_ms_max: 3_000,
  /** Answers sent and not acknowledged; more are not sent, the journal has them. */
  answers_max: 64,
}
export type UplinkLimits = typeof uplinkLimits

export const commandLimits = {
  payload_bytes_max: 16_384,
  /** A result that is larger is left out of the answer. */
  result_bytes_max: 65_536,
  /** Commands carried out at the same time; further ones are refused as busy. */
  running_max: 16,
  /** Commands a second over time, and at once. */
  rate_per_s: 10,
  burst_max: 20,
  /** From issue to expiry. */
  lifetime_ms_max: 600_000,
  /** How far the centre's clock may be ahead of this device's. */
  skew_ms_max: 30_000,
  /** Commands remembered so that none is carried out twice. */
  remembered_max: 4_096,
  /** Newest facts read at the start to remember earlier commands. */
  recalled_facts_max: 2_000,
  /** For writing a fact. */
  record_ms_max: 2_000,
}
export type CommandLimits = typeof commandLimits
