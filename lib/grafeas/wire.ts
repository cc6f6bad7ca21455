// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { inputError } from '../errors/errors.ts';
import { preAuthenticationEncoding } from '../intoto/dsse.ts';
import { sha256Digest } from '../reference/digest.ts';
import type { DeploymentContent, Occurrence, SbomReferenceContent, SignedEnvelope } from './occurrence.ts';

/** The JSON of a note or an occurrence as one API version spells it. */
export type Wire = Record<string, unknown>;

/** The two spellings of the API; everything else is the same for both. */
export type Codec = {
  api: 'v1' | 'v1beta1';
  /** The note that the occurrence hangs on. `parent` is `projects/P`. */
  note(parent: string, occurrence: Occurrence): Wire;
  occurrence(parent: string, occurrence: Occurrence): Wire;
  /** The resource URI of an occurrence on the wire. */
  resourceUri(wire: Wire): string;
  /** What tells one fact from another within kind, note and resource; undefined where the content is none that this suite writes. */
  identity(wire: Wire): string | undefined;
  /** A list filter for one resource, undefined where servers of this version ignore filters or differ in their grammar. */
  filter(resourceUri: string): string | undefined;
};

/** The JSON to send. Throws input EVIDENCE_TOO_DEEP for content that is nested too deeply to be written. */
export function encodeWire(wire: Wire, what: string): Buffer {
  try {
    return Buffer.from(JSON.stringify(wire));
  } catch (cause) {
    throw inputError('EVIDENCE_TOO_DEEP', `cannot ${what}: its content is nested too deeply to be written as JSON`, { cause });
  }
}

/** Statement and predicate type of an SBOM reference, as `gcloud artifacts sbom load` writes them; readers find the references by these. */
const REFERENCE_STATEMENT = 'https://in-toto.io/Statement/v0.1';
const REFERENCE_PREDICATE = 'https://bcid.corp.google.com/reference/v0.1';
const IN_TOTO = 'application/vnd.in-toto+json';

/** The top-level `envelope`, the same in both versions: the DSSE envelope as it was signed. */
export function envelopeWire({ payload, payloadType, signature }: SignedEnvelope): Wire {
  return { payload: payload.toString('base64'), payloadType, signatures: [{ sig: signature.toString('base64') }] };
}

/**
 * Payload and signature of a generic attestation. Grafeas defines the signatures as those over `serializedPayload`, and a DSSE signature covers the
 * pre-authentication encoding; so that is the payload, and who verifies by the letter of the API gets the right answer.
 */
export function signedPayloadWire({ payload, payloadType, signature, publicKeyId }: SignedEnvelope): Wire {
  return {
    serializedPayload: preAuthenticationEncoding(payloadType, payload).toString('base64'),
    signatures: [{ signature: signature.toString('base64'), publicKeyId }],
  };
}

export function sbomReferenceWire(content: SbomReferenceContent): Wire {
  return {
    payload: {
      _type: REFERENCE_STATEMENT,
      predicateType: REFERENCE_PREDICATE,
      subject: [{ name: content.subject.name, digest: { sha256: content.subject.sha256 } }],
      predicate: { referrerId: content.referrerId, location: content.location, mimeType: content.mimeType, digest: { sha256: content.sha256 } },
    },
    payloadType: IN_TOTO,
  };
}

export function deploymentWire({ address, config, deployTime, userEmail }: DeploymentContent): Wire {
  return { ...(userEmail !== undefined && { userEmail }), deployTime, config, address, platform: 'CUSTOM' };
}

const text = z.string().catch('');
const list = <T extends z.ZodType>(item: T) => z.array(item).catch([]);
const SignedPayload = z.object({ serializedPayload: z.string(), signatures: list(z.object({ signature: text })) });
const Envelope = z.object({ payload: z.string(), signatures: list(z.object({ sig: text })) });
const Reference = z.object({ payload: z.object({ predicate: z.object({ location: z.string(), digest: z.record(z.string(), z.string()) }) }) });
const Deployment = z.object({ address: text, config: text, platform: text });
const Analysis = z.object({ analysisCompleted: z.object({ analysisType: z.array(z.string()) }) });

export type IssueFacts = { package: string; version: string; fixedIn: string };

/** Identities of the parts that both versions spell alike; each undefined when the JSON is not of its form. */
export const IDENTITY = {
  signedPayload(json: unknown): string | undefined {
    const read = SignedPayload.safeParse(json).data;
    return (
      read &&
      signedIdentity(
        read.serializedPayload,
        read.signatures.map(({ signature }) => signature),
      )
    );
  },
  envelope(json: unknown): string | undefined {
    const read = Envelope.safeParse(json).data;
    return (
      read &&
      signedIdentity(
        read.payload,
        read.signatures.map(({ sig }) => sig),
      )
    );
  },
  sbomReference(json: unknown): string | undefined {
    const predicate = Reference.safeParse(json).data?.payload.predicate;
    return predicate && JSON.stringify([predicate.location, predicate.digest['sha256']]);
  },
  /** Without the time: to deploy the same configuration at the same address again is no second deployment. */
  deployment(json: unknown): string | undefined {
    const read = Deployment.safeParse(json).data;
    return read && JSON.stringify([read.address, read.config, read.platform]);
  },
  analysis(json: unknown): string | undefined {
    const read = Analysis.safeParse(json).data;
    return read && JSON.stringify([...read.analysisCompleted.analysisType].sort());
  },
  vulnerability(severity: string, issues: readonly IssueFacts[]): string {
    return JSON.stringify([severity || 'SEVERITY_UNSPECIFIED', issues.map((issue) => JSON.stringify([issue.package, issue.version, issue.fixedIn])).sort()]);
  },
};

/** By content and signatures, decoded, because base64 has more than one spelling. */
function signedIdentity(payload: string, signatures: readonly string[]): string {
  const decode = (base64: string): string => sha256Digest(Buffer.from(base64, 'base64'));
  return JSON.stringify([decode(payload), signatures.map(decode).sort()]);
}
