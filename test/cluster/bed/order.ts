// SPDX-License-Identifier: Apache-2.0
import { bugError, inputError } from '../../../lib/errors/errors.ts';
import type { Component } from './component.ts';

type Node = Pick<Component, 'name' | 'groups' | 'needs'>;
/** Names of components or groups; empty `only` means all. */
export type Selection = { only?: readonly string[]; skip?: readonly string[] };

/**
 * The components of a selection, each after all that it needs: those of `only` with what they need, without those of `skip` and what needs them.
 * Throws StepError: input `COMPONENT_UNKNOWN`, `SELECTION_CONFLICT` (asked for, and left without what it needs); bug `COMPONENTS_INVALID`.
 */
export function selectComponents<C extends Node>(all: readonly C[], { only = [], skip = [] }: Selection): C[] {
  const ordered = inOrder(all);
  const asked = only.length === 0 ? undefined : named(all, only);
  const skipped = named(all, skip);
  for (const { name, needs } of ordered) if (needs.some((need) => skipped.has(need))) skipped.add(name);
  const exact = only.filter((name) => skipped.has(name));
  if (exact.length > 0) {
    throw inputError('SELECTION_CONFLICT', `${exact.join(', ')} cannot start without what is skipped`, {
      hint: `drop it from --only, or ${skip.join(', ')} from --skip`,
    });
  }
  const wanted = new Set(asked ?? ordered.map(({ name }) => name));
  for (const name of skipped) wanted.delete(name);
  for (const { name, needs } of ordered.toReversed()) if (wanted.has(name)) for (const need of needs) wanted.add(need);
  return ordered.filter(({ name }) => wanted.has(name));
}

function named(all: readonly Node[], names: readonly string[]): Set<string> {
  const found = names.flatMap((asked) => {
    const matches = all.filter(({ name, groups }) => name === asked || groups.includes(asked));
    if (matches.length > 0) return matches.map(({ name }) => name);
    const groups = [...new Set(all.flatMap((component) => component.groups))];
    throw inputError('COMPONENT_UNKNOWN', `there is no component or group "${asked}"`, {
      hint: `groups: ${groups.join(', ')}; components: ${all.map(({ name }) => name).join(', ')}`,
    });
  });
  return new Set(found);
}

/** Each after all that it needs, otherwise as they stand. */
function inOrder<C extends Node>(all: readonly C[]): C[] {
  const byName = new Map(all.map((component) => [component.name, component]));
  if (byName.size !== all.length) throw bugError('COMPONENTS_INVALID', 'two components have one name');
  const ordered = new Set<C>();
  const visit = (component: C, path: readonly string[]): void => {
    if (ordered.has(component)) return;
    if (path.includes(component.name)) throw bugError('COMPONENTS_INVALID', `components need each other: ${[...path, component.name].join(' → ')}`);
    for (const need of component.needs) {
      const needed = byName.get(need);
      if (needed === undefined) throw bugError('COMPONENTS_INVALID', `${component.name} needs ${need}, which there is not`);
      visit(needed, [...path, component.name]);
    }
    ordered.add(component);
  };
  for (const component of all) visit(component, []);
  return [...ordered];
}

/**
 * Starts each component as soon as all that it needs (and is among `components`) has started, so that independent ones start side by side.
 * After a failure nothing more is started; what is under way is waited for, and the first error is thrown.
 */
export async function startInOrder<C extends Node>(components: readonly C[], start: (component: C) => Promise<void>): Promise<void> {
  const started = new Map<string, Promise<boolean>>();
  const errors: unknown[] = [];
  for (const component of components) {
    const needs = component.needs.flatMap((need) => started.get(need) ?? []);
    const run = async (): Promise<boolean> => {
      const ready = await Promise.all(needs);
      if (errors.length > 0 || ready.includes(false)) return false;
      try {
        await start(component);
        return true;
      } catch (error) {
        errors.push(error);
        return false;
      }
    };
    started.set(component.name, run());
  }
  await Promise.all(started.values());
  if (errors.length > 0) throw errors[0];
}
