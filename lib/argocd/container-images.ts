// SPDX-License-Identifier: Apache-2.0

const LISTS = ['containers', 'initContainers', 'ephemeralContainers'];
const MAX_DEPTH = 24;
const MAX_IMAGES = 1000;

/** Every image of a container in a manifest of any kind: whatever stands as `image` in a list `containers`, `initContainers` or `ephemeralContainers`, however deep. */
export function containerImages(manifest: unknown): string[] {
  const found: string[] = [];
  collect(manifest, 0, found);
  return [...new Set(found)];
}

function collect(value: unknown, depth: number, found: string[]): void {
  if (depth > MAX_DEPTH || typeof value !== 'object' || value === null || found.length >= MAX_IMAGES) return;
  if (Array.isArray(value)) {
    for (const item of value) collect(item, depth + 1, found);
    return;
  }
  for (const [key, child] of Object.entries(value)) {
    if (LISTS.includes(key) && Array.isArray(child)) {
      for (const container of child) if (hasImage(container)) found.push(container.image);
    }
    collect(child, depth + 1, found);
  }
}

function hasImage(value: unknown): value is { image: string } {
  return typeof value === 'object' && value !== null && 'image' in value && typeof value.image === 'string' && value.image !== '';
}
