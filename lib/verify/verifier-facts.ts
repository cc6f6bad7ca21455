// SPDX-License-Identifier: Apache-2.0
import { asStepError } from '../errors/errors.ts';
import type { FactSource } from '../gatekeeper/gatekeeper.ts';
import type { Fact } from '../gatekeeper/protocol.ts';
import type { Verdict } from '../policy/verdict.ts';
import { formatReference, parseReference } from '../reference/reference.ts';
import { type JudgeRequest, judgeArtifact } from './judge-artifact.ts';
import { verdictValue } from './verdict-value.ts';

const MAX_ERROR = 600;
const AT_ONCE = 8;

/**
 * Answers every provider with our own verdict about the image that a key names (`IMAGE`, or `NAMESPACE|IMAGE` as the admission policies ask), in the words in which the service admission-provider answers Gatekeeper.
 * `request` is what the verdict `known` came of; another image is judged by the same policy without its scan file. A tag stands for the digest that it names now.
 * What would be no different the next time is the error of a key; anything else is thrown.
 */
export function verifierFacts(request: JudgeRequest, known: Verdict): FactSource {
  const verdicts = new Map<string, Promise<Verdict>>([[known.subject.reference, Promise.resolve(known)]]);
  const verdictOf = async (key: string): Promise<Verdict> => {
    const named = parseReference(key.slice(key.indexOf('|') + 1));
    const digest = named.digest ?? (await request.registry.resolve(named)).digest;
    const image = { registry: named.registry, repository: named.repository, digest };
    const name = formatReference(image);
    const verdict = verdicts.get(name) ?? judgeArtifact({ ...request, image, scan: undefined }).then((judged) => judged.verdict);
    verdicts.set(name, verdict);
    return verdict;
  };
  return async (provider, keys) => {
    const facts: Fact[] = [];
    for (let at = 0; at < keys.length; at += AT_ONCE) {
      facts.push(...(await Promise.all(keys.slice(at, at + AT_ONCE).map(async (key) => ({ provider, key, items: [await itemOf(() => verdictOf(key))] })))));
    }
    return facts;
  };
}

async function itemOf(verdict: () => Promise<Verdict>): Promise<Fact['items'][number]> {
  try {
    return { value: verdictValue(await verdict()) };
  } catch (thrown) {
    const error = asStepError(thrown);
    if (error.kind === 'transient' || error.kind === 'bug') throw error;
    return { error: `${error.code}: ${error.message}${error.hint === undefined ? '' : `; remedy: ${error.hint}`}`.slice(0, MAX_ERROR) };
  }
}
