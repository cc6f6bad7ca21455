// SPDX-License-Identifier: Apache-2.0
import { readFile, realpath, stat } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { join, sep } from 'node:path';

/** The program that serves a folder as a daemon. */
export const FOLDER_SERVER = join(import.meta.dirname, 'folder-server', 'main.ts');

/** What the program is called with to serve `folder` at the host and port of `url`. */
export function folderServerArgs(folder: string, url: string): string[] {
  const { hostname, port } = new URL(url);
  return [folder, hostname, port];
}

/** Path segments that start with a dot are private (the log's `.state`), but for the one of RFC 8615. */
const SEGMENT = /^(?:\.well-known|[A-Za-z0-9_-][A-Za-z0-9._-]*)$/;

/** Serves the files of a folder over HTTP, to read only: no listings, nothing outside, nothing hidden. A checkpoint changes, so nothing is cached. */
export function folderServer(folder: string): Server {
  return createServer((request, response) => {
    serve(folder, request, response).catch((error: unknown) => {
      console.error(`${request.method} ${request.url}: ${error instanceof Error ? error.message : error}`);
      if (response.headersSent) response.destroy();
      else end(response, 500);
    });
  });
}

async function serve(folder: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.method !== 'GET' && request.method !== 'HEAD') return end(response, 405, { allow: 'GET, HEAD' });
  const segments = (request.url ?? '/').split('?', 1)[0]?.split('/').slice(1) ?? [];
  if (!segments.every((segment) => SEGMENT.test(segment))) return end(response, 404);
  const file = await realFile(folder, segments);
  if (file === undefined) return end(response, 404);
  const bytes = await readFile(file);
  response.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': bytes.length, 'cache-control': 'no-store' });
  response.end(request.method === 'HEAD' ? undefined : bytes);
}

/** The file behind a path, when there is one and no symbolic link leads out of the folder. */
async function realFile(folder: string, segments: readonly string[]): Promise<string | undefined> {
  try {
    const [root, file] = await Promise.all([realpath(folder), realpath(join(folder, ...segments))]);
    return file.startsWith(root + sep) && (await stat(file)).isFile() ? file : undefined;
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'ENAMETOOLONG'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}

function end(response: ServerResponse, status: number, headers: Record<string, string> = {}): void {
  response.writeHead(status, headers).end();
}
