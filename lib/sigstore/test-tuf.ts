// SPDX-License-Identifier: Apache-2.0
import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

type Role = 'root' | 'targets' | 'snapshot' | 'timestamp';
type Key = { id: string; privateKey: KeyObject; json: object };
export type Metadata = { version: number; expires: string; [field: string]: unknown };

export type TestTuf = {
  /** What the repository serves, by path. */
  files: Map<string, Buffer>;
  /** The root metadata of this version, 1 by default. */
  root(version?: number): Buffer;
  /** Targets, snapshot and timestamp with the next version each; `change` sees each before it is signed. */
  publish(targets: Readonly<Record<string, string>>, change?: (role: Role, signed: Metadata) => void): void;
  /** The next root, with a new key for each of the roles; signed by the old and new keys of root, unless `signers` says otherwise. */
  rotate(roles: readonly Role[], options?: { change?: (signed: Metadata) => void; signers?: readonly Key[] }): void;
  /** Signs the file at the path again after a change of it; `key` is by default the one of its role. */
  alter(path: string, change: (signed: Metadata) => void, key?: Key): void;
};

/** A TUF repository of Ed25519 keys in memory, with root 1 and nothing published yet. All counts for 30 days from now. */
export function createTufRepository({ isConsistent = true }: { isConsistent?: boolean } = {}): TestTuf {
  const keys: Record<Role, Key> = { root: newKey(), targets: newKey(), snapshot: newKey(), timestamp: newKey() };
  const files = new Map<string, Buffer>();
  let [rootVersion, version] = [0, 0];
  const versioned = (name: string): string => (isConsistent ? `${version}.${name}` : name);
  const putRoot = (signers: readonly Key[], change: (signed: Metadata) => void = () => {}): void => {
    rootVersion += 1;
    const roles = Object.fromEntries(Object.entries(keys).map(([role, { id }]) => [role, { keyids: [id], threshold: 1 }]));
    const listed = Object.fromEntries(Object.values(keys).map(({ id, json }) => [id, json]));
    const signed = { ...common('root', rootVersion), consistent_snapshot: isConsistent, keys: listed, roles };
    change(signed);
    files.set(`${rootVersion}.root.json`, signedBy(signed, signers));
  };
  putRoot([keys.root]);
  return {
    files,
    root: (wanted = 1) => files.get(`${wanted}.root.json`) ?? Buffer.alloc(0),
    publish(targets, change = () => {}) {
      version += 1;
      const put = (role: Role, name: string, fields: object): object => {
        const signed = { ...common(role, version), ...fields };
        change(role, signed);
        const bytes = signedBy(signed, [keys[role]]);
        files.set(name, bytes);
        return { version: signed.version, ...lengthAndHashes(bytes) };
      };
      const listed = Object.entries(targets).map(([name, text]) => {
        const bytes = Buffer.from(text);
        files.set(isConsistent ? `targets/${sha256(bytes)}.${name}` : `targets/${name}`, bytes);
        return [name, lengthAndHashes(bytes)];
      });
      const targetsMeta = put('targets', versioned('targets.json'), { targets: Object.fromEntries(listed) });
      const snapshotMeta = put('snapshot', versioned('snapshot.json'), { meta: { 'targets.json': targetsMeta } });
      put('timestamp', 'timestamp.json', { meta: { 'snapshot.json': snapshotMeta } });
    },
    rotate(roles, { change, signers } = {}) {
      const old = keys.root;
      for (const role of roles) keys[role] = newKey();
      putRoot(signers ?? [old, ...(roles.includes('root') ? [keys.root] : [])], change);
    },
    alter(path, change, key) {
      const { signed } = JSON.parse((files.get(path) ?? Buffer.alloc(0)).toString()) as { signed: Metadata & { _type: Role } };
      change(signed);
      files.set(path, signedBy(signed, [key ?? keys[signed._type]]));
    },
  };
}

/** A key that no repository names. */
export function newKey(): Key {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const raw = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32);
  const json = { keytype: 'ed25519', scheme: 'ed25519', keyval: { public: raw.toString('hex') } };
  return { id: sha256(Buffer.from(canonical(json))), privateKey, json };
}

/** The time in so many days as TUF writes it. */
export function inDays(days: number): string {
  return new Date(Date.now() + days * 86_400_000).toISOString().replace(/\.\d+Z$/, 'Z');
}

/** Writes the repository to the folder, as who copies a mirror does. */
export async function copyRepository({ files }: Pick<TestTuf, 'files'>, folder: string): Promise<void> {
  for (const [path, bytes] of files) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), bytes);
  }
}

function common(role: Role, version: number): Metadata & { _type: Role; spec_version: string } {
  return { _type: role, spec_version: '1.0.31', version, expires: inDays(30) };
}

function signedBy(signed: object, keys: readonly Key[]): Buffer {
  const bytes = Buffer.from(canonical(signed));
  const signatures = keys.map(({ id, privateKey }) => ({ keyid: id, sig: sign(null, bytes, privateKey).toString('hex') }));
  return Buffer.from(JSON.stringify({ signatures, signed }));
}

function lengthAndHashes(bytes: Buffer): { length: number; hashes: { sha256: string } } {
  return { length: bytes.length, hashes: { sha256: sha256(bytes) } };
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Canonical JSON of what needs no escape: sorted keys, no white space. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, member]) => `${JSON.stringify(key)}:${canonical(member)}`).join(',')}}`;
}
