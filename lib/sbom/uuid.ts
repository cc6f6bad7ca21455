// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';

/** Our namespace for serial numbers of SBOMs: a random UUID, fixed once and for all. */
const SBOM_NAMESPACE = '5f3b7c1e-9a44-4d0b-8f62-1c7d2ee0a9b4';

/** `urn:uuid:…`, a UUID of version 5 (RFC 9562 section 5.5) over the content: equal content has an equal serial number. */
export function contentSerial(content: string): string {
  const namespace = Buffer.from(SBOM_NAMESPACE.replaceAll('-', ''), 'hex');
  const bytes = createHash('sha1').update(namespace).update(content).digest().subarray(0, 16);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x50, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  const hex = bytes.toString('hex');
  return `urn:uuid:${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
