// SPDX-License-Identifier: Apache-2.0
import type { TarFile } from '../../lib/artifact/write-tar.ts';
import { inputError } from '../../lib/errors/errors.ts';
import { readTar } from './read-tar.ts';
import type { RunProgram } from './run-program.ts';

/** A binary package as deb(5) describes it, without its maintainer scripts. */
export type DebianPackage = { name: string; control: string; md5sums: string; files: TarFile[] };

/**
 * Reads a .deb whose hash was checked before. dpkg-deb unpacks it, since Node has no xz. Of its files those that a program needs at run time are kept,
 * with the licences, and no folders; the list of MD5 sums names only what is kept.
 * Throws input DPKG_MISSING, DEB_INVALID, TAR_UNREADABLE.
 */
export async function readDebianPackage(file: string, name: string, run: RunProgram): Promise<DebianPackage> {
  const [control, files] = await Promise.all([tarOf(file, '--ctrl-tarfile', run), tarOf(file, '--fsys-tarfile', run)]);
  const parts = await readTar(control, `the control archive of ${name}`, (path) => path === 'control' || path === 'md5sums');
  const textOf = (path: string): string => {
    const part = parts.find((one) => one.path === path);
    return part !== undefined && 'content' in part ? part.content.toString() : '';
  };
  const found = /^Package: (.*)$/m.exec(textOf('control'))?.[1];
  if (found !== name) throw inputError('DEB_INVALID', `the .deb file for ${name} says that it is ${found ?? 'nothing'}`);
  const kept = (await readTar(files, `the content of ${name}`, isKept)).filter(({ type }) => type !== 'directory');
  return { name, control: textOf('control'), md5sums: keptSums(textOf('md5sums')), files: kept };
}

/** Libraries, licences, certificates, and who the distribution is. gconv, which converts character sets for iconv(3), is left out: Node does that by ICU. */
const KEPT = [
  /^etc\/(?:debian_version|os-release|ld\.so\.conf\.d\/.+)$/,
  /^lib(?:64)?\//,
  /^usr\/lib\/(?![^/]+\/(?:gconv|audit)\/)/,
  /^usr\/share\/(?:ca-certificates|common-licenses)\//,
  /^usr\/share\/doc\/[^/]+(?:\/copyright)?$/,
];

function isKept(path: string): boolean {
  return KEPT.some((pattern) => pattern.test(path));
}

function keptSums(text: string): string {
  const lines = text.split('\n').filter((line) => isKept(line.slice(34)) && line !== '');
  return lines.map((line) => `${line}\n`).join('');
}

async function tarOf(file: string, what: '--ctrl-tarfile' | '--fsys-tarfile', run: RunProgram): Promise<Buffer> {
  const result = await run('dpkg-deb', [what, file]).catch((cause: unknown) => {
    throw inputError('DPKG_MISSING', 'the local base is made from Debian packages, and dpkg-deb, which unpacks them, cannot be started', {
      hint: 'install the package dpkg, or give a base image by digest: npm run images -- --base HOST/NAME@sha256:…',
      cause,
    });
  });
  if (result.code !== 0) throw inputError('DEB_INVALID', `dpkg-deb cannot read ${file}: ${result.stderr.trim().slice(-400)}`);
  return result.stdout;
}
