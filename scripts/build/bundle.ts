// SPDX-License-Identifier: Apache-2.0
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { type BuildOptions, build, type Metafile, type OutputFile, type Plugin } from 'esbuild';

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
 * Bundles `tasks/<name>/main.ts` as one CommonJS file for Node 24 (CommonJS starts faster than a bundle of ES modules and needs no package.json
 * beside it), readable and with its licence texts in a file of their own. `write: false` only gives the sizes and the metafile.
 */
export async function bundleTask(root: string, name: string, { write }: { write: boolean }): Promise<Bundle> {
  const path = join('dist', `${name}.cjs`);
  const result = await build({
    ...bundleOptions(root),
    entryPoints: [join('tasks', name, 'main.ts')],
    outfile: path,
    legalComments: 'external',
    write: false,
  });
  const code = result.outputFiles.find((file) => file.path.endsWith('.cjs'))?.contents ?? new Uint8Array();
  if (write) await writeOutputs(result.outputFiles, join(root, 'dist', `${name}.meta.json`), result.metafile);
  return { name, path, bytes: code.length, gzipBytes: gzipSync(code).length, metafile: result.metafile };
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

async function writeOutputs(outputs: readonly OutputFile[], metaPath: string, metafile: Metafile): Promise<void> {
  await mkdir(dirname(metaPath), { recursive: true });
  for (const { path, contents } of outputs) await writeFile(path, contents);
  await writeFile(metaPath, `${JSON.stringify(metafile, null, 1)}\n`);
}
