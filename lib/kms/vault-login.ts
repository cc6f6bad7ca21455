// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path';
import * as z from 'zod';
import { inputError, refusedError, type StepError } from '../errors/errors.ts';
import { readBounded, readBoundedIfPresent } from '../files/bounded-read.ts';
import { refusal } from '../http/refusal.ts';
import { registerSecret } from '../log/redact.ts';
import { firstSetting, type KmsContext, type ServiceToken, settingFile, settingMissing, staticToken, TOKEN } from './kms-context.ts';
import { serviceUrl } from './service-url.ts';

const SERVICE_ACCOUNT_TOKEN = '/var/run/secrets/kubernetes.io/serviceaccount/token';
const MAX_TOKEN_FILE = 64 * 1024;
const Login = z.object({ auth: z.object({ client_token: z.string().regex(TOKEN) }) });

/**
 * Where Vault or OpenBao is and the token for it: VAULT_TOKEN (BAO_TOKEN); else, with VAULT_ROLE, a login by the Kubernetes auth method (VAULT_AUTH_PATH, default kubernetes) with the token in VAULT_JWT_FILE, default that of the service account; else ~/.vault-token.
 * A token from elsewhere does not go to an address in the workspace, but for the login: that the pod's service account logs in there is what VAULT_ROLE beside VAULT_ADDR says.
 * Throws input KMS_SETTING_MISSING or KMS_SETTING_INVALID, refused KMS_REFUSED or KMS_ANSWER_INVALID.
 */
export async function logIn(context: KmsContext): Promise<{ base: string; token: ServiceToken }> {
  const { setting, log, env } = context;
  const address = await firstSetting(context, ['VAULT_ADDR', 'BAO_ADDR']);
  const base = serviceUrl(address?.text, 'VAULT_ADDR', log);
  if (base === undefined) {
    throw settingMissing(
      'there is no VAULT_ADDR (or BAO_ADDR), so nobody knows where Vault is',
      'put it as a file into the workspace signing-key, or into the environment',
    );
  }
  const given = await firstSetting(context, ['VAULT_TOKEN', 'BAO_TOKEN']);
  if (given !== undefined) {
    if (address?.isOfFolder && !given.isOfFolder) throw notForWorkspace('VAULT_TOKEN of the environment');
    return { base, token: staticToken(given.text, 'VAULT_TOKEN') };
  }
  const role = await setting('VAULT_ROLE');
  if (role !== undefined) return { base, token: await logInByKubernetes(context, base, role) };
  const file = env['HOME'] ? await readBoundedIfPresent(join(env['HOME'], '.vault-token'), MAX_TOKEN_FILE, 'file .vault-token') : undefined;
  if (file !== undefined) {
    if (address?.isOfFolder) throw notForWorkspace('the token in ~/.vault-token');
    return { base, token: staticToken(file.toString('utf8').trim(), 'file .vault-token') };
  }
  throw settingMissing(
    'there is neither VAULT_TOKEN (or BAO_TOKEN) nor VAULT_ROLE, so there is no way to log in to Vault',
    'put one of them as a file into the workspace signing-key, or into the environment',
  );
}

/** The headers of every request: a namespace, where one is set. */
export async function vaultHeaders({ setting }: KmsContext): Promise<Record<string, string>> {
  const namespace = await setting('VAULT_NAMESPACE');
  return { 'x-vault-request': 'true', ...(namespace !== undefined && { 'x-vault-namespace': vaultPlace(namespace, 'VAULT_NAMESPACE') }) };
}

/** The path of a mount or namespace, which goes into a URL or header. Throws input KMS_SETTING_INVALID. */
export function vaultPlace(path: string, name: string): string {
  const clean = path.replace(/^\/+|\/+$/g, '');
  if (/^[\w.-]+(?:\/[\w.-]+)*$/.test(clean) && !clean.split('/').includes('..')) return clean;
  throw inputError('KMS_SETTING_INVALID', `${name} is no path of a mount`);
}

function notForWorkspace(token: string): StepError {
  return inputError('KMS_SETTING_INVALID', `VAULT_ADDR stands in the workspace, and ${token} does not go to an address that a workspace names`, {
    hint: 'put VAULT_TOKEN or VAULT_ROLE into the workspace as well, or VAULT_ADDR into the environment as well',
  });
}

async function logInByKubernetes(context: KmsContext, base: string, role: string): Promise<ServiceToken> {
  const file = (await settingFile(context, 'VAULT_JWT_FILE'))?.text ?? SERVICE_ACCOUNT_TOKEN;
  const mount = vaultPlace((await context.setting('VAULT_AUTH_PATH')) ?? 'kubernetes', 'VAULT_AUTH_PATH');
  const renew = async (): Promise<ServiceToken> => {
    // Read each time: the kubelet puts a new one there before the old one ends.
    const jwt = (await readBounded(file, MAX_TOKEN_FILE, 'token for the login to Vault')).toString('utf8').trim();
    registerSecret(jwt);
    const what = `log in to Vault as role ${role}`;
    const response = await context.http({
      what,
      method: 'POST',
      url: `${base}/v1/auth/${mount}/login`,
      headers: { ...(await vaultHeaders(context)), 'content-type': 'application/json' },
      body: Buffer.from(JSON.stringify({ role, jwt })),
      retryable: true,
      maxBytes: 1024 * 1024,
    });
    if (response.status !== 200) {
      throw await refusal(response, what, {
        code: 'KMS_REFUSED',
        credential: `token in ${file}`,
        hint: 'check VAULT_ROLE and VAULT_AUTH_PATH, and which service accounts and audience the role is bound to',
      });
    }
    const parsed = Login.safeParse(await response.json());
    if (!parsed.success) throw refusedError('KMS_ANSWER_INVALID', `cannot ${what}: the answer holds no token`);
    registerSecret(parsed.data.auth.client_token);
    return { token: parsed.data.auth.client_token, name: `login as role ${role}`, renew };
  };
  return renew();
}
