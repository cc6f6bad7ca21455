// SPDX-License-Identifier: Apache-2.0
import { refusedError, StepError } from '../errors/errors.ts';
import { oneLine } from '../log/log.ts';

/** What the API server said no with, by HTTP status and the reason of its Status object. */
export type KubeErrorCode =
  | 'KUBE_UNAUTHORIZED'
  | 'KUBE_FORBIDDEN'
  | 'KUBE_NOT_FOUND'
  | 'KUBE_CONFLICT'
  | 'KUBE_ALREADY_EXISTS'
  | 'KUBE_GONE'
  | 'KUBE_INVALID'
  | 'KUBE_REFUSED';

const HINTS: Partial<Record<KubeErrorCode, string>> = {
  KUBE_UNAUTHORIZED: 'the credential is missing, wrong or expired; log in again, or check the service account token',
  KUBE_FORBIDDEN: 'a Role or ClusterRole must allow this to the user that the message names, or an admission policy of the cluster refuses it',
  KUBE_NOT_FOUND: 'check name and namespace, and that the CRD is installed',
};

/** The error for an answer outside of 2xx. The server's own sentence is kept: it names the user, the verb and the admission policy. */
export function apiError(what: string, status: number, body: unknown): StepError {
  const { reason = '', message = '' } = isStatus(body) ? body : {};
  const code = codeOf(status, reason);
  const told = message === '' ? '' : `: ${oneLine(message).slice(0, 1000)}`;
  const hint = HINTS[code];
  return refusedError(code, `cannot ${what}: the API server answered ${status}${reason === '' ? '' : ` ${reason}`}${told}`, hint ? { hint } : {});
}

/** Whether an error is this answer of the API server. */
export function isKubeError(error: unknown, ...codes: KubeErrorCode[]): boolean {
  return error instanceof StepError && (codes as string[]).includes(error.code);
}

function codeOf(status: number, reason: string): KubeErrorCode {
  if (status === 409) return reason === 'AlreadyExists' ? 'KUBE_ALREADY_EXISTS' : 'KUBE_CONFLICT';
  if (status === 401) return 'KUBE_UNAUTHORIZED';
  if (status === 403) return 'KUBE_FORBIDDEN';
  if (status === 404) return 'KUBE_NOT_FOUND';
  if (status === 410) return 'KUBE_GONE';
  return status === 400 || status === 422 ? 'KUBE_INVALID' : 'KUBE_REFUSED';
}

function isStatus(body: unknown): body is { reason?: string; message?: string } {
  return typeof body === 'object' && body !== null && 'kind' in body && body.kind === 'Status';
}
