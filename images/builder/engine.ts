// SPDX-License-Identifier: Apache-2.0
import { request } from 'node:http';
import * as z from 'zod';
import { inputError, refusedError, type StepError, transientError } from '../../lib/errors/errors.ts';
import { ARCHITECTURES, type Architecture } from './base.ts';

const SILENCE_MS = 120_000;
const MAX_ANSWER_BYTES = 4 * 1024 * 1024;
const DEFAULT_SOCKET = '/var/run/docker.sock';

const Version = z.object({ Arch: z.enum(ARCHITECTURES) });
/** The answer of `POST /images/load` is one JSON object a line. */
const Progress = z.object({ error: z.string().optional(), stream: z.string().optional() });

/** The socket of the engine: what is given, else `DOCKER_HOST`, else Docker's default. Throws input ENGINE_UNSUPPORTED for anything but a Unix socket. */
export function engineSocket(given: string | undefined, env: Readonly<Record<string, string | undefined>>): string {
  const place = given || env['DOCKER_HOST'] || DEFAULT_SOCKET;
  if (place.startsWith('/')) return place;
  if (place.startsWith('unix:///')) return place.slice('unix://'.length);
  throw inputError('ENGINE_UNSUPPORTED', `"${place}" is not the Unix socket of a container engine`, {
    hint: 'write it as /path/to/docker.sock; for a remote engine write an archive and load that',
  });
}

/** The architecture of the engine at the socket (Docker Engine API, `GET /version`). Throws input ENGINE_UNREACHABLE, refused ENGINE_REFUSED. */
export async function engineArchitecture(socket: string): Promise<Architecture> {
  const parsed = Version.safeParse(JSON.parse(await send(socket, { method: 'GET', path: '/version' })));
  if (!parsed.success) throw inputError('ENGINE_UNSUPPORTED', `the engine at ${socket} runs on neither amd64 nor arm64`);
  return parsed.data.Arch;
}

/** Loads an archive (Docker Engine API, `POST /images/load`); gives what the engine says it loaded. An error in the stream of a 200 answer is refused ENGINE_REFUSED, too. */
export async function loadArchive(socket: string, archive: Buffer): Promise<string[]> {
  const answer = await send(socket, { method: 'POST', path: '/images/load?quiet=1', body: archive });
  const lines = answer.split('\n').filter((line) => line.trim() !== '');
  const events = lines.map((line) => Progress.parse(JSON.parse(line)));
  const failed = events.find(({ error }) => error !== undefined);
  if (failed !== undefined) throw refused(socket, `does not load the images: ${failed.error}`);
  return events.flatMap(({ stream }) => (stream === undefined ? [] : [stream.trim()]));
}

type Request = { method: string; path: string; body?: Buffer };

function send(socket: string, { method, path, body }: Request): Promise<string> {
  return new Promise((resolve, reject) => {
    const headers = body === undefined ? {} : { 'content-type': 'application/x-tar', 'content-length': String(body.length) };
    const outgoing = request({ socketPath: socket, method, path, headers, timeout: SILENCE_MS }, (response) => {
      const chunks: Buffer[] = [];
      let size = 0;
      response.on('error', reject);
      response.on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size > MAX_ANSWER_BYTES) response.destroy(refused(socket, `answers with more than ${MAX_ANSWER_BYTES} bytes`));
        chunks.push(chunk);
      });
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8');
        if (response.statusCode === 200) resolve(text);
        else reject(refused(socket, `answers ${method} ${path} with ${response.statusCode}: ${text.trim().slice(0, 400)}`));
      });
    });
    outgoing.on('timeout', () => outgoing.destroy(transientError('ENGINE_SILENT', `the engine at ${socket} was silent for ${SILENCE_MS / 1000} s`)));
    outgoing.on('error', (cause: NodeJS.ErrnoException) => {
      reject(
        'kind' in cause
          ? cause
          : inputError('ENGINE_UNREACHABLE', `there is no engine at ${socket} (${cause.code})`, { hint: 'start it, or name its socket', cause }),
      );
    });
    outgoing.end(body);
  });
}

function refused(socket: string, what: string): StepError {
  return refusedError('ENGINE_REFUSED', `the engine at ${socket} ${what}`);
}
