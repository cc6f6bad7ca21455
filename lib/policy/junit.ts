// SPDX-License-Identifier: Apache-2.0
import { stripVTControlCharacters } from 'node:util';

/** One test case; `why` of a failure stands in its attribute, `text` below it. */
export type JunitCase = {
  /** Of the thing that the case belongs to. */
  className: string;
  name: string;
  end: { kind: 'passed' } | { kind: 'failed' | 'skipped'; why: string; text?: string };
  /** What else there is to say about the case. */
  output?: string;
};

/** A suite; `at` is RFC 3339. */
export type JunitSuite = { name: string; at: string; properties: readonly [name: string, value: string][]; cases: readonly JunitCase[] };

/**
 * JUnit XML as CI services read it (the schema of Jenkins' xUnit plugin, junit-10.xsd, without the fields that nobody measured). Characters that XML 1.0 forbids ("Characters") are
 * taken out, since not even an escape may stand for them.
 */
export function junitXml(suites: readonly JunitSuite[]): string {
  const all = suites.flatMap(({ cases }) => cases);
  return `<?xml version="1.0" encoding="UTF-8"?>
<testsuites${counts(all)}>
${suites.map(suiteXml).join('\n')}
</testsuites>
`;
}

function suiteXml({ name, at, properties, cases }: JunitSuite): string {
  const listed = properties.map(([key, value]) => `      <property name="${attribute(key)}" value="${attribute(value)}"/>\n`).join('');
  return `  <testsuite name="${attribute(name)}" timestamp="${attribute(at)}"${counts(cases)}>
${listed === '' ? '' : `    <properties>\n${listed}    </properties>\n`}${cases.map(caseXml).join('\n')}
  </testsuite>`;
}

function caseXml({ className, name, end, output }: JunitCase): string {
  const start = `    <testcase classname="${attribute(className)}" name="${attribute(name)}" time="0">`;
  const element = end.kind === 'failed' ? 'failure' : 'skipped';
  const result = end.kind === 'passed' ? '' : `\n      <${element} message="${attribute(end.why)}">${content(end.text ?? '')}</${element}>`;
  const said = output === undefined || output === '' ? '' : `\n      <system-out>${content(output)}</system-out>`;
  return `${start}${result}${said}\n    </testcase>`;
}

function counts(cases: readonly JunitCase[]): string {
  const of = (kind: JunitCase['end']['kind']): number => cases.filter(({ end }) => end.kind === kind).length;
  return ` tests="${cases.length}" failures="${of('failed')}" errors="0" skipped="${of('skipped')}" time="0"`;
}

function content(text: string): string {
  return allowed(text).replace(/[&<>]/g, entity);
}

/** A line break in an attribute would be read as a space. */
function attribute(text: string): string {
  return allowed(text).replace(/[&<>"'\t\n\r]/g, entity);
}

function entity(character: string): string {
  return `&#${character.charCodeAt(0)};`;
}

function allowed(text: string): string {
  return stripVTControlCharacters(text)
    .toWellFormed()
    .replace(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, '');
}
