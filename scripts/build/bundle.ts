// SPDX-License-Identifier: Apache-2.0
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import { gzipSync } from 'node:zlib';
import { type BuildOptions, build, type Metafile, type Plugin, transform } from 'esbuild';
import { writePackages } from './packages.ts';

/** `path` is the file to start; the sizes are those of all code, parts included. */
export type Bundle = { name: string; path: string; bytes: number; gzipBytes: number; metafile: Metafile };
type BuiltFile = { path: string; contents: Uint8Array };

/**
 * Packages that @cyclonedx/cyclonedx-library loads only when they are there and only for what the suite does not use. They are left out of the
 * bundles on purpose, also where a development dependency would bring them in; any other import that cannot be resolved fails the build.
 */
export const LEFT_OUT: Readonly<Record<string, string>> = {
  ajv: 'validation of JSON against the CycloneDX schema; done in tests, not in a step',
  'ajv-formats': 'as ajv',
  'ajv-formats-draft2019': 'as ajv',
  libxmljs2: 'validation of XML; the suite writes JSON',
  xmlbuilder2: 'writing XML; the suite writes JSON',
  'packageurl-js': 'the suite makes package URLs in lib/sbom/purl.ts',
  'spdx-expression-parse': 'the suite hands licence texts on as they are',
};

/** The folder below dist/ with the parts of a bundle; the entry point looks for it beside itself, under this name. */
function partsFolder(name: string): string {
  return `${name}.parts`;
}

/**
 * Bundles `tasks/<name>/main.ts`, or that of another room (`services`, or a folder of tests), as CommonJS for Node 24 (it starts faster than ES modules and needs no package.json beside it), readable
 * and with licence texts in files of their own. `dist/<name>.cjs` holds what is needed at once; what the sources load with `import()`, and what both need, are
 * files in `dist/<name>.parts`, since Node has to read through all of a file before it runs the first line of it. `write: false` only gives the sizes and the metafile.
 */
export async function bundleTask(root: string, name: string, { write, room = 'tasks' }: { write: boolean; room?: string }): Promise<Bundle> {
  const { outputFiles, metafile } = await build({
    ...bundleOptions(root),
    // esbuild splits ES modules alone, so they become CommonJS in a second pass.
    format: 'esm',
    splitting: true,
    entryPoints: [{ in: join(room, name, 'main.ts'), out: name }],
    outdir: 'dist',
    outExtension: { '.js': '.cjs' },
    chunkNames: `${partsFolder(name)}/[name]-[hash]`,
    legalComments: 'external',
    write: false,
  });
  refuseLatePackages(metafile);
  const files = await Promise.all(outputFiles.map(async ({ path, text, contents }) => ({ path, contents: isCode(path) ? await toCommonJs(text) : contents })));
  if (write) await writeWithParts(root, name, { files, metafile });
  return { name, path: join('dist', `${name}.cjs`), ...sizes(files), metafile };
}

/** `import()` of a CommonJS package would give its default export alone in a part, its named ones in the sources. */
function refuseLatePackages({ outputs }: Metafile): void {
  const found = Object.values(outputs).find(({ entryPoint }) => entryPoint?.startsWith('node_modules/'))?.entryPoint;
  if (found !== undefined) throw new Error(`${found} is loaded by import(): load a file of the project that imports it`);
}

async function toCommonJs(code: string): Promise<Uint8Array> {
  // A part is loaded with require(), like the rest: Node's import() would start the loader of ES modules first.
  const result = await transform(code, { format: 'cjs', platform: 'node', target: 'node24', charset: 'utf8', supported: { 'dynamic-import': false } });
  return Buffer.from(result.code);
}

/**
 * Bundles the command line as `dist/supply-chain.mjs`: an ES module, because cli/main.ts awaits at its top. The files that it reads beside itself (catalog/,
 * dist/, the laptop's policy) are found where they lie relative to the sources, with dist/ in the place of the sources' root.
 */
