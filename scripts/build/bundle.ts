// SPDX-License-Identifier: Apache-2.0
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import { gzipSync } from 'node:zlib';
import { type BuildOptions, build, type Metafile, type OutputFile, type Plugin } from 'esbuild';
import { writePackages } from './packages.ts';

export type Bundle = { name: string; path: string; bytes: number; gzipBytes: number; metafile: Metafile };

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

/**
 * Bundles `tasks/<name>/main.ts`, or that of another room (`services`), as one CommonJS file for Node 24 (CommonJS starts faster than a bundle of ES modules and needs no package.json
 * beside it), readable and with its licence texts in a file of their own. `write: false` only gives the sizes and the metafile.
 */
export async function bundleTask(root: string, name: string, { write, room = 'tasks' }: { write: boolean; room?: 'tasks' | 'services' }): Promise<Bundle> {
  const path = join('dist', `${name}.cjs`);
  const result = await build({
    ...bundleOptions(root),
    entryPoints: [join(room, name, 'main.ts')],
    outfile: path,
    legalComments: 'external',
    write: false,
  });
  const code = result.outputFiles.find((file) => file.path.endsWith('.cjs'))?.contents ?? new Uint8Array();
  if (write) await writeOutputs(root, name, result);
  return { name, path, bytes: code.length, gzipBytes: gzipSync(code).length, metafile: result.metafile };
}

/**
 * Bundles the command line as `dist/supply-chain.mjs`: an ES module, because cli/main.ts awaits at its top. The files that it reads beside itself (catalog/,
 * dist/, the laptop's policy) are found where they lie relative to the sources, with dist/ in the place of the sources' root.
 */
export async function bundleCli(root: string, { write }: { write: boolean }): Promise<Bundle> {
  const path = join('dist', 'supply-chain.mjs');
  const result = await build({
    ...bundleOptions(root),
    format: 'esm',
    banner: { js: "import { createRequire as requireOf } from 'node:module';\nconst require = requireOf(import.meta.url);" },
    entryPoints: [join('cli', 'main.ts')],
    outfile: path,
    legalComments: 'external',
    write: false,
    plugins: [leaveOut, sourcePlaces(root)],
  });
  const code = result.outputFiles.find((file) => file.path.endsWith('.mjs'))?.contents ?? new Uint8Array();
  if (write) await writeOutputs(root, 'supply-chain', result);
  return { name: 'supply-chain', path, bytes: code.length, gzipBytes: gzipSync(code).length, metafile: result.metafile };
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

async function writeOutputs(root: string, name: string, { outputFiles, metafile }: { outputFiles: readonly OutputFile[]; metafile: Metafile }): Promise<void> {
  await mkdir(join(root, 'dist'), { recursive: true });
  for (const { path, contents } of outputFiles) await writeFile(path, contents);
  await writeFile(join(root, 'dist', `${name}.meta.json`), `${JSON.stringify(metafile, null, 1)}\n`);
  await writePackages(root, join('dist', `${name}.packages`), metafile);
}
