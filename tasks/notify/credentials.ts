// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path';
import { inputError } from '../../lib/errors/errors.ts';
import { readBoundedIfPresent } from '../../lib/files/bounded-read.ts';
import { isLoopbackHost } from '../../lib/http/agents.ts';
import { registerSecret } from '../../lib/log/redact.ts';

const FILES = ['slack-token', 'slack-webhook-url', 'forge-token', 'webhook-url', 'webhook-secret'] as const;
export type CredentialFile = (typeof FILES)[number];
export type Credentials = Readonly<Partial<Record<CredentialFile, string>>>;

const MAX_FILE = 64 * 1024;
const MIN_ENV_SECRET = 8;
const SECRET_NAME = /TOKEN|SECRET|PASSW|CREDENTIAL|API_?KEY|PRIVATE_?KEY/i;

/** The files of the workspace notify-credentials, trimmed and registered for scrubbing. Throws what reading files throws. */
export async function readCredentials(folder: string | undefined): Promise<Credentials> {
  if (folder === undefined) return {};
  const read = async (file: CredentialFile): Promise<[CredentialFile, string] | undefined> => {
    const text = (await readBoundedIfPresent(join(folder, file), MAX_FILE, 'credential file'))?.toString('utf8').trim();
    if (text === undefined) return undefined;
    register(file, text);
    return [file, text];
  };
  return Object.fromEntries((await Promise.all(FILES.map(read))).filter((entry) => entry !== undefined));
}

/** A URL that is a secret is one in all its parts: messages about it show the path. */
function register(file: CredentialFile, text: string): void {
  registerSecret(text);
  const url = file.endsWith('-url') ? URL.parse(text) : null;
  if (url === null) return;
  const parts = [
    url.href,
    url.pathname + url.search,
    url.pathname,
    ...url.pathname.split('/').filter((part) => part.length >= MIN_ENV_SECRET),
    ...url.searchParams.values(),
  ];
  for (const part of parts.filter((each) => each !== '/')) registerSecret(part);
}

/** Registers the values of variables that are named as secrets are, because foreign text may quote them. */
export function registerEnvironment(env: Readonly<Record<string, string | undefined>>): void {
  for (const [name, value = ''] of Object.entries(env)) if (SECRET_NAME.test(name) && value.length >= MIN_ENV_SECRET) registerSecret(value);
}

/** The content of a file that a channel cannot do without. Throws input CHANNEL_INCOMPLETE or CREDENTIAL_INVALID. */
export function credential(credentials: Credentials, file: CredentialFile, channel: string): string {
  const text = credentials[file];
  if (text === undefined)
    throw inputError('CHANNEL_INCOMPLETE', `channel ${channel} needs the file ${file} of the workspace notify-credentials, and it is not there`);
  if (/^[\x21-\x7e]+$/.test(text)) return text;
  throw inputError('CREDENTIAL_INVALID', `the file ${file} of the workspace notify-credentials is ${text === '' ? 'empty' : 'not one word of ASCII'}`);
}

/** As `credential`, for a file that holds a URL. Throws also input CHANNEL_URL_INSECURE. */
export function credentialUrl(credentials: Credentials, file: CredentialFile, channel: string, insecure: readonly string[]): string {
  const text = credential(credentials, file, channel);
  const url = URL.parse(text);
  if (url === null || !['http:', 'https:'].includes(url.protocol) || url.username !== '')
    throw inputError('CREDENTIAL_INVALID', `the file ${file} of the workspace notify-credentials holds no http or https URL`);
  checkTransport(text, channel, insecure);
  return text;
}

/** Throws input CHANNEL_URL_INSECURE for plain HTTP to a host that is neither this machine nor named as insecure. */
export function checkTransport(address: string, channel: string, insecure: readonly string[]): void {
  const { protocol, host, hostname } = new URL(address);
  if (protocol === 'https:' || isLoopbackHost(hostname) || insecure.includes(host)) return;
  throw inputError('CHANNEL_URL_INSECURE', `channel ${channel} would reach ${host} by plain HTTP, and what it carries is a secret`);
}
