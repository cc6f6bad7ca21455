// SPDX-License-Identifier: Apache-2.0
import { execFile } from 'node:child_process';
import { createHash, type Hash } from 'node:crypto';
import { createReadStream, createWriteStream, existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { PassThrough } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { createGzip } from 'node:zlib';
import { walkInstalledNpm } from './npm-walk.ts';

const run = promisify(execFile);
const BUFFER = { maxBuffer: 256 * 1024 * 1024 };
const MIB = 1024 * 1024;

/** Bump when what is built changes, so that an old cache is not taken for it. */
const VERSION = 1;
const DEBS = 'nodejs,npm,build-essential,python3,git,curl,ca-certificates,openjdk-17-jre-headless,golang-go,logrotate,rsync';
/** Left as config-files, and gone without a trace. */
const REMOVED = 'logrotate';
const PURGED = 'rsync';
const NPM_DEPENDENCIES = ['express@4', 'webpack@5', 'eslint@9', 'jest@29', '@babel/preset-env@7', 'uuid@9'];
const NPM_REMOVED = ['uuid'];

export type DebianRoot = {
  /** OCI archive of three layers. */
  archive: string;
  /** `dpkg-query -W` of the root: name, version, architecture, state. */
  dpkg: { name: string; version: string; architecture: string; state: string }[];
  /** `name@version` of `npm ls --all --json` in the project at `project`. */
  npmLs: string[];
  /** `name@version` of every package a walk over the root's node_modules folders finds. */
  npmInstalled: string[];
  /** Path of the npm project in the root. */
  project: string;
};

type Listing = Map<string, string>;
type Layer = { descriptor: { mediaType: string; digest: string; size: number }; diffId: string };

/** Why the root cannot be built here, or undefined. mmdebstrap is installed when it is missing. */
export async function whyNoDebianRoot(): Promise<string | undefined> {
  if (existsSync(join(cacheFolder(), 'truth.json'))) return undefined;
  if (process.getuid?.() !== 0) return 'building a Debian root needs root rights';
  if (!existsSync('/etc/debian_version')) return 'building a Debian root needs a Debian machine';
  if (!existsSync('/usr/bin/mmdebstrap')) {
    await run('apt-get', ['update'], BUFFER);
    await run('apt-get', ['install', '-y', '--no-install-recommends', 'mmdebstrap'], BUFFER);
  }
  return undefined;
}

/**
 * A Debian root of more than 1 GB made by the real package managers, as an OCI archive: the base; packages removed and purged and an npm project
 * installed; a dependency of the project uninstalled. Kept in the user's cache folder, with what the package managers say is in it.
 */
export async function debianRoot(): Promise<DebianRoot> {
  const cache = cacheFolder();
  const truth = join(cache, 'truth.json');
  if (!existsSync(truth)) await build(cache);
  return { ...JSON.parse(await readFile(truth, 'utf8')), archive: join(cache, 'image.tar') };
}

function cacheFolder(): string {
  return join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), `tekton-supply-chain/debian-root-v${VERSION}`);
}

