// SPDX-License-Identifier: Apache-2.0

/** Where the Sigstore servers listen. What pods call is on the node's address, the rest on loopback. */
export type Endpoints = {
  fulcio: string;
  tsa: string;
  rekorV1: string;
  rekorV2: string;
  /** Checkpoint and tiles of Rekor v2, which its POSIX server does not serve itself. */
  rekorV2Tiles: string;
  ctLog: string;
  /** The issuer for tests without a cluster. */
  issuer: string;
};

/** host:port of servers that only other servers of the stack call. */
export const LOCAL = { rekorV2Grpc: '127.0.0.1:3001', trillian: '127.0.0.1:8090', trillianMetrics: '127.0.0.1:2112' } as const;

export function sigstoreEndpoints(node: string): Endpoints {
  return {
    fulcio: `http://${node}:5555`,
    tsa: `http://${node}:3004/api/v1/timestamp`,
    rekorV1: `http://${node}:3000`,
    rekorV2: `http://${node}:3003`,
    rekorV2Tiles: `http://${node}:3005`,
    ctLog: 'http://127.0.0.1:6962',
    issuer: 'http://127.0.0.1:8900',
  };
}

/** Audience of the tokens that Fulcio takes. */
export const AUDIENCE = 'sigstore';

/** Whether a GET of the URL is answered with status 200 within two seconds. Throws what fetch throws while nothing listens. */
export async function answers(url: string): Promise<boolean> {
  const response = await fetch(url, { signal: AbortSignal.timeout(2_000) });
  await response.body?.cancel();
  return response.status === 200;
}

/** The same for a server that may not be there: any failure is a no. */
export function answersNow(url: string): Promise<boolean> {
  return answers(url).catch(() => false);
}
