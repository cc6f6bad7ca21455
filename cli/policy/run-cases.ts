// SPDX-License-Identifier: Apache-2.0
import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import { inputError } from '../../lib/errors/errors.ts';
import { readBounded } from '../../lib/files/bounded-read.ts';
import { realInside } from '../../lib/files/inside.ts';
import { type CaseFiles, type CaseResult, runCase } from '../../lib/policy/cases.ts';
import { type PolicyCase, PolicyTestFile } from '../../lib/policy/cases-schema.ts';
import { type JunitSuite, junitXml } from '../../lib/policy/junit.ts';
import { parsePolicy, policyDigest } from '../../lib/policy/policy.ts';
import { problemLines, readBySchema } from '../../lib/policy/read-by-schema.ts';
import { parseScanReport } from '../../lib/policy/vulnerability-report.ts';
import { sha256Digest } from '../../lib/reference/digest.ts';
import { readSbomFacts } from '../../lib/verify/sbom-facts.ts';

const MAX_FILE_BYTES = 16 * 1024 * 1024;
const MAX_YAML_BYTES = 1024 * 1024;

/** A file with cases, by its path below the folder. */
export type TestedFile = { file: string; now: string; cases: CaseResult[] };

/**
 * Judges the cases of a file, or of every YAML file of kind PolicyTest below a folder; what they name is read below that folder alone. With `policy` all are judged by that file.
 * Throws input POLICY_TEST_MISSING, POLICY_TEST_INVALID, POLICY_INVALID, FILE_MISSING, PATH_OUTSIDE, SCAN_REPORT_INVALID.
 */
export async function testFolder(path: string, policy: string | undefined): Promise<TestedFile[]> {
  const isFolder = (await stat(path).catch(() => undefined))?.isDirectory() === true;
  const root = isFolder ? path : dirname(path);
  const files = isFolder ? await yamlFiles(path) : [basename(path)];
  const tested: TestedFile[] = [];
  for (const file of files) {
    const bytes = await readBounded(join(root, file), MAX_YAML_BYTES, 'test file');
    if (!isFolder || /^kind:\s*["']?PolicyTest\b/m.test(bytes.toString('utf8'))) tested.push(await testFile(root, file, bytes, policy));
  }
  if (tested.length > 0) return tested;
  throw inputError('POLICY_TEST_MISSING', `there is no file of kind PolicyTest in ${path}`, { hint: 'docs/policy-authoring.md shows one' });
}

async function yamlFiles(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && /\.ya?ml$/.test(entry.name))
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .sort();
}

async function testFile(root: string, file: string, bytes: Buffer, policyPath: string | undefined): Promise<TestedFile> {
  const { value, problems } = readBySchema(bytes, PolicyTestFile);
  if (value === undefined) throw inputError('POLICY_TEST_INVALID', `${join(root, file)} is no file of policy tests:\n${problemLines(problems)}`);
  const beside = (path: string): Promise<string> => realInside(root, join(dirname(file), path));
  const policyFile = policyPath ?? (await beside(value.policy));
  const policyBytes = await readBounded(policyFile, MAX_YAML_BYTES, 'policy file');
  const setting = { policy: parsePolicy(policyBytes, policyFile), policyDigest: policyDigest(policyBytes, []), now: value.now, readSbom: readSbomFacts };
  const cases: CaseResult[] = [];
  for (const one of value.cases) cases.push(runCase(one, setting, await readFiles(one, beside)));
  return { file, now: value.now, cases };
}

async function readFiles({ evidence, scanReport }: PolicyCase, beside: (path: string) => Promise<string>): Promise<CaseFiles> {
  const predicates = new Map<string, unknown>();
  for (const { predicateFile } of evidence) {
    if (predicateFile === undefined) continue;
    const bytes = await readBounded(await beside(predicateFile), MAX_FILE_BYTES, 'predicate');
    try {
      predicates.set(predicateFile, JSON.parse(bytes.toString('utf8')));
    } catch (cause) {
      throw inputError('POLICY_TEST_INVALID', `the predicate ${predicateFile} is not JSON`, { cause });
    }
  }
  if (scanReport === undefined) return { predicates, scan: undefined };
  const bytes = await readBounded(await beside(scanReport), MAX_FILE_BYTES, 'scan report');
  return { predicates, scan: { name: scanReport, digest: sha256Digest(bytes), report: parseScanReport(bytes, scanReport) } };
}

export function testText(tested: readonly TestedFile[]): string {
  const lines = tested.flatMap(({ file, cases }) =>
    cases.flatMap(({ name, failures }) => [`${failures.length === 0 ? '✓' : '✗'} ${file}: ${name}`, ...failures.map((failure) => `    ${failure}`)]),
  );
  return `${[...lines.map((line) => line.replaceAll(/[\p{C}]/gu, ' ')), summary(tested)].join('\n')}\n`;
}

/** Whether every case of every file ended as expected. */
export function allPassed(tested: readonly TestedFile[]): boolean {
  return tested.every(({ cases }) => cases.every(({ failures }) => failures.length === 0));
}

function summary(tested: readonly TestedFile[]): string {
  const all = tested.flatMap(({ cases }) => cases);
  const failed = all.filter(({ failures }) => failures.length > 0).length;
  return `${all.length - failed} passed, ${failed} failed`;
}

export function testJunit(tested: readonly TestedFile[]): string {
  return junitXml(
    tested.map(({ file, now, cases }): JunitSuite => {
      const asCases = cases.map(({ name, failures }) => ({
        className: file,
        name,
        end: failures.length === 0 ? { kind: 'passed' as const } : { kind: 'failed' as const, why: failures[0] ?? '', text: failures.join('\n') },
      }));
      return { name: file, at: now, properties: [], cases: asCases };
    }),
  );
}