export async function bundleCli(root: string, { write }: { write: boolean }): Promise<Bundle> {
  const path = join('dist', 'supply-chain.mjs');
  const { outputFiles: files, metafile } = await build({
    ...bundleOptions(root),
    format: 'esm',
    banner: { js: "import { createRequire as requireOf } from 'node:module';\nconst require = requireOf(import.meta.url);" },
    entryPoints: [join('cli', 'main.ts')],
    outfile: path,
    legalComments: 'external',
    write: false,
    plugins: [leaveOut, sourcePlaces(root)],
  });
  if (write) await writeOutputs(root, 'supply-chain', { files, metafile });
  return { name: 'supply-chain', path, ...sizes(files), metafile };
}

function isCode(path: string): boolean {
  return /\.[cm]js$/.test(path);
}

function sizes(files: readonly BuiltFile[]): { bytes: number; gzipBytes: number } {
  const code = files.filter(({ path }) => isCode(path)).map(({ contents }) => contents);
  const sum = (numbers: number[]): number => numbers.reduce((total, number) => total + number, 0);
  return { bytes: sum(code.map(({ length }) => length)), gzipBytes: sum(code.map((contents) => gzipSync(contents).length)) };
}

/** `import.meta.dirname` of a source file means its own folder in a bundle, too: seen from dist/, a neighbour of it. */
function sourcePlaces(root: string): Plugin {
  return {
    name: 'source-places',
    setup({ onLoad }) {
      onLoad({ filter: /\.ts$/ }, async ({ path }) => {
        const folder = dirname(relative(root, path)).split(sep).join('/');
        const text = await readFile(path, 'utf8');
        return { loader: 'ts', contents: text.replaceAll('import.meta.dirname', `(import.meta.dirname + ${JSON.stringify(`/../${folder}`)})`) };
      });
    },
  };
}

function bundleOptions(root: string): BuildOptions & { metafile: true } {
  return {
    absWorkingDir: root,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node24',
    metafile: true,
    minify: false,
    charset: 'utf8',
    logLevel: 'silent',
    plugins: [leaveOut],
  };
}

const leaveOut: Plugin = {
  name: 'left-out-optional-packages',
  setup({ onResolve }) {
    onResolve({ filter: /^[a-z0-9@]/ }, ({ path, importer }) => {
      const packageName = path
        .split('/')
        .slice(0, path.startsWith('@') ? 2 : 1)
        .join('/');
      const optional = importer.includes('/@cyclonedx/cyclonedx-library/') && Object.hasOwn(LEFT_OUT, packageName);
      return optional ? { path, external: true } : undefined;
    });
  },
};

type Outputs = { files: readonly BuiltFile[]; metafile: Metafile };

/** The parts are written before the entry point that names them, and those of an earlier build go last: a step that starts meanwhile finds what it needs. */
async function writeWithParts(root: string, name: string, { files, metafile }: Outputs): Promise<void> {
  const parts = join(root, 'dist', partsFolder(name));
  // Also where there are none: an image copies the folder.
  await mkdir(parts, { recursive: true });
  const isPart = (path: string): boolean => dirname(path) === parts;
  const [first, last] = [files.filter(({ path }) => isPart(path)), files.filter(({ path }) => !isPart(path))];
  await writeOutputs(root, name, { files: [...first, ...last], metafile });
  const kept = new Set(first.map(({ path }) => path));
  for (const old of await readdir(parts)) if (!kept.has(join(parts, old))) await rm(join(parts, old), { recursive: true });
}

async function writeOutputs(root: string, name: string, { files, metafile }: Outputs): Promise<void> {
  await mkdir(join(root, 'dist'), { recursive: true });
  for (const { path, contents } of files) await writeFile(path, contents);
  await writeFile(join(root, 'dist', `${name}.meta.json`), `${JSON.stringify(metafile, null, 1)}\n`);
  await writePackages(root, join('dist', `${name}.packages`), metafile);
}
