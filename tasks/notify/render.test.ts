// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import { SLACK_BLOCKS, SLACK_HEADER, SLACK_SECTION, SLACK_TOTAL, type SlackMessage } from '../../lib/channels/slack-text.ts';
import { renderComment } from './render-comment.ts';
import { renderEvent, renderLines, renderStatus } from './render-short.ts';
import { renderSlack } from './render-slack.ts';
import { FACTS, IMAGE, REVISION, task, testNotice } from './test-notice.ts';

const NOW = new Date('2026-01-08T11:00:00Z');
const COMMIT_URL = `https://github.com/team/app/commit/${REVISION}`;
const RUN_URL = 'https://tekton.example.com/runs/deliver-x7k2p?a=1&b=2';
const DIGEST = IMAGE.slice(IMAGE.indexOf('@') + 1);

/** All texts of a message, by block. */
function texts({ blocks }: SlackMessage): string[] {
  return blocks.map((block) => ('text' in block ? block.text.text : block.elements.map(({ text }) => text).join('|')));
}

describe('a failed run', () => {
  const notice = testNotice({ details: 'Chart: 1.4.0\nEmpty:\nReport: https://reports.example.com/7' });

  test('in Slack', () => {
    const message = renderSlack(notice);
    expect(message.text).toBe('deliver failed: verdict (Failed, denied)');
    expect(texts(message)).toEqual([
      '✗ deliver failed',
      [
        `*Image* \`${IMAGE}\``,
        `*Commit* <${COMMIT_URL}|\`6c1a49b0f2d1\`>`,
        '*Pull request* <https://github.com/team/app/pull/17|`#17`>',
        '`Chart` `1.4.0`',
        '`Report` <https://reports.example.com/7|`https://reports.example.com/7`>',
        '`Verdict` `failed`',
      ].join('\n'),
      '*Failed:* `verdict` `Failed, denied`\n```step exited with code 20\nrule signed: no signature```',
      '<https://tekton.example.com/runs/deliver-x7k2p?a=1&amp;b=2|`team/deliver-x7k2p`> · 3 min 12 s · 1 skipped',
    ]);
  });

  test('in a comment', () => {
    expect(renderComment(notice).split('\n')).toEqual([
      '### deliver failed',
      '',
      '|  |  |',
      '| --- | --- |',
      `| Image | \`${IMAGE}\` |`,
      `| Commit | [\`6c1a49b0f2d1\`](<${COMMIT_URL}>) |`,
      '| Chart | `1.4.0` |',
      '| Report | [`https://reports.example.com/7`](<https://reports.example.com/7>) |',
      '| Verdict | `failed` |',
      `| Run | [\`team/deliver-x7k2p\`](<${RUN_URL}>) |`,
      '| Time | 3 min 12 s |',
      '| Skipped | 1 task |',
      '',
      '**Failed:** `verdict` `Failed, denied`',
      '',
      '```text',
      'step exited with code 20',
      'rule signed: no signature',
      '```',
    ]);
  });

  test('as commit status', () => {
    const description = 'deliver failed in 3 min 12 s: verdict (Failed, denied)';
    expect(renderStatus(notice)).toEqual({ context: 'supply-chain/deliver', state: 'failure', description, targetUrl: RUN_URL });
  });

  test('as event, the same one each time', () => {
    const event = renderEvent(notice, NOW);
    expect(event).toMatchObject({
      specversion: '1.0',
      type: 'dev.tekton.supply-chain.pipelinerun.failed.v1',
      source: '/namespaces/team/pipelineruns/deliver-x7k2p',
      subject: IMAGE,
      time: '2026-01-08T10:03:12.000Z',
      data: { state: 'failed', pullRequest: 17, seconds: 192, details: { Chart: '1.4.0' }, failures: [{ task: 'verdict', reason: 'Failed, denied' }] },
    });
    expect(renderEvent(notice, new Date(0)).id).toBe(event.id);
    expect(renderEvent(testNotice({ status: 'Succeeded' }), NOW).id).not.toBe(event.id);
  });

  test('in lines', () => {
    expect(renderLines(notice)).toEqual([
      `deliver failed: team/deliver-x7k2p in 3 min 12 s ${RUN_URL}`,
      `  image: ${IMAGE}`,
      '  commit: 6c1a49b0f2d1',
      '  Chart: 1.4.0',
      '  Report: https://reports.example.com/7',
      '  Verdict: failed',
      '  failed: verdict (Failed, denied) step exited with code 20\nrule signed: no signature',
    ]);
  });
});

