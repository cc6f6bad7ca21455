// SPDX-License-Identifier: Apache-2.0
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { PolicyFile } from '../../lib/policy/policy-schema.ts';
import { SUMMARY_CHECK } from '../../lib/verify/verdict-value.ts';
import { readConfig } from './config.ts';

const folder = join(import.meta.dirname, 'manifests');
const manifests = readdirSync(folder).map((name) => parse(readFileSync(join(folder, name), 'utf8')));
const find = (kind: string, name: string) => manifests.find((object) => object.kind === kind && object.metadata.name === name);
const deployment = find('Deployment', 'admission-provider');
const [container] = deployment.spec.template.spec.containers;
const config = readConfig(container.args, {});

describe('the Deployment', () => {
  test('mounts what the settings look for', () => {
    const mounted = container.volumeMounts.map(({ mountPath }: { mountPath: string }) => mountPath).sort();
    const wanted = [
      config['policy-folder'],
      config['trusted-root'],
      config['docker-config'],
      config['namespace-logins'],
      config['tls-cert'],
      config['client-ca'],
    ];
    expect(mounted).toEqual(wanted.map((path) => `/${path?.split('/')[1]}`).sort());
  });

  test('listens where probes, Service and NetworkPolicy look', () => {
    const ports = Object.fromEntries(container.ports.map(({ name, containerPort }: { name: string; containerPort: number }) => [name, containerPort]));
    expect(ports).toEqual({ provider: config.port, http: config['health-port'] });
    expect(find('Service', 'admission-provider').spec.ports[0]).toMatchObject({ port: 443, targetPort: 'provider' });
    const open = find('NetworkPolicy', 'admission-provider').spec.ingress.flatMap((rule: { ports: { port: number }[] }) => rule.ports.map(({ port }) => port));
    expect(open).toEqual([config.port, config['health-port']]);
  });

  test('gets no variables of its Service, one of which has the name of a setting', () => {
    expect(deployment.spec.template.spec.enableServiceLinks).toBe(false);
    expect(() => readConfig(container.args, { ADMISSION_PROVIDER_PORT: 'tcp://10.96.0.1:443' })).toThrow(/--port/);
  });

  test('has no right in the cluster and no token', () => {
    expect(manifests.filter(({ kind }) => /Role/.test(kind))).toEqual([]);
    expect(find('ServiceAccount', 'admission-provider').automountServiceAccountToken).toBe(false);
    expect(deployment.spec.template.spec.automountServiceAccountToken).toBe(false);
  });

  test('has time to send its clients away before it is killed', () => {
    expect(deployment.spec.template.spec.terminationGracePeriodSeconds * 1000).toBeGreaterThan(config.drain + config['work-limit'] / 2);
  });
});

describe('time-outs', () => {
  const timeouts = (name: string): number => find('Provider', name).spec.timeout * 1000;

  test('leave the provider the last word before Gatekeeper, and Gatekeeper before the API server', () => {
    const asking = manifests.filter(({ kind, spec }) => kind === 'ConstraintTemplate' && JSON.stringify(spec).includes('external_data('));
    expect(asking).toHaveLength(1);
    expect(timeouts('image-verdict') * asking.length).toBeLessThan(3000);
    expect(config.deadline).toBeLessThan(timeouts('image-verdict'));
    expect(config['mutate-deadline']).toBeLessThan(1000);
    expect(config['summary-deadline']).toBeLessThan(timeouts('image-summary'));
    // Constraints that ask both are asked one after the other.
    expect(config.deadline + config['summary-deadline']).toBeLessThan(3000);
  });
});

describe('the template', () => {
  const parameters = find('ConstraintTemplate', 'verifiedimages').spec.crd.spec.validation.openAPIV3Schema.properties;

  test('offers the verdict and every type of rule that there is', () => {
    const types: string[] = PolicyFile.shape.rules.element.options.map(({ shape }) => shape.type.value);
    expect(parameters.checks.items.enum.toSorted()).toEqual(['verdict', SUMMARY_CHECK, ...types].toSorted());
  });

  test('asks a Provider that is there', () => {
    const text = JSON.stringify(find('ConstraintTemplate', 'verifiedimages').spec.targets);
    expect(text).toContain('image-verdict');
    expect(find('Provider', 'image-verdict').spec.url).toBe('https://admission-provider.admission-provider.svc/validate');
    expect(find('Provider', 'image-summary').spec.url).toBe('https://admission-provider.admission-provider.svc/summary');
    expect(find('Provider', 'image-digest').spec.url).toBe('https://admission-provider.admission-provider.svc/mutate');
  });

  test.each(manifests.filter(({ kind }) => kind === 'Assign'))('the mutation $metadata.name fails closed, and on creation alone', ({ spec }) => {
    expect(spec.parameters.assign.externalData).toEqual({ provider: 'image-digest', dataSource: 'ValueAtLocation', failurePolicy: 'Fail' });
    expect(spec.applyTo[0].operations).toEqual(['CREATE']);
  });
});
