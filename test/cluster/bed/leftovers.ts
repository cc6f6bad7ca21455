// SPDX-License-Identifier: Apache-2.0

/** Mount points at or below `root` from the text of /proc/self/mountinfo (proc(5)), the last mounted first, as they have to be unmounted. */
export function mountsBelow(mountinfo: string, root: string): string[] {
  const points = mountinfo.split('\n').flatMap((line) => line.split(' ')[4] ?? []);
  const plain = points.map((point) => point.replace(/\\([0-7]{3})/g, (_match, octal: string) => String.fromCharCode(Number.parseInt(octal, 8))));
  return plain.filter((point) => point === root || point.startsWith(`${root}/`)).toReversed();
}

/** Chains of kubelet, kube-proxy and the CNI plugins. */
const OWN_CHAIN = /^(KUBE|CNI)-/;

/**
 * What `iptables-restore --noflush` needs to take the bed's rules away, from what `iptables-save` prints: rules of other chains that jump to the chains of
 * kubelet, kube-proxy and CNI plugins or carry `comment`, then those chains. Empty when there is nothing to take away.
 */
export function removalScript(saved: string, comment: string): string {
  const tables = saved.split(/^COMMIT$/m).map((text) => text.split('\n').filter((line) => line !== '' && !line.startsWith('#')));
  const scripts = tables.map((lines) => tableRemoval(lines, comment));
  // The rule with the comment is in the filter table and tells a later run that there is something to do, so that table comes last.
  return scripts.sort((a, b) => Number(a.startsWith('*filter')) - Number(b.startsWith('*filter'))).join('');
}

function tableRemoval(lines: readonly string[], comment: string): string {
  const table = lines.find((line) => line.startsWith('*'));
  const chains = lines.flatMap((line) => /^:(\S+) /.exec(line)?.[1] ?? []).filter((chain) => OWN_CHAIN.test(chain));
  const rules = lines.filter((line) => isForeignRule(line) && (jumpsToOwn(line) || carries(line, comment)));
  if (table === undefined || chains.length + rules.length === 0) return '';
  const removed = [...rules.map((rule) => rule.replace(/^-A/, '-D')), ...chains.map((chain) => `-F ${chain}`), ...chains.map((chain) => `-X ${chain}`)];
  return [table, ...removed, 'COMMIT', ''].join('\n');
}

function isForeignRule(line: string): boolean {
  const chain = /^-A (\S+)/.exec(line)?.[1];
  return chain !== undefined && !OWN_CHAIN.test(chain);
}

function jumpsToOwn(line: string): boolean {
  const target = / -[jg] (\S+)/.exec(line.replace(/"(?:[^"\\]|\\.)*"/g, ''))?.[1];
  return target !== undefined && OWN_CHAIN.test(target);
}

/** Whether a rule has exactly this comment. */
export function carries(line: string, comment: string): boolean {
  return line.includes(` --comment ${comment} `) || line.includes(` --comment "${comment}" `);
}
