// SPDX-License-Identifier: Apache-2.0
import { createHash, type KeyObject } from 'node:crypto';
import { isAbsolute, relative, sep } from 'node:path';
import { inputError, StepError } from '../errors/errors.ts';
import { readBounded } from '../files/bounded-read.ts';
import { realInside } from '../files/inside.ts';
import type { Http } from '../http/http.ts';
import type { KubeClient } from '../kube/client.ts';
import type { Logger } from '../log/log.ts';
import { registerSecret } from '../log/redact.ts';
import { hashAlgorithm } from '../sigstore/public-key.ts';

const MAX_SETTING = 64 * 1024;

/** What it takes to reach keys that are kept elsewhere. */
export type KmsContext = {
  http: Http;
  log: Logger;
  /** A setting by the name of the environment variable that others read it from, such as VAULT_ADDR. */
  setting: (name: string) => Promise<string | undefined>;
  /** The folder with settings: a workspace, whose author may be another than who runs the pod. Undefined where the environment has them all. */
  folder: string | undefined;
  /** Calls the API server that `k8s://` means. */
  kube: <T>(work: (client: KubeClient) => Promise<T>) => Promise<T>;
  /** Environment of the programs that are run. */
  env: Readonly<Record<string, string | undefined>>;
  now: () => Date;
};

/** Settings out of a folder (a mounted Secret or ConfigMap with one file for each), else out of the environment; empty ones count as unset. */
export function settingsFrom(folder: string | undefined, env: KmsContext['env']): Pick<KmsContext, 'setting' | 'folder'> {
  return { folder, setting: async (name) => (await inFolder(folder, name)) ?? (env[name]?.trim() || undefined) };
}

/** The first of the settings that is there, and whether it is one of the folder. Who writes that must not get at what the pod has besides, such as a token of the environment. */
export async function firstSetting({ setting, folder }: KmsContext, names: readonly string[]): Promise<{ text: string; isOfFolder: boolean } | undefined> {
  for (const name of names) {
    const text = await setting(name);
    if (text !== undefined) return { text, isOfFolder: (await inFolder(folder, name)) !== undefined };
  }
  return undefined;
}

/** The same of a setting that names a file. One that the folder names is meant from there and stays in it. Throws input KMS_SETTING_INVALID and FILE_MISSING. */
export async function settingFile(context: KmsContext, name: string): Promise<{ text: string; isOfFolder: boolean } | undefined> {
  const { folder } = context;
  const found = await firstSetting(context, [name]);
  if (folder === undefined || !found?.isOfFolder) return found;
  const { text: path } = found;
  const inside = isAbsolute(path) ? relative(folder, path) : path;
  if (inside !== '' && !inside.split(sep).includes('..')) return { ...found, text: await realInside(folder, inside) };
  throw inputError('KMS_SETTING_INVALID', `${name} in the workspace names ${path.slice(0, 200)}, which lies elsewhere`, {
    hint: 'put the file into the workspace: a projected volume holds a serviceAccountToken beside the settings',
  });
}

async function inFolder(folder: string | undefined, name: string): Promise<string | undefined> {
  if (folder === undefined) return undefined;
  try {
    // A volume may hold links to files of the pod.
    return (await readBounded(await realInside(folder, name), MAX_SETTING, `file ${name}`)).toString('utf8').trim() || undefined;
  } catch (error) {
    if (error instanceof StepError && error.code === 'FILE_MISSING') return undefined;
    throw error;
  }
}

/** What a service gets of a message: its digest and the name of the hash algorithm (`sha256`), or the message itself for Ed25519, which hashes by itself. */
export function signingInput(key: KeyObject, message: Buffer): { hash: string; input: Buffer } | { hash: undefined; input: Buffer } {
  const hash = hashAlgorithm(key, 'the key');
  return hash === null ? { hash: undefined, input: message } : { hash, input: createHash(hash).update(message).digest() };
}

/** A token that a service takes, its name for messages, and how to get another one where that is possible. */
export type ServiceToken = { token: string; name: string; renew?: () => Promise<ServiceToken> };

/** What a header can carry. */
export const TOKEN = /^[\x21-\x7e]+$/;

/** A token that was given and is not renewed. Throws input KMS_SETTING_INVALID, naming `name`, for anything but one line. */
export function staticToken(token: string, name: string): ServiceToken {
  if (!TOKEN.test(token)) throw inputError('KMS_SETTING_INVALID', `${name} is not one line with a token`);
  registerSecret(token);
  return { token, name };
}

/** Does `work` with a token, and once more with a new one when the service no longer takes it (it ran out in the middle) and there is a way to another. */
export function withToken(first: ServiceToken, isRefused: (status: number) => boolean) {
  let current = first;
  return async <R extends { status: number }>(work: (token: ServiceToken) => Promise<R>): Promise<R> => {
    const answer = await work(current);
    if (!isRefused(answer.status) || current.renew === undefined) return answer;
    current = await current.renew();
    return work(current);
  };
}

export function settingMissing(what: string, hint: string): StepError {
  return inputError('KMS_SETTING_MISSING', what, { hint });
}
