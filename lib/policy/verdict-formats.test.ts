// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { VERDICT_FORMAT_NAMES } from '../spec/verdict-format.ts';
import { type JunitCase, junitXml } from './junit.ts';
import { ruleCounts } from './rule-state.ts';
import { evidence, piece, sbom, signature } from './test-evidence.ts';
import { verdictOf } from './test-judge.ts';
import { VERDICT_FORMATS } from './verdict-formats.ts';
import { verdictHtml } from './verdict-html.ts';
import { verdictJunit } from './verdict-junit.ts';
import { verdictSarif } from './verdict-sarif.ts';

const RULES = [
  'id: signed, type: signature, signers: { any: [release] }',
  'id: logged, type: log-entry, signers: { any: [release] }',
  'id: sbom, type: sbom, level: warn, signers: { any: [release] }',
  'id: later, type: sbom, stages: [deploy], signers: { any: [release] }',
];
const MIXED = verdictOf(RULES, evidence(signature()));
const PASSED = verdictOf(RULES, evidence(signature({ index: 3 }), sbom()));

const HOSTILE = [
  '</script><script>alert(1)</script>',
  '<img src=x onerror=alert(1)>',
  `"' onmouseover="alert(1)`,
  '&lt;b&gt;&amp;',
  ']]></failure><testcase name="forged"/>',
  'a\u0000b\u0008c\u001b[31mred\u001b[0m',
  '\ud800 lone, \uffff, \u202Eevil',
  'line\n<!-- -->',
];

function hostileVerdict(text: string) {
  const verdict = verdictOf(RULES, evidence(signature({ rejected: text }), piece(`https://x.example/${text}`, { by: 'qa', index: 1, log: text })));
  verdict.rules.push({
    ...MIXED.rules[0],
    id: 'forged',
    type: 'signature',
    level: 'warn',
    outcome: 'failed',
    summary: text,
    facts: [text],
    problems: [],
    evidence: [text],
  });
  verdict.problems.push({ object: text, reason: text, remedy: text });
  verdict.notes.push(text);
  return verdict;
}

