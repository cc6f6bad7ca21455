// SPDX-License-Identifier: Apache-2.0

/** One reason for which admission refused an object. */
export type Denial = {
  /** Name of the webhook, or of the ValidatingAdmissionPolicy. */
  by: string;
  /** Gatekeeper's constraint, or the policy binding; '' where the answer names none. */
  constraint: string;
  message: string;
};

const WEBHOOK = /admission webhook "([^"\s]{1,253})" denied the request(?:: ?| without explanation)/;
const POLICY = /ValidatingAdmissionPolicy '([^'\s]{1,253})' with binding '([^'\s]{1,253})' denied request: ?/;
/** How Gatekeeper begins each violation: `[constraint name] message`. */
const CONSTRAINT = /^\[([a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?)\] /;
const MAX_TEXT = 32_768;
const MAX_DENIALS = 50;
const MAX_MESSAGE = 500;

/**
 * The reasons in a message of a failed apply, empty when admission did not refuse it. Reads what the API server writes for webhooks (Gatekeeper's lists its
 * constraints, one a line) and for ValidatingAdmissionPolicies. A webhook that could not be called is no denial: nobody said no.
 */
export function parseDenials(message: string): Denial[] {
  const text = message.slice(0, MAX_TEXT);
  const webhook = WEBHOOK.exec(text);
  if (webhook) return webhookDenials(webhook[1] ?? '', text.slice(webhook.index + webhook[0].length));
  const policy = POLICY.exec(text);
  if (!policy) return [];
  return [{ by: policy[1] ?? '', constraint: policy[2] ?? '', message: shorten(text.slice(policy.index + policy[0].length)) }];
}

function webhookDenials(by: string, said: string): Denial[] {
  const denials: Denial[] = [];
  for (const line of said.split('\n')) {
    const named = CONSTRAINT.exec(line);
    const last = denials.at(-1);
    if (named) denials.push({ by, constraint: named[1] ?? '', message: line.slice(named[0].length) });
    else if (last) last.message += ` ${line}`;
    else if (line.trim() !== '') denials.push({ by, constraint: '', message: line });
  }
  if (denials.length === 0) return [{ by, constraint: '', message: 'no reason given' }];
  return denials.slice(0, MAX_DENIALS).map((denial) => ({ ...denial, message: shorten(denial.message) }));
}

function shorten(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length <= MAX_MESSAGE ? line : `${line.slice(0, MAX_MESSAGE)}…`;
}
