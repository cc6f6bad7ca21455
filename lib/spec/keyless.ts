// SPDX-License-Identifier: Apache-2.0
import { defaulted, optional, type WorkspaceSpec } from './param.ts';
import { WorkspacePath } from './param-types.ts';
import type { FailureSpec } from './spec.ts';

/** Params of every step that can sign without a key. */
export const KEYLESS_PARAMS = {
  'signing-config': optional(WorkspacePath, {
    description: 'Sigstore signing config (v0.2) in the workspace trust, which names Fulcio, logs and TSAs.',
    example: 'signing_config.json',
  }),
  'identity-token': defaulted(WorkspacePath, 'oidc-token', {
    description: 'File in the workspace identity-token with the token for keyless signing.',
    example: 'oidc-token',
  }),
};

export const KEYLESS_WORKSPACES = {
  'identity-token': { description: 'Projected volume with a service account token for Fulcio, in place of signing-key.', optional: true, readOnly: true },
} satisfies Record<string, WorkspaceSpec>;

/** How such a step can fail that one with a key and one log cannot. */
export const KEYLESS_FAILURES = {
  SIGNER_UNCLEAR: {
    kind: 'input',
    hint: 'bind the workspace signing-key (a Secret with the key) or identity-token (a projected volume with the token), and not both',
  },
  SIGNING_CONFIG_CONFLICT: { kind: 'input', hint: 'leave the param rekor-url empty, or let it name a log of the signing config' },
  SIGNING_CONFIG_INVALID: { kind: 'input', hint: 'give a signing config v0.2 (JSON), e.g. from "cosign signing-config create"' },
  SIGNING_SERVICE_MISSING: {
    kind: 'input',
    hint: 'name the service in the signing config (param signing-config), with a validFor that includes today; keyless signing needs Fulcio and a timestamp authority',
  },
  LOG_LATER_IMPOSSIBLE: { kind: 'input', hint: 'give log=now, or a signing config with a Rekor v2 log' },
  IDENTITY_TOKEN_MISSING: { kind: 'input', hint: 'let the param identity-token name the path of the serviceAccountToken in the projected volume' },
  IDENTITY_TOKEN_INVALID: {
    kind: 'input',
    hint: 'project a serviceAccountToken with the audience of Fulcio (sigstore); kubelet refreshes it, so an expired one was copied from somewhere',
  },
  FULCIO_REFUSED: { kind: 'refused', hint: 'Fulcio must know the issuer of the token and expect its audience' },
  CERTIFICATE_INVALID: {
    kind: 'denied',
    hint: 'Fulcio is not the one in the trusted root, or did not log the certificate; find out which of the two is wrong before you sign again',
  },
  TSA_REFUSED: { kind: 'refused', hint: 'check that the signing config names the full URL of an RFC 3161 timestamp authority' },
  TIMESTAMP_INVALID: {
    kind: 'denied',
    hint: 'the timestamp authority is not the one in the trusted root, or answers wrongly; find out which before you sign again',
  },
} satisfies Record<string, FailureSpec>;
