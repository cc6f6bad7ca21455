// SPDX-License-Identifier: Apache-2.0

/** A kind of object as the API server's paths name it. `group` is '' for the core group. */
export type Resource = { group: string; version: string; plural: string };

/** What every object has that this suite reads; the rest stays as it came. */
export type KubeObject = {
  apiVersion?: string;
  kind?: string;
  metadata: { name: string; namespace?: string; uid?: string; resourceVersion?: string; [field: string]: unknown };
  [field: string]: unknown;
};

/** Where an object is: without `name` the collection, without `namespace` cluster-wide. */
export type Place = { namespace?: string | undefined; name?: string; subresource?: string };

/** A resource from an apiVersion as objects write it: `v1`, `tekton.dev/v1beta1`. */
export function resource(apiVersion: string, plural: string): Resource {
  const [group = '', version] = apiVersion.split('/');
  return version === undefined ? { group: '', version: group, plural } : { group, version, plural };
}

/** The path of an object or collection (Kubernetes API concepts, "Resource URIs"); every part is escaped. */
export function resourcePath({ group, version, plural }: Resource, { namespace, name, subresource }: Place): string {
  const root = group === '' ? ['api', version] : ['apis', group, version];
  const parts = [
    ...root,
    ...(namespace ? ['namespaces', namespace] : []),
    plural,
    ...(name === undefined ? [] : [name]),
    ...(subresource ? [subresource] : []),
  ];
  return `/${parts.map(encodeURIComponent).join('/')}`;
}

/** For messages: `customruns shop/release-gate`, `customruns of namespace shop`. */
export function describePlace({ plural }: Resource, { namespace, name, subresource }: Place): string {
  const what = `${plural}${subresource ? `/${subresource}` : ''}`;
  if (name === undefined) return namespace ? `${what} of namespace ${namespace}` : what;
  return `${what} ${namespace ? `${namespace}/` : ''}${name}`;
}

/** `namespace/name` of an object, the key of caches and queues. */
export function keyOf({ metadata }: { metadata: { name: string; namespace?: string | undefined } }): string {
  return `${metadata.namespace ?? ''}/${metadata.name}`;
}