/** The names of the elements in their order; throws when the text is not well-formed XML as far as tags, attributes, entities and characters go. */
function elements(xml: string): string[] {
  if (/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u.test(xml)) throw new Error('a character that XML forbids');
  const open: string[] = [];
  const names: string[] = [];
  const tag = /<(\/?)([a-z-]+)((?:\s[a-z]+="(?:[^<&"]|&#\d+;)*")*)(\/?)>|((?:[^<&]|&#\d+;)+)/gy;
  tag.lastIndex = xml.indexOf('?>') + 2;
  while (tag.lastIndex < xml.length) {
    const at = tag.lastIndex;
    const match = tag.exec(xml);
    if (match === null) throw new Error(`not well-formed at ${JSON.stringify(xml.slice(at, at + 60))}`);
    const [, closing, name = '', , single, text] = match;
    if (text !== undefined) continue;
    if (closing === '/' && open.pop() !== name) throw new Error(`</${name}> closes nothing`);
    if (closing === '') names.push(name);
    if (closing === '' && single === '') open.push(name);
  }
  if (open.length > 0) throw new Error(`<${open.join('><')}> stays open`);
  return names;
}

describe('the table of formats', () => {
  it.each(VERDICT_FORMAT_NAMES)('%s holds each rule of the stage or, for code scanning, what failed, and is the same text for the same verdict', (format) => {
    const text = VERDICT_FORMATS[format].write(MIXED, '1.2.3');
    for (const { id } of MIXED.rules) expect(text).toContain(id);
    expect(text).toBe(VERDICT_FORMATS[format].write(structuredClone(MIXED), '1.2.3'));
  });

  it('writes each form into a file of its own', () => {
    expect(new Set(Object.values(VERDICT_FORMATS).map(({ file }) => file)).size).toBe(VERDICT_FORMAT_NAMES.length);
  });

  it('counts what passed, failed and was warned of', () => {
    expect(ruleCounts(MIXED)).toEqual({ passed: 1, failed: 1, warned: 1 });
    expect(ruleCounts(PASSED)).toEqual({ passed: 3, failed: 0, warned: 0 });
  });
});

describe('HTML', () => {
  it('shows outcome, rules, problems with remedy, and evidence', () => {
    const html = verdictHtml(MIXED);
    expect(html).toContain('<p class="verdict failed">FAILED</p>');
    expect(html).toContain('<td>✗</td><td>logged</td>');
    expect(html).toContain('<td>!</td><td>sbom</td>');
    expect(html).toContain('publish it with a log entry');
    expect(html).toContain('Not judged: later (sbom), it belongs to stage deploy.');
    expect(verdictHtml(PASSED)).toContain('<p class="verdict passed">PASSED</p>');
    expect(verdictHtml(PASSED)).toContain('3 of https://log.example.com');
  });

  it.each(HOSTILE)('lets no foreign text become markup or a script: %j', (text) => {
    const html = verdictHtml(hostileVerdict(text));
    const tags = new Set([...html.matchAll(/<\/?([a-z0-9!-]+)/gi)].map(([, name]) => name));
    for (const tag of tags)
      expect('!doctype html meta title style main h1 h2 h3 p code table thead tbody tr th td div ul li details summary span strong').toContain(tag);
    for (const [tag] of html.matchAll(/<[^>]*>/g)) expect(tag).not.toMatch(/<script|\son[a-z]+=|\ssrc=|\shref=/i);
    expect(html).toContain(`content="default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"`);
    expect([...html].filter((character) => character < ' ' && character !== '\n')).toEqual([]);
    expect(html).not.toContain('\u202E');
  });
});

describe('JUnit', () => {
  it('is a test case for each rule; a warning is skipped, as is another stage', () => {
    const xml = verdictJunit(MIXED);
    expect(xml).toContain('<testsuites tests="4" failures="1" errors="0" skipped="2" time="0">');
    expect(elements(xml).filter((name) => ['testcase', 'failure', 'skipped'].includes(name))).toEqual([
      ...['testcase', 'testcase', 'failure', 'testcase', 'skipped', 'testcase', 'skipped'],
    ]);
    expect(xml).toContain('<testcase classname="test.build" name="logged" time="0">\n      <failure message="not in the log: signature">');
    expect(xml).toContain('<skipped message="warning: no SBOM by release">');
    expect(xml).toContain('message="not judged at stage build: it belongs to stage deploy"');
  });

  it('fails when the policy enforces nothing, although no rule did', () => {
    const xml = verdictJunit(verdictOf(['id: sbom, type: sbom, level: warn, signers: { any: [release] }'], evidence(sbom())));
    expect(xml).toContain('name="the policy" time="0">\n      <failure');
  });

  it.each(HOSTILE)('stays well-formed XML with %j', (text) => {
    const names = elements(verdictJunit(hostileVerdict(text)));
    expect(names.filter((name) => name === 'testcase')).toHaveLength(6);
  });

  it('keeps line breaks and all else that XML allows', () => {
    const one: JunitCase = { className: 'c', name: 'a\nb', end: { kind: 'passed' }, output: 'x\ny\t€😀' };
    const xml = junitXml([{ name: 's', at: '', properties: [], cases: [one] }]);
    expect(xml).toContain('name="a&#10;b"');
    expect(xml).toContain('<system-out>x\ny\t€😀</system-out>');
  });
});

describe('SARIF', () => {
  const parse = (text: string) => JSON.parse(text).runs[0];

  it('has a descriptor with help for each rule, failures with level, and passes as such', () => {
    const run = parse(verdictSarif(MIXED, '1.2.3', 'all'));
    expect(run.tool.driver).toMatchObject({ name: 'policy-check', version: '1.2.3' });
    expect(run.tool.driver.rules.map(({ id }: { id: string }) => id)).toEqual(['signed', 'logged', 'sbom', 'later']);
    for (const rule of run.tool.driver.rules) for (const field of ['shortDescription', 'fullDescription', 'help']) expect(rule[field].text).toMatch(/\S/);
    expect(run.results.map(({ ruleId, kind, level }: Record<string, string>) => [ruleId, kind, level])).toEqual([
      ['logged', 'fail', 'error'],
      ['sbom', 'fail', 'warning'],
      ['signed', 'pass', 'none'],
      ['later', 'notApplicable', 'none'],
    ]);
    for (const result of run.results) {
      expect(run.tool.driver.rules[result.ruleIndex].id).toBe(result.ruleId);
      expect(result.locations[0].physicalLocation.artifactLocation).toEqual({ uri: 'registry.example.com/team/app', index: 0 });
      expect(result.message.text).toMatch(/\S/);
    }
    expect(run.artifacts[0].hashes['sha-256']).toBe('a'.repeat(64));
  });

  it('for code scanning holds problems alone, because GitHub makes an alert of every result', () => {
    expect(parse(verdictSarif(PASSED, '1', 'problems')).results).toEqual([]);
    expect(parse(verdictSarif(MIXED, '1', 'problems')).results.every(({ kind }: { kind: string }) => kind === 'fail')).toBe(true);
  });

  it('gives a problem the same fingerprint for the next build, and two problems two', () => {
    const prints = (digit: string): string[] => {
      const problem = (reason: string) => ({ object: `sha256:${digit.repeat(64)}`, reason, remedy: 'r' });
      const verdict = { ...MIXED, rules: [{ ...MIXED.rules[1], problems: [problem('one'), problem('two')] }] } as typeof MIXED;
      return parse(verdictSarif(verdict, '1', 'all'))
        .results.slice(0, 2)
        .map(({ partialFingerprints: p }: { partialFingerprints: Record<string, string> }) => p['primaryLocationLineHash']);
    };
    expect(prints('1')).toEqual(prints('2'));
    expect(new Set(prints('1')).size).toBe(2);
  });

  it('writes a registry with a port as a valid relative reference', () => {
    const verdict = { ...MIXED, subject: { ...MIXED.subject, reference: `localhost:5000/app@${MIXED.subject.digest}` } };
    expect(parse(verdictSarif(verdict, '1', 'all')).artifacts[0].location.uri).toBe('localhost%3A5000/app');
  });

  it.each(HOSTILE)('keeps every message on the lines that it means to have: %j', (text) => {
    const run = parse(verdictSarif(hostileVerdict(text), '1', 'all'));
    expect(run.tool.driver.rules.at(-1).id).toBe('policy.itself');
    for (const { message, kind } of run.results) if (kind === 'fail') expect(message.text.split('\n')).toHaveLength(2);
    for (const result of run.results) expect(result.ruleIndex).toBeGreaterThanOrEqual(0);
  });
});
