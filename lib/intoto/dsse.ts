// SPDX-License-Identifier: Apache-2.0

/** The payload type of an in-toto statement in a DSSE envelope (in-toto attestation framework, "Envelope"). */
export const IN_TOTO_PAYLOAD_TYPE = 'application/vnd.in-toto+json';

/** The bytes that a DSSE signature covers: the pre-authentication encoding of type and payload (DSSE v1 protocol, "Signature Definition"). */
export function preAuthenticationEncoding(payloadType: string, payload: Uint8Array): Buffer {
  const head = `DSSEv1 ${Buffer.byteLength(payloadType)} ${payloadType} ${payload.byteLength} `;
  return Buffer.concat([Buffer.from(head), payload]);
}

/** A DSSE envelope (DSSE v1 protocol, "Envelope") with one signature and no keyid, as JSON; equal input gives equal text, as the entry of a log and the layer of a registry must. */
export function encodeEnvelope({ payload, payloadType }: { payload: Buffer; payloadType: string }, signature: Buffer): string {
  return JSON.stringify({ payload: payload.toString('base64'), payloadType, signatures: [{ sig: signature.toString('base64') }] });
}