async function build(cache: string): Promise<void> {
  const work = await mkdtemp(join(tmpdir(), 'debian-root-'));
  try {
    const root = join(work, 'root');
    const layout = join(work, 'layout');
    await mkdir(join(layout, 'blobs/sha256'), { recursive: true });
    await run('mmdebstrap', ['--variant=apt', `--include=${DEBS}`, await suite(), root, ...(await aptSources())], BUFFER);
    const layers: Layer[] = [];
    let before: Listing = new Map();
    const commit = async (): Promise<void> => {
      const after = await list(root);
      layers.push(await writeLayer(root, before, after, layout, work));
      before = after;
    };
    await commit();
    const project = 'srv/app';
    await removePackages(root);
    await npm(join(root, project), ['install', '--ignore-scripts', ...NPM_DEPENDENCIES]);
    await commit();
    await npm(join(root, project), ['uninstall', '--ignore-scripts', ...NPM_REMOVED]);
    await commit();
    await writeImage(layout, layers);
    await mkdir(cache, { recursive: true });
    await run('tar', ['-cf', join(cache, 'image.tar.part'), '-C', layout, '.'], BUFFER);
    await rename(join(cache, 'image.tar.part'), join(cache, 'image.tar'));
    await writeFile(join(cache, 'truth.json'), JSON.stringify(await truthOf(root, project)));
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function suite(): Promise<string> {
  return /^VERSION_CODENAME=(.+)$/m.exec(await readFile('/etc/os-release', 'utf8'))?.[1] ?? 'stable';
}

/** The machine's own sources, so that its mirror is used. */
async function aptSources(): Promise<string[]> {
  const names = await readdir('/etc/apt/sources.list.d').catch(() => []);
  const files = ['/etc/apt/sources.list', ...names.filter((name) => /\.(?:list|sources)$/.test(name)).map((name) => `/etc/apt/sources.list.d/${name}`)];
  const present: string[] = [];
  for (const file of files) if (existsSync(file) && (await stat(file)).size > 0) present.push(file);
  return present;
}

async function removePackages(root: string): Promise<void> {
  await run('chroot', [root, 'dpkg', '--remove', REMOVED], BUFFER);
  await run('chroot', [root, 'dpkg', '--purge', PURGED], BUFFER);
}

async function npm(folder: string, args: string[]): Promise<string> {
  await mkdir(folder, { recursive: true });
  if (!existsSync(join(folder, 'package.json'))) await writeFile(join(folder, 'package.json'), '{"name":"app","version":"1.0.0","private":true}\n');
  return (await run('npm', [...args, '--no-audit', '--no-fund'], { ...BUFFER, cwd: folder })).stdout;
}

async function list(root: string): Promise<Listing> {
  const { stdout } = await run('find', [root, '-xdev', '-mindepth', '1', '-printf', '%P\\t%y %s %T@ %C@ %l\\n'], BUFFER);
  const lines = stdout.split('\n').filter((line) => line !== '');
  return new Map(lines.map((line) => [line.slice(0, line.indexOf('\t')), line.slice(line.indexOf('\t') + 1)]));
}

/** A tar of what is new or changed, with whiteouts for what is gone, gzip-compressed into the layout. */
async function writeLayer(root: string, before: Listing, after: Listing, layout: string, work: string): Promise<Layer> {
  const changed = [...after].filter(([path, facts]) => before.get(path) !== facts).map(([path]) => path);
  const gone = [...before.keys()].filter((path) => !after.has(path) && (after.has(dirname(path)) || dirname(path) === '.'));
  const tar = join(work, 'layer.tar');
  await writeFile(join(work, 'changed'), changed.join('\0'));
  await run('tar', ['-cf', tar, '-C', root, '--numeric-owner', '--no-recursion', '--null', '--verbatim-files-from', '-T', join(work, 'changed')], BUFFER);
  if (gone.length > 0) {
    const whiteouts = await mkdtemp(join(work, 'whiteouts-'));
    for (const path of gone) {
      const folder = join(whiteouts, dirname(path));
      await mkdir(folder, { recursive: true });
      await writeFile(join(folder, `.wh.${path.slice(path.lastIndexOf('/') + 1)}`), '');
    }
    const { stdout } = await run('find', [whiteouts, '-type', 'f', '-printf', '%P\\0'], BUFFER);
    await writeFile(join(work, 'gone'), stdout);
    await run('tar', ['-rf', tar, '-C', whiteouts, '--null', '--verbatim-files-from', '-T', join(work, 'gone')], BUFFER);
  }
  return compress(tar, layout);
}

async function compress(tar: string, layout: string): Promise<Layer> {
  const diff = createHash('sha256');
  const blob = createHash('sha256');
  const part = join(layout, 'part');
  await pipeline(createReadStream(tar, { highWaterMark: MIB }), tap(diff), createGzip({ level: 1, chunkSize: MIB }), tap(blob), createWriteStream(part));
  const hex = blob.digest('hex');
  const { size } = await stat(part);
  await rename(part, join(layout, 'blobs/sha256', hex));
  await rm(tar);
  const mediaType = 'application/vnd.oci.image.layer.v1.tar+gzip';
  return { descriptor: { mediaType, digest: `sha256:${hex}`, size }, diffId: `sha256:${diff.digest('hex')}` };
}

function tap(hash: Hash): PassThrough {
  const through = new PassThrough({ highWaterMark: MIB });
  through.on('data', (chunk: Buffer) => hash.update(chunk));
  return through;
}

async function writeImage(layout: string, layers: Layer[]): Promise<void> {
  const put = async (json: object, mediaType: string): Promise<{ mediaType: string; digest: string; size: number }> => {
    const bytes = Buffer.from(JSON.stringify(json));
    const hex = createHash('sha256').update(bytes).digest('hex');
    await writeFile(join(layout, 'blobs/sha256', hex), bytes);
    return { mediaType, digest: `sha256:${hex}`, size: bytes.length };
  };
  const rootfs = { type: 'layers', diff_ids: layers.map((layer) => layer.diffId) };
  const config = await put({ os: 'linux', architecture: 'amd64', created: '2024-01-01T00:00:00Z', rootfs }, 'application/vnd.oci.image.config.v1+json');
  const type = 'application/vnd.oci.image.manifest.v1+json';
  const manifest = await put({ schemaVersion: 2, mediaType: type, config, layers: layers.map((layer) => layer.descriptor) }, type);
  await writeFile(join(layout, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  await writeFile(join(layout, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests: [manifest] }));
}

async function truthOf(root: string, project: string): Promise<Omit<DebianRoot, 'archive'>> {
  const format = `${['Package', 'Version', 'Architecture', 'db:Status-Status'].map((field) => `\${${field}}`).join('\t')}\n`;
  const { stdout } = await run('chroot', [root, 'dpkg-query', '-W', '-f', format], BUFFER);
  const dpkg = stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [name = '', version = '', architecture = '', state = ''] = line.split('\t');
      return { name, version, architecture, state };
    });
  const tree = JSON.parse(await npm(join(root, project), ['ls', '--all', '--json']));
  return { dpkg, npmLs: [...namesOf(tree)].sort(), npmInstalled: [...(await walkInstalledNpm(root))].sort(), project };
}

type NpmTree = { version?: string; missing?: boolean; dependencies?: Record<string, NpmTree> };

function namesOf(tree: NpmTree, found = new Set<string>()): Set<string> {
  for (const [name, child] of Object.entries(tree.dependencies ?? {})) {
    if (child.missing !== true && child.version !== undefined) found.add(`${name}@${child.version}`);
    namesOf(child, found);
  }
  return found;
}
