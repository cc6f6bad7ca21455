// SPDX-License-Identifier: Apache-2.0
import { execFile } from 'node:child_process';
import { access, constants, stat } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import * as z from 'zod';
import { inputError, refusedError } from '../errors/errors.ts';
import { excerpt } from '../http/refusal.ts';
import { parsePublicKey } from '../sigstore/public-key.ts';
import type { KeptKey, KeyOpener } from './key-reference.ts';
import { type KmsContext, signingInput } from './kms-context.ts';

/** Protocol of sigstore pkg/signature/kms/cliplugin (common/interface.go, `ProtocolVersion`). */
const PROTOCOL = 'v1';
/** Go's crypto.Hash numbers, by which the protocol names hash algorithms; 0 is none. */
const HASH_NUMBER: Readonly<Record<string, number>> = { sha256: 5, sha384: 6, sha512: 7 };
const DEADLINE_MS = 60_000;
const MAX_OUTPUT = 1024 * 1024;
const MAX_LINES = 20;
const RPC_OPTIONS = { keyVersion: '', remoteVerification: false };

const Answer = z.object({
  errorMessage: z.string().optional(),
  publicKey: z.object({ publicKeyPEM: z.base64() }).optional(),
  signMessage: z.object({ signature: z.base64() }).optional(),
});

type Invocation = { program: string; place: string; hash: number; method: Record<string, unknown>; stdin: Buffer };

/**
 * A key that a program keeps, `NAME://…` by `sigstore-kms-NAME` in an absolute folder of the PATH, which is called once for each answer as cosign calls it: arguments `v1` and one JSON text, the message on stdin, one JSON text on stdout. Exit codes mean nothing, and what it writes to stderr goes into the log.
 * Throws input KMS_PLUGIN_MISSING, refused KMS_PLUGIN_FAILED.
 */
export const openPluginKey: KeyOpener = async ({ scheme, place }, context): Promise<KeptKey> => {
  const program = `sigstore-kms-${scheme}`;
  const what = `${scheme}://${place}`;
  const asked = { methodName: 'publicKey', publicKey: { publicKeyOptions: { rpcOptions: RPC_OPTIONS } } };
  const { publicKey } = await invoke({ program, place, hash: HASH_NUMBER['sha256'] ?? 0, method: asked, stdin: Buffer.alloc(0) }, context);
  if (publicKey === undefined) throw failed(program, `it gave no public key of ${what}`);
  const key = parsePublicKey(Buffer.from(publicKey.publicKeyPEM, 'base64').toString('utf8'), `the public key of ${what}`);
  return {
    key,
    sign: async (message) => {
      const { hash, input } = signingInput(key, message);
      // cosign sends both, and a program takes what it can sign.
      const digest = hash === undefined ? {} : { digest: input.toString('base64') };
      const method = { methodName: 'signMessage', signMessage: { signOptions: { rpcOptions: RPC_OPTIONS, messageOptions: digest } } };
      const number = hash === undefined ? 0 : (HASH_NUMBER[hash] ?? 0);
      const { signMessage } = await invoke({ program, place, hash: number, method, stdin: message }, context);
      if (signMessage === undefined) throw failed(program, `it gave no signature by ${what}`);
      return Buffer.from(signMessage.signature, 'base64');
    },
  };
};

async function invoke({ program, place, hash, method, stdin }: Invocation, { env, now, log }: KmsContext): Promise<z.infer<typeof Answer>> {
  const initOptions = {
    ctxDeadline: new Date(now().getTime() + DEADLINE_MS).toISOString(),
    protocolVersion: PROTOCOL,
    keyResourceID: place,
    hashFunc: hash,
    rpcOptions: RPC_OPTIONS,
  };
  const file = await find(program, env);
  const { problem, stdout, stderr } = await run(file, [PROTOCOL, JSON.stringify({ initOptions, ...method })], stdin, env);
  for (const line of stderr.toString('utf8').trim().split('\n').filter(Boolean).slice(0, MAX_LINES)) log.info(`${program}: ${excerpt(Buffer.from(line))}`);
  if (problem && typeof problem.code !== 'number') throw failed(program, howItEnded(problem), problem);
  let answer: z.infer<typeof Answer>;
  try {
    answer = Answer.parse(JSON.parse(stdout.toString('utf8')));
  } catch (cause) {
    throw failed(program, 'its answer is not that of the protocol v1', cause);
  }
  if (answer.errorMessage) throw failed(program, excerpt(Buffer.from(answer.errorMessage)));
  return answer;
}

/** The program by its whole path. What is relative on the PATH means the folder that the step runs in, where a workspace may hold programs of anybody. */
async function find(program: string, env: KmsContext['env']): Promise<string> {
  const folders = (env['PATH'] ?? '').split(':').filter(isAbsolute);
  for (const folder of folders) {
    const file = join(folder, program);
    if (await isProgram(file)) return file;
  }
  throw inputError('KMS_PLUGIN_MISSING', `there is no program ${program} on the PATH, and no service of its own is known for that scheme`, {
    hint: `use an image with the program in it (docs/signing-keys.md); it was looked for in ${folders.join(', ') || 'no folder'}`,
  });
}

async function isProgram(file: string): Promise<boolean> {
  try {
    await access(file, constants.X_OK);
    return (await stat(file)).isFile();
  } catch {
    // A folder of the PATH that cannot be looked into is passed over, as by a shell.
    return false;
  }
}

type Problem = Error & { code?: string | number | null | undefined; killed?: boolean | undefined; signal?: string | null | undefined };
type Ended = { problem: Problem | null; stdout: Buffer; stderr: Buffer };

/** The error of node repeats the arguments and all of stderr, which the log has already. */
function howItEnded({ killed, signal, message }: Problem): string {
  if (killed) return `it did not end within ${DEADLINE_MS / 1000} s`;
  return signal ? `it was ended by ${signal}` : excerpt(Buffer.from(message));
}

function run(program: string, args: readonly string[], stdin: Buffer, env: KmsContext['env']): Promise<Ended> {
  return new Promise((resolve) => {
    const options = { env: { ...env }, timeout: DEADLINE_MS, maxBuffer: MAX_OUTPUT, encoding: 'buffer' as const, killSignal: 'SIGKILL' as const };
    const child = execFile(program, args, options, (problem, stdout, stderr) => resolve({ problem, stdout, stderr }));
    // A program that signs the digest need not read the message.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(stdin);
  });
}

function failed(program: string, why: string, cause?: unknown): ReturnType<typeof refusedError> {
  return refusedError('KMS_PLUGIN_FAILED', `${program} failed: ${why}`, { hint: 'its own messages stand above; run it as cosign does to see more', cause });
}
