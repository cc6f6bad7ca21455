// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inputError } from '../../lib/errors/errors.ts';
import { cacheFolder, runGo } from '../../scripts/build/go.ts';

/** A real program that tests run beside ours, built from the Go module that `<name>/go.mod` pins. */
export type Peer = {
  /** Module whose required version in go.mod is the peer's version. */
  module: string;
  /** Binary name → import path of its main package; one that starts with `./` is ours and stands in the peer's folder. */
  packages: Record<string, string>;
  /** Variables set at link time (`-X`), from the version (`v1.2.3`). */
  variables: (version: string) => Record<string, string>;
  /** Name → folder inside the module, copied beside the binaries (manifests that the peer ships). */
  folders?: Record<string, string>;
  /** Build tags, and whether C code is compiled in; a C compiler must then be there. */
  tags?: string;
  cgo?: boolean;
};

/** Tekton Pipelines, whichever version its go.mod pins. */
const tekton = {
  module: 'github.com/tektoncd/pipeline',
  packages: {
    controller: 'github.com/tektoncd/pipeline/cmd/controller',
    entrypoint: 'github.com/tektoncd/pipeline/cmd/entrypoint',
    events: 'github.com/tektoncd/pipeline/cmd/events',
    nop: 'github.com/tektoncd/pipeline/cmd/nop',
    resolvers: 'github.com/tektoncd/pipeline/cmd/resolvers',
    sidecarlogresults: 'github.com/tektoncd/pipeline/cmd/sidecarlogresults',
    webhook: 'github.com/tektoncd/pipeline/cmd/webhook',
    workingdirinit: 'github.com/tektoncd/pipeline/cmd/workingdirinit',
  },
  variables: () => ({}),
  folders: { config: 'config' },
} as const satisfies Peer;

