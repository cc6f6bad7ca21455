// SPDX-License-Identifier: Apache-2.0
import { expect, test } from 'vitest';
import { refusedError } from '../errors/errors.ts';
import type { Grafeas } from './client.ts';
import { v1beta1 } from './codec-v1beta1.ts';
import type { Occurrence, StoredOccurrence } from './occurrence.ts';
import { storeOccurrences } from './store.ts';
import { CONTENTS, envelope, occurrence, RESOURCE_URI } from './test-occurrences.ts';

type Fake = Grafeas & { held: StoredOccurrence[]; calls: string[] };

/** A server in memory. `swallow` decides what a batch loses, `spoil` what it does to one. */
function fakeGrafeas(options: { swallow?: (one: Occurrence, batch: number) => boolean; spoil?: (one: StoredOccurrence) => StoredOccurrence } = {}): Fake {
  const held: StoredOccurrence[] = [];
  const notes = new Set<string>();
  const calls: string[] = [];
  const stored = (one: Occurrence): StoredOccurrence => {
    const wire = v1beta1.occurrence('projects/p', one);
    return { name: '', noteName: String(wire['noteName']), kind: '', resourceUri: one.resourceUri, createTime: '', identity: v1beta1.identity(wire), wire };
  };
  return {
    api: 'v1beta1',
    url: 'https://grafeas.example.com',
    parent: 'projects/p',
    held,
    calls,
    async ensureNote({ noteId }) {
      calls.push(`note ${noteId}`);
      return !notes.has(noteId) && Boolean(notes.add(noteId));
    },
    async *ofNote(noteId) {
      calls.push(`list ${noteId}`);
      yield* held.filter(({ noteName }) => noteName.endsWith(`/${noteId}`));
    },
    async *ofProject() {
      yield* held;
    },
    async create(batch) {
      calls.push(`create ${batch.length}`);
      const kept = batch
        .filter((one) => !options.swallow?.(one, batch.length))
        .map((one) => ({ ...stored(one), name: `projects/p/occurrences/${held.length}` }));
      const answered = kept.map((one) => options.spoil?.(one) ?? one);
      held.push(...answered);
      return answered;
    },
    expected: stored,
  };
}

const attestations = (count: number, size = 1): Occurrence[] =>
  Array.from({ length: count }, (_, index) => occurrence({ kind: 'ATTESTATION', hint: 'h', envelope: envelope(`${index}${'x'.repeat(size)}`) }));

test('adds what is missing, and asks a new note for nothing', async () => {
  const grafeas = fakeGrafeas();
  const all = Object.entries(CONTENTS).map(([, content], index) => occurrence(content, `note-${index}`));
  const first = await storeOccurrences(grafeas, all);
  expect([first.present.length, first.created.length]).toEqual([0, all.length]);
  expect(grafeas.calls.filter((call) => call.startsWith('list'))).toEqual([]);
  const second = await storeOccurrences(grafeas, all);
  expect([second.present.length, second.created.length]).toEqual([all.length, 0]);
  expect(grafeas.held).toHaveLength(all.length);
});

test('the same thing asked for twice is stored once', async () => {
  const grafeas = fakeGrafeas();
  const [one] = attestations(1);
  if (!one) throw new Error('missing');
  const { created } = await storeOccurrences(grafeas, [one, { ...one, resourceUri: RESOURCE_URI.replace('https://', 'oci://') }]);
  expect(created).toHaveLength(1);
});

test('two notes with equal content are two things', async () => {
  const grafeas = fakeGrafeas();
  const content = CONTENTS['vulnerability'];
  if (!content) throw new Error('missing');
  const { created } = await storeOccurrences(grafeas, [occurrence(content, 'CVE-1'), occurrence(content, 'CVE-2')]);
  expect(created).toHaveLength(2);
  expect((await storeOccurrences(grafeas, [occurrence(content, 'CVE-2')])).present).toHaveLength(1);
});

test('another artifact with the same content is another thing', async () => {
  const grafeas = fakeGrafeas();
  const [one] = attestations(1);
  if (!one) throw new Error('missing');
  await storeOccurrences(grafeas, [one]);
  expect((await storeOccurrences(grafeas, [{ ...one, resourceUri: RESOURCE_URI.replace('app@', 'other@') }])).created).toHaveLength(1);
});

test('goes in pieces of 100 and of 2 MiB', async () => {
  const many = fakeGrafeas();
  await storeOccurrences(many, attestations(250));
  expect(many.calls.filter((call) => call.startsWith('create'))).toEqual(['create 100', 'create 100', 'create 50']);
  const large = fakeGrafeas();
  await storeOccurrences(large, attestations(7, 250_000));
  expect(large.calls.filter((call) => call.startsWith('create'))).toEqual(['create 3', 'create 3', 'create 1']);
});

test('what a batch lost is sent by itself, so that the server says why', async () => {
  const lost = fakeGrafeas({
    swallow: (one, batch) => batch > 1 && one.content.kind === 'ATTESTATION' && one.content.envelope.payload.toString().startsWith('1'),
  });
  const { created } = await storeOccurrences(lost, attestations(3));
  expect(created).toHaveLength(3);
  expect(lost.calls).toEqual(['note release-note', 'create 3', 'list release-note', 'create 1']);
  const refusing = fakeGrafeas({
    swallow: (_, batch) => {
      if (batch === 1) throw refusedError('GRAFEAS_REFUSED', 'occurrence is invalid');
      return true;
    },
  });
  await expect(storeOccurrences(refusing, attestations(2))).rejects.toMatchObject({ code: 'GRAFEAS_REFUSED' });
});

test.each([
  ['swallowed by itself', { swallow: () => true }],
  ['kept without its content', { spoil: (one: StoredOccurrence) => ({ ...one, identity: undefined }) }],
  ['kept for another note', { spoil: (one: StoredOccurrence) => ({ ...one, noteName: 'projects/p/notes/other' }) }],
])('what is confirmed and %s is an error', async (_, options) => {
  for (const count of [1, 2])
    await expect(storeOccurrences(fakeGrafeas(options), attestations(count))).rejects.toMatchObject({ kind: 'refused', code: 'GRAFEAS_INCOMPLETE' });
});

test('the server may name the project by another name', async () => {
  const grafeas = fakeGrafeas({ spoil: (one) => ({ ...one, noteName: one.noteName.replace('projects/p/', 'projects/123456/') }) });
  expect((await storeOccurrences(grafeas, attestations(2))).created).toHaveLength(2);
  expect((await storeOccurrences(grafeas, attestations(2))).present).toHaveLength(2);
});
