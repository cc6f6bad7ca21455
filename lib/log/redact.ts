// SPDX-License-Identifier: Apache-2.0

const MIN_SECRET_LENGTH = 4;
const SHOWN_QUERY_KEYS = new Set(['artifactType', 'digest', 'n', 'last', 'scope', 'service', 'from', 'mount']);
const secrets: string[] = [];

/** Registers a secret value; from then on `scrub` hides it and its base64, URL and JSON forms. Values under four characters are too short to hide without hiding ordinary text. */
export function registerSecret(value: string): void {
  if (value.length < MIN_SECRET_LENGTH) return;
  const bytes = Buffer.from(value);
  const forms = [value, bytes.toString('base64'), bytes.toString('base64url'), encodeURIComponent(value.toWellFormed()), JSON.stringify(value).slice(1, -1)];
  // Longest first: a secret that begins with another one would otherwise lose that part only.
  const all = [...new Set([...secrets, ...forms])].sort((a, b) => b.length - a.length);
  secrets.splice(0, secrets.length, ...all);
}

/** The text with every registered secret replaced by `***`. */
export function scrub(text: string): string {
  let clean = text;
  for (const secret of secrets) clean = clean.replaceAll(secret, '***');
  return clean;
}

/** The URL without user info, and with the values of all but harmless query keys hidden; a text that is no URL is hidden whole. */
export function redactUrl(text: string): string {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    return '(unreadable URL)';
  }
  const query = [...url.searchParams].map(([key, value]) => `${key}=${SHOWN_QUERY_KEYS.has(key) ? value : '***'}`);
  return scrub(`${url.protocol}//${url.host}${url.pathname}${query.length > 0 ? `?${query.join('&')}` : ''}`);
}