export const peers = {
  argocd: {
    module: 'github.com/argoproj/argo-cd/v3',
    packages: { argocd: 'github.com/argoproj/argo-cd/v3/cmd' },
    variables: (version) => ({ 'github.com/argoproj/argo-cd/v3/common.version': version.slice(1) }),
    folders: { manifests: 'manifests' },
  },
  bed: {
    module: 'github.com/google/go-containerregistry',
    packages: { pause: './pause', registry: './registry' },
    variables: () => ({}),
  },
  chains: {
    module: 'github.com/tektoncd/chains',
    packages: { controller: 'github.com/tektoncd/chains/cmd/controller' },
    variables: () => ({}),
    folders: { config: 'config' },
  },
  coredns: {
    module: 'github.com/coredns/coredns',
    packages: { coredns: './' },
    variables: () => ({}),
  },
  cosign: {
    module: 'github.com/sigstore/cosign/v3',
    packages: { cosign: 'github.com/sigstore/cosign/v3/cmd/cosign' },
    variables: (version) => ({ 'sigs.k8s.io/release-utils/version.gitVersion': version }),
  },
  etcd: {
    module: 'go.etcd.io/etcd/server/v3',
    packages: { etcd: 'go.etcd.io/etcd/server/v3' },
    variables: () => ({}),
  },
  gatekeeper: {
    module: 'github.com/open-policy-agent/gatekeeper/v3',
    packages: { gatekeeper: 'github.com/open-policy-agent/gatekeeper/v3', gator: 'github.com/open-policy-agent/gatekeeper/v3/cmd/gator' },
    variables: (version) => ({ 'github.com/open-policy-agent/gatekeeper/v3/pkg/version.Version': version }),
    folders: { deploy: 'deploy' },
  },
  fulcio: {
    module: 'github.com/sigstore/fulcio',
    packages: { fulcio: './' },
    variables: () => ({}),
  },
  gator: {
    module: 'github.com/open-policy-agent/gatekeeper/v3',
    packages: { 'gator-data': './' },
    variables: () => ({}),
  },
  gitea: {
    module: 'code.gitea.io/gitea',
    packages: { gitea: 'code.gitea.io/gitea' },
    variables: (version) => ({ 'main.Version': version.slice(1) }),
    folders: { options: 'options', public: 'public', templates: 'templates' },
    tags: 'sqlite,sqlite_unlock_notify',
    cgo: true,
  },
  grafeas: {
    module: 'github.com/grafeas/grafeas',
    packages: { grafeas: 'github.com/grafeas/grafeas/go/v1beta1/main' },
    variables: () => ({}),
    folders: { swagger: 'proto/v1/swagger' },
  },
  'kms-plugin': {
    module: 'github.com/sigstore/sigstore',
    packages: { 'sigstore-kms-drawer': './drawer' },
    variables: () => ({}),
  },
  kubernetes: {
    module: 'k8s.io/kubernetes',
    packages: {
      'kube-apiserver': 'k8s.io/kubernetes/cmd/kube-apiserver',
      'kube-controller-manager': 'k8s.io/kubernetes/cmd/kube-controller-manager',
      'kube-proxy': 'k8s.io/kubernetes/cmd/kube-proxy',
      'kube-scheduler': 'k8s.io/kubernetes/cmd/kube-scheduler',
      kubectl: 'k8s.io/kubernetes/cmd/kubectl',
      kubelet: 'k8s.io/kubernetes/cmd/kubelet',
    },
    variables: kubernetesVersion,
  },
  rekor: {
    module: 'github.com/sigstore/rekor',
    packages: { 'rekor-server': 'github.com/sigstore/rekor/cmd/rekor-server' },
    variables: (version) => ({ 'sigs.k8s.io/release-utils/version.gitVersion': version }),
  },
  'rekor-tiles': {
    module: 'github.com/sigstore/rekor-tiles/v2',
    packages: { 'rekor-server-posix': 'github.com/sigstore/rekor-tiles/v2/cmd/rekor-server/posix' },
    variables: () => ({}),
  },
  tekton,
  'tekton-oldest': tekton,
  triggers: {
    module: 'github.com/tektoncd/triggers',
    packages: {
      controller: 'github.com/tektoncd/triggers/cmd/controller',
      eventlistenersink: 'github.com/tektoncd/triggers/cmd/eventlistenersink',
      interceptors: 'github.com/tektoncd/triggers/cmd/interceptors',
      webhook: 'github.com/tektoncd/triggers/cmd/webhook',
    },
    variables: () => ({}),
    folders: { config: 'config' },
  },
  tesseract: {
    module: 'github.com/transparency-dev/tesseract',
    packages: { 'tesseract-posix': 'github.com/transparency-dev/tesseract/cmd/tesseract/posix' },
    variables: () => ({}),
  },
  'timestamp-authority': {
    module: 'github.com/sigstore/timestamp-authority/v2',
    packages: { 'timestamp-server': './' },
    variables: () => ({}),
  },
  trillian: {
    module: 'github.com/google/trillian',
    packages: { 'trillian-memory': './' },
    variables: () => ({}),
  },
} as const satisfies Record<string, Peer>;

export type PeerName = keyof typeof peers;
type Folders<P> = P extends { folders: infer F } ? keyof F : never;
/** Absolute path of each binary and each copied folder of a peer. */
export type PeerPaths<N extends PeerName = PeerName> = Record<keyof (typeof peers)[N]['packages'] | Folders<(typeof peers)[N]>, string>;

export type PeerOptions = { log: (line: string) => void; env?: NodeJS.ProcessEnv };

/**
 * The paths of a peer's binaries and folders; builds them when the cache has none for this go.mod, go.sum, flags and Go version.
 * A build goes to a folder of another name and is renamed when whole, so a killed one leaves nothing that looks ready.
 * Throws StepError: `GO_MISSING`, `GO_FAILED` (with what the Go command printed), `PEER_VERSION_MISSING`.
 */
