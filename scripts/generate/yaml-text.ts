// SPDX-License-Identifier: Apache-2.0
import { Document, isCollection, isMap, isScalar, isSeq, Pair, Scalar, visit } from 'yaml';

/** The yaml package lets a folded line grow a little over its width, so that this keeps all within 120. */
const LINE_WIDTH = 118;
/** Short maps that read best on one line, by the key that holds them or the list that they are items of. */
const ONE_LINE = new Set(['env', 'requests', 'limits', 'command', 'capabilities', 'seccompProfile']);
const PARAGRAPHS = new Set(['spec', 'params', 'workspaces', 'results', 'steps', 'image']);

/**
 * A manifest as YAML for human readers: keys in the order of the object, texts folded at 120 columns, a blank line before each part of `spec`,
 * and whatever YAML 1.1 (which Kubernetes reads) takes for another type quoted.
 */
export function toYaml(manifest: object, comment: string): string {
  const document = new Document(manifest, { compat: 'yaml-1.1' });
  document.commentBefore = ` ${comment}`;
  visit(document, {
    Pair(_key, pair, path) {
      if (!isScalar(pair.key)) return;
      const key = String(pair.key.value);
      const nested = path.filter((node) => node instanceof Pair).length > 1;
      if (PARAGRAPHS.has(key) && !nested && !isFirst(pair, path.at(-1))) pair.key.spaceBefore = true;
      if (ONE_LINE.has(key)) setFlow(pair.value);
      if (isVersion(key) && isScalar(pair.value)) pair.value.type = Scalar.QUOTE_DOUBLE;
      if (key === 'description' && isScalar(pair.value)) foldWhenLong(pair.value, path);
    },
  });
  return document.toString({ lineWidth: LINE_WIDTH, flowCollectionPadding: false });
}

function isFirst(pair: Pair, parent: unknown): boolean {
  return isMap(parent) && parent.items[0] === pair;
}

function isVersion(key: string): boolean {
  return key === 'app.kubernetes.io/version' || key === 'tekton.dev/pipelines.minVersion';
}

function setFlow(node: unknown): void {
  if (isSeq(node) && node.items.every(isCollection)) for (const item of node.items) setFlow(item);
  else if (isCollection(node)) node.flow = true;
}

/** `path` holds the nodes around the pair; each pair and each list among them indents by two. */
function foldWhenLong(scalar: Scalar, path: readonly unknown[]): void {
  const indent = 2 * path.filter((node) => node instanceof Pair || isSeq(node)).length;
  const width = indent + 'description: ""'.length + String(scalar.value).length;
  if (width > LINE_WIDTH) scalar.type = Scalar.BLOCK_FOLDED;
}