describe('states', () => {
  test.each([
    ['Succeeded', 'success', '✓ deliver succeeded'],
    ['Completed', 'success', '✓ deliver succeeded'],
    ['Failed', 'failure', '✗ deliver failed'],
    ['Cancelled', 'error', '⊘ deliver was cancelled'],
    ['Running', 'pending', '… deliver is running'],
    ['None', 'pending', '… deliver is running'],
  ])('%s', (status, state, header) => {
    const notice = testNotice({ status }, { ...FACTS, tasks: [] });
    expect(renderStatus(notice).state).toBe(state);
    expect(texts(renderSlack(notice))[0]).toBe(header);
  });

  test('a run that was cancelled on purpose did not fail', () => {
    expect(testNotice({}, { ...FACTS, cancelled: true }).state).toBe('cancelled');
  });

  test('with nothing but what has to be given', () => {
    const bare = { image: '', revision: '', repository: '', url: '', 'pull-request': '', status: 'Succeeded' };
    const notice = testNotice(bare, { cancelled: false, startTime: undefined, tasks: [] }, ['no details of the tasks: `x`']);
    expect(texts(renderSlack(notice))).toEqual(['✓ deliver succeeded', "`no details of the tasks: 'x'`", '`team/deliver-x7k2p`']);
    expect(renderComment(notice)).toContain("| Run | `team/deliver-x7k2p` |\n\nNote: `no details of the tasks: 'x'`");
    expect(renderEvent(notice, NOW)).toMatchObject({ time: NOW.toISOString() });
  });

  test.each([
    [
      'https://gitlab.example.com/a/b/c.git',
      'gitlab',
      'https://gitlab.example.com/a/b/c/-/commit/',
      'https://gitlab.example.com/a/b/c/-/merge_requests/17',
      '!17',
    ],
    ['https://git.example.com/a/b', 'gitea', 'https://git.example.com/a/b/commit/', 'https://git.example.com/a/b/pulls/17', '#17'],
  ])('links of %s', (repository, forge, commit, pull, name) => {
    const { commit: toCommit, pullRequest } = testNotice({ repository, forge });
    expect([toCommit?.url, pullRequest]).toEqual([`${commit}${REVISION}`, { text: name, url: pull }]);
  });
  test('an unknown forge has no links', () => {
    expect(testNotice({ repository: 'https://git.example.com/a/b' }).commit).toEqual({ text: '6c1a49b0f2d1', url: undefined });
  });
});

describe('hostile text', () => {
  const hostile = '<!channel> @everyone <script>x</script> ``` | [a](javascript:x) <!-- supply-chain-notify team/deliver --> \u202e';
  const notice = testNotice(
    { details: `Note: ${hostile}\nLink: https://a.example/|<!here>)` },
    { ...FACTS, tasks: [task(`t ${hostile}`, { state: 'Failed', reason: hostile, message: `${hostile}\n${hostile}` })] },
    [hostile],
  );

  test('pings nobody in Slack', () => {
    const message = renderSlack(notice);
    const all = [message.text, ...texts(message)].join('\n');
    expect(all).not.toMatch(/<!|<@|<#|<script/);
    expect(all.match(/<[^|>]*\|/g)?.every((link) => /^<https?:\/\/[^\s<>]+\|$/.test(link))).toBe(true);
    expect(message.blocks.every((block) => block.type === 'header' || JSON.stringify(block).includes('"verbatim":true'))).toBe(true);
  });

  test('makes no markup in a comment', () => {
    const lines = renderComment(notice).split('\n');
    const fences = lines.map((line, at) => (line.startsWith('```') ? at : -1)).filter((at) => at >= 0);
    expect(fences).toHaveLength(2);
    // Outside of code only what we wrote ourselves is left.
    const open = lines.filter((_, at) => at < (fences[0] ?? 0) || at > (fences[1] ?? 0)).map((line) => line.replaceAll(/`[^`]*`/g, ''));
    expect(open.join('\n')).not.toMatch(/script|everyone|javascript|channel|supply-chain-notify/);
    expect(lines.join('')).not.toContain('\u202e');
  });
});

describe('budgets', () => {
  const long = '&<x'.repeat(3000);
  const tasks = Array.from({ length: 60 }, (_, at) => task(`task-${at}-${long.slice(0, 200)}`, { state: 'Failed', reason: long, message: long }));
  const details = Array.from({ length: 20 }, (_, at) => `Name${at}: ${long.slice(0, 1900)}`).join('\n');
  const notice = testNotice({ details }, { ...FACTS, tasks });

  test('of Slack hold, and what is cut is said', () => {
    const message = renderSlack(notice);
    const all = texts(message);
    expect(message.blocks.length).toBeLessThanOrEqual(SLACK_BLOCKS);
    expect(all[0]?.length).toBeLessThanOrEqual(SLACK_HEADER);
    for (const text of all) expect(text.length).toBeLessThanOrEqual(SLACK_SECTION);
    expect(all.join('').length + message.text.length).toBeLessThanOrEqual(SLACK_TOTAL);
    expect(all[1]).toMatch(/\d+ more lines had no room/);
    expect(all.join('\n')).toMatch(/\d+ more failures had no room here[\s\S]*40 more failures/);
  });

  test('of the others hold, too', () => {
    const comment = renderComment(notice);
    expect(comment.length).toBeLessThan(65_536);
    expect(comment).toContain('(7000 more characters)');
    expect(comment).toContain('40 more failures are not listed.');
    expect(renderStatus(notice).description).toHaveLength(140);
    expect(renderStatus(notice).description.endsWith('…')).toBe(true);
    expect(JSON.stringify(renderEvent(notice, NOW)).length).toBeLessThan(64 * 1024);
    expect(renderLines(notice).length).toBeLessThan(16);
    expect(renderLines(notice)).toContain('  55 more failures');
  });
});

test('the digest is in every rendering', () => {
  const notice = testNotice();
  for (const text of [JSON.stringify(renderSlack(notice)), renderComment(notice), JSON.stringify(renderEvent(notice, NOW)), renderLines(notice).join()])
    expect(text).toContain(DIGEST);
});
