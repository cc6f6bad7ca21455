// SPDX-License-Identifier: Apache-2.0
import { withChildren } from '../../lib/attest/attest-all.ts';
import { collectEvidence } from '../../lib/evidence/collect.ts';
import { verifiedPieces } from '../../lib/evidence/evidence.ts';
import { formatReference, parseDigestReference } from '../../lib/reference/reference.ts';
import { type ArtifactKind, KEYS, type KeyType, type Kit } from './kit.ts';
import type { CommandResult } from './run-command.ts';

const KEY_TYPES = Object.keys(KEYS) as KeyType[];
const ARTIFACTS: readonly ArtifactKind[] = ['image', 'index', 'chart'];
const HOSTS = ['api', 'tag'] as const;
const COLUMNS = ARTIFACTS.flatMap((artifact) => HOSTS.map((host) => ({ artifact, host, title: `${artifact}, ${host === 'api' ? 'API' : 'tag'}` })));

/** What cosign has to be told of a key; it takes SHA-256 unless told otherwise. */
const KEY_FLAGS: Partial<Record<KeyType, string[]>> = { 'ECDSA P-384': ['--signature-digest-algorithm', 'sha384'] };

/** Markdown of a table; the first column names the row. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

/** `cosign verify` on what cosign-sign wrote, each digest alone; a digest counts only when another key is refused. */
export async function oursByCosign(kit: Kit): Promise<string> {
  const rows: string[][] = [];
  for (const [format, logs] of [
    ['bundle', true],
    ['bundle', false],
    ['legacy', false],
  ] as const) {
    for (const type of KEY_TYPES) {
      const cells = [];
      for (const { artifact, host } of COLUMNS) cells.push(await oursCell(kit, { format, logs, type, artifact, host }));
      rows.push([format, logs ? 'Rekor v2' : 'none', type, ...cells]);
    }
  }
  return table(['format', 'log', 'key', ...COLUMNS.map(({ title }) => title)], rows);
}

type Cell = { format: string; logs: boolean; type: KeyType; artifact: ArtifactKind; host: 'api' | 'tag' };

async function oursCell(kit: Kit, { format, logs, type, artifact, host }: Cell): Promise<string> {
  const name = `ours/${artifact}-${format}-${logs}-${type.toLowerCase().replace(/\W+/g, '-')}`;
  const image = await kit.push[artifact](kit.hosts[host], name);
  const signed = await kit.sign(image, kit.keys[type], { format, log: logs ? 'now' : 'never', ...(artifact === 'index' && { recursive: 'true' }) });
  if (signed.code !== 0) return /code=([A-Z_]+)/.exec(signed.stderr)?.[1] ?? `ended with ${signed.code}`;
  const flags = ['--trusted-root', kit.trustedRoot, ...(logs ? [] : ['--insecure-ignore-tlog']), ...(format === 'legacy' ? ['--new-bundle-format=false'] : [])];
  const stranger = kit.keys[type === 'RSA 2048' ? 'ECDSA P-256' : 'RSA 2048'];
  const answers = new Set<string>();
  const verify = (ref: string, publicKey: string, more: readonly string[] = []) => kit.cosign(['verify', '--key', publicKey, ...flags, ...more, ref]);
  if ((await verify(image, stranger.publicKey)).code === 0) return 'another key passes';
  for (const reference of await withChildren(kit.client, parseDigestReference(image))) {
    const ref = formatReference(reference);
    if ((await verify(ref, kit.keys[type].publicKey)).code === 0) answers.add('yes');
    else answers.add((await verify(ref, kit.keys[type].publicKey, KEY_FLAGS[type])).code === 0 ? 'sha384' : 'no');
  }
  return [...answers].join(' and ');
}

/** Our verifier on what cosign wrote: a signature, and an attestation of a CycloneDX document. */
export async function cosignsByUs(kit: Kit): Promise<string> {
  const rows: string[][] = [];
  for (const format of ['bundle', 'legacy'] as const) {
    for (const type of KEY_TYPES) {
      const cells = [];
      for (const host of HOSTS) cells.push(...(await cosignsCells(kit, format, type, host)));
      rows.push([format, type, ...cells]);
    }
  }
  return table(['format', 'key', 'signature, API', 'attestation, API', 'signature, tag', 'attestation, tag'], rows);
}

async function cosignsCells(kit: Kit, format: 'bundle' | 'legacy', type: KeyType, host: 'api' | 'tag'): Promise<[string, string]> {
  const image = await kit.push.image(kit.hosts[host], `theirs/${format}-${type.toLowerCase().replace(/\W+/g, '-')}`);
  const { imported, key } = kit.keys[type];
  const how = format === 'bundle' ? ['--signing-config', kit.noServices] : ['--new-bundle-format=false', '--use-signing-config=false', '--tlog-upload=false'];
  const flags = ['--yes', '--key', imported, '--trusted-root', kit.trustedRoot, ...how];
  const [signed, attested] = [
    await kit.cosign(['sign', ...flags, image]),
    await kit.cosign(['attest', '--type', 'cyclonedx', '--predicate', 'bom.json', ...flags, image]),
  ];
  const evidence = await collectEvidence(kit.client, parseDigestReference(image), { keys: [{ name: 'it', key }], trust: kit.log.trust });
  const written = [signed, attested].filter(({ code }) => code === 0).length;
  if (evidence.pieces.length !== written) throw new Error(`cosign wrote ${written} pieces of evidence for ${image}, and ${evidence.pieces.length} were found`);
  const answer = (kind: 'signature' | 'attestation', { code }: CommandResult): string =>
    code !== 0 ? 'cosign fails' : verifiedPieces(evidence, kind).length === 1 ? 'yes' : 'no';
  return [answer('signature', signed), answer('attestation', attested)];
}
