// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import { assembleMessage, contextBlock, escapeSlack, headerBlock, SLACK_TOTAL, sectionBlock, slackCode, slackFence, slackLink } from './slack-text.ts';

describe('foreign text', () => {
  test.each([
    ['<!channel> & <@U1>', '&lt;!channel&gt; &amp; &lt;@U1&gt;'],
    ['<https://evil.example|click>', '&lt;https://evil.example|click&gt;'],
    ['&lt;!here&gt;', '&amp;lt;!here&amp;gt;'],
  ])('%s cannot ping or link', (text, escaped) => {
    expect(escapeSlack(text, 100)).toBe(escaped);
  });

  test.each([
    ['<<<<', 9, '&lt;&lt;…'],
    ['<<<<', 12, '&lt;&lt;…'],
    ['aaaa', 4, 'aaaa'],
    ['aaaaa', 4, 'aaa…'],
    ['a👍👍', 4, 'a👍…'],
    ['a👍👍', 3, 'a…'],
  ])('%s in %i characters tears nothing', (text, max, cut) => {
    expect(escapeSlack(text, max)).toBe(cut);
    expect(escapeSlack(text, max).length).toBeLessThanOrEqual(max);
  });

  test('leaves no code span and no fence', () => {
    expect(slackCode('a` *b* `\n<!here>')).toBe("`a' *b* ' &lt;!here&gt;`");
    expect(slackFence('x```\n<!channel>', 100)).toBe("```x'''\n&lt;!channel&gt;```");
    expect(slackFence('y'.repeat(99), 50)).toHaveLength(50);
    expect(slackCode('  ')).toBe('–');
  });

  test.each([
    ['https://a.example/?x=1&y=<z>|w', '<https://a.example/?x=1&amp;y=%3Cz%3E%7Cw|`l`>'],
    ['javascript:alert(1)', '`l`'],
    ['no url', '`l`'],
    [`https://a.example/${'p'.repeat(1000)}`, '`l`'],
    [undefined, '`l`'],
  ])('%s as a link', (url, link) => {
    expect(slackLink(url, 'l')).toBe(link);
  });
});

describe('a message', () => {
  const more = (count: number) => contextBlock(`${count} more`);
  const last = [contextBlock('end')];

  test('keeps 50 blocks and 10,000 characters, and says what is missing', () => {
    const optional = Array.from({ length: 60 }, () => sectionBlock('s'));
    const crowded = assembleMessage('t', { first: [headerBlock('h')], optional, last, more });
    expect(crowded.blocks).toHaveLength(50);
    expect(crowded.blocks.slice(-2)).toEqual([contextBlock('13 more'), ...last]);
    const long = assembleMessage('t'.repeat(5000), { first: [], optional: Array.from({ length: 9 }, () => sectionBlock('s'.repeat(3000))), last, more });
    const characters = long.text.length + JSON.stringify(long.blocks.map((block) => ('text' in block ? block.text.text : ''))).length;
    expect(characters).toBeLessThanOrEqual(SLACK_TOTAL);
    expect(long.blocks.slice(-2)).toEqual([contextBlock('7 more'), ...last]);
  });

  test('with room for everything says nothing of the kind', () => {
    const { blocks } = assembleMessage('t', { first: [], optional: [sectionBlock('s')], last, more });
    expect(blocks).toEqual([sectionBlock('s'), ...last]);
  });

  test('has a header of at most 150 characters', () => {
    expect(headerBlock('h'.repeat(200))).toMatchObject({ text: { text: `${'h'.repeat(149)}…` } });
  });
});