export async function ensurePeer<N extends PeerName>(name: N, { log, env = process.env }: PeerOptions): Promise<PeerPaths<N>> {
  const peer: Peer = peers[name];
  const source = join(import.meta.dirname, name);
  const [goMod, goSum] = await Promise.all([readFile(join(source, 'go.mod'), 'utf8'), readFile(join(source, 'go.sum'), 'utf8')]);
  const tags = peer.tags === undefined ? [] : ['-tags', peer.tags];
  const flags = ['-mod=readonly', '-trimpath', '-buildvcs=false', ...tags, '-ldflags', linkerFlags(peer, requiredVersion(goMod, peer.module))];
  const toolchain = (await runGo(['env', 'GOVERSION', 'GOOS', 'GOARCH'], { cwd: source, env })).trim().split('\n');
  const key = createHash('sha256')
    .update(JSON.stringify([goMod, goSum, flags, peer.packages, peer.folders ?? {}, toolchain, ...(await ownSources(peer, source))]))
    .digest('hex');
  const cache = cacheFolder(env, 'peers');
  const ready = join(cache, `${name}-${key.slice(0, 16)}`);
  if (!existsSync(ready)) {
    log(`peer ${name}: building with ${toolchain.join(' ')} into ${ready}`);
    await mkdir(cache, { recursive: true });
    await removeAbandoned(cache, name);
    const building = await mkdtemp(join(cache, `.building-${name}-`));
    try {
      await build(peer, { source, into: building, flags, log, env });
      await publish(building, ready);
    } finally {
      await rm(building, { recursive: true, force: true });
    }
  }
  const names = [...Object.keys(peer.packages), ...Object.keys(peer.folders ?? {})];
  return Object.fromEntries(names.map((entry) => [entry, join(ready, entry)])) as PeerPaths<N>;
}

/** The Go files of packages that are ours, which go.sum says nothing about. */
async function ownSources(peer: Peer, source: string): Promise<string[]> {
  const folders = Object.values(peer.packages).flatMap((path) => (path.startsWith('./') ? [join(source, path)] : []));
  const files = await Promise.all(
    folders.map(async (folder) => (await readdir(folder)).filter((name) => name.endsWith('.go')).map((name) => join(folder, name))),
  );
  return Promise.all(
    files
      .flat()
      .sort()
      .map((file) => readFile(file, 'utf8')),
  );
}

type Build = { source: string; into: string; flags: string[]; log: (line: string) => void; env: NodeJS.ProcessEnv };

async function build(peer: Peer, { source, into, flags, log, env }: Build): Promise<void> {
  for (const [binary, importPath] of Object.entries(peer.packages)) {
    await runGo(['build', ...flags, '-o', join(into, binary), importPath], { cwd: source, env, log, cgo: peer.cgo === true });
  }
  for (const [entry, folder] of Object.entries(peer.folders ?? {})) {
    const moduleDir = await runGo(['list', '-mod=readonly', '-m', '-f', '{{.Dir}}', peer.module], { cwd: source, env });
    await copyFiles(join(moduleDir.trim(), folder), join(into, entry));
  }
}

/** Contents only: the module cache is read-only, and folders copied with that mode could not be removed again. */
async function copyFiles(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true });
  for (const entry of await readdir(from, { withFileTypes: true })) {
    if (entry.isDirectory()) await copyFiles(join(from, entry.name), join(to, entry.name));
    else if (entry.isFile()) await writeFile(join(to, entry.name), await readFile(join(from, entry.name)));
  }
}

async function publish(building: string, ready: string): Promise<void> {
  try {
    await rename(building, ready);
  } catch (error) {
    // Another process built the same key meanwhile; the results are equal.
    if (!existsSync(ready)) throw error;
  }
}

const abandonedAfterMs = 2 * 60 * 60 * 1000;

async function removeAbandoned(cache: string, name: string): Promise<void> {
  for (const entry of await readdir(cache)) {
    if (!entry.startsWith(`.building-${name}-`)) continue;
    const folder = join(cache, entry);
    const { mtimeMs } = await stat(folder);
    if (Date.now() - mtimeMs > abandonedAfterMs) await rm(folder, { recursive: true, force: true });
  }
}

function linkerFlags(peer: Peer, version: string): string {
  return ['-s', '-w', ...Object.entries(peer.variables(version)).map(([name, value]) => `-X ${name}=${value}`)].join(' ');
}

function requiredVersion(goMod: string, module: string): string {
  for (const line of goMod.split('\n')) {
    const words = line
      .trim()
      .replace(/^require /, '')
      .split(/\s+/);
    if (words[0] === module && words[1]?.startsWith('v')) return words[1];
  }
  throw inputError('PEER_VERSION_MISSING', `go.mod requires no version of ${module}`, { hint: 'run "go get -tool" for its packages in that folder' });
}

/** Tekton refuses an API server that reports no version. */
function kubernetesVersion(version: string): Record<string, string> {
  const [major = '', minor = ''] = version.slice(1).split('.');
  const base = 'k8s.io/component-base/version';
  return { [`${base}.gitVersion`]: version, [`${base}.gitMajor`]: major, [`${base}.gitMinor`]: minor };
}
