// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseDigestReference } from '../../../lib/reference/reference.ts';
import { MEDIA_TYPE } from '../../../lib/registry/oci.ts';
import { rotateAuthority } from './admission-authority.ts';
import { withoutProvider } from './admission-install.ts';
import { medianAdmission } from './admission-latency.ts';
import { create, KINDS, type Kind, pathOf, reasonsOf, violationsOf, workload } from './admission-objects.ts';
import { type AdmissionScene, type ImageName, openAdmissionScene, until } from './admission-scene.ts';
import type { ApiAnswer } from './api-client.ts';
import { openArtifactPlace } from './artifact-place.ts';
import { kubectl } from './install-as-admin.ts';

let scene: AdmissionScene;
beforeAll(async () => {
  scene = await openAdmissionScene();
});
afterAll(async () => {
  await scene?.close();
});

const CHECKS = ['require-verdict', 'require-cosign-signature', 'require-sbom', 'block-vulnerable-images', 'require-approval'];
const DENIED = 'admission webhook "validation.gatekeeper.sh" denied the request: ';

/** Gatekeeper's mutation refuses with this status, its validation with 403. */
const REFUSED = 500;

let names = 0;
type Asked = { images: readonly string[]; init?: readonly string[]; kind?: Kind; namespace?: string; isKept?: boolean };

/** Creates an object, dry unless told. */
function admit({ images, init = [], kind = 'Deployment', namespace = scene.namespace, isKept = false }: Asked): Promise<ApiAnswer<PodLike>> {
  return create<PodLike>(scene.api, workload({ kind, name: `asked-${names++}`, namespace, images, init }), { isDry: !isKept });
}
type PodLike = { metadata: { name: string }; spec: { containers: { image: string }[] } };

/** Sets the action of all constraints of the catalog, by the command of the README, and waits until Gatekeeper goes by it. */
async function enforce(action: 'warn' | 'deny'): Promise<void> {
  const patch = ['--type', 'merge', '-p', JSON.stringify({ spec: { enforcementAction: action } })];
  await kubectl(scene.suite.bed, ['patch', 'verifiedimages', ...CHECKS, ...patch]);
  await kubectl(scene.suite.bed, ['patch', 'requiredigest', 'require-digest', ...patch]);
  await until(`the constraints ${action}`, async () => {
    const { status, message, warnings } = await admit({ images: [scene.images.thief] });
    const said = action === 'deny' ? message : warnings.join('\n');
    return CHECKS.every((name) => said.includes(`[${name}]`)) && (status === 201) === (action === 'warn') ? true : `${status} ${said}`;
  });
}

/** Lets a tag in the repository of `app` name an image; gives it. */
async function tag(image: string, name: string): Promise<string> {
  const place = openArtifactPlace(scene.suite.registry);
  try {
    const { bytes } = await place.client.manifest(parseDigestReference(image));
    const { registry, repository } = parseDigestReference(scene.images.app);
    await place.client.putManifest({ registry, repository, tag: name }, bytes, MEDIA_TYPE.ociManifest);
    return `${registry}/${repository}:${name}`;
  } finally {
    place.close();
  }
}

describe('roll-out', () => {
  test('dryrun: a bad image is admitted without a word', async () => {
    const { status, warnings } = await admit({ images: [scene.images.unsigned], kind: 'Pod' });
    expect({ status, warnings }).toEqual({ status: 201, warnings: [] });
  });

  test('warn: it is admitted, and people are told which image and why', async () => {
    await enforce('warn');
    const { status, warnings } = await admit({ images: [scene.images.unsigned], kind: 'Pod' });
    expect(status).toBe(201);
    expect(warnings.join('\n')).toMatch(new RegExp(`\\[require-verdict\\] image ${scene.images.unsigned} does not pass check verdict: .*\\[signed\\]`));
  });

  test('deny: it is denied, and elsewhere nobody notices', async () => {
    await enforce('deny');
    expect(await admit({ images: [scene.images.unsigned] })).toMatchObject({ status: 403 });
    expect(await admit({ images: [scene.images.unsigned], namespace: scene.free })).toMatchObject({ status: 201, warnings: [] });
  });
});

describe('a good image', () => {
  test('runs: Deployment, Pod and CronJob are admitted, with init containers', async () => {
    const { app, tool } = scene.images;
    for (const kind of KINDS) expect(await admit({ kind, images: [app], init: [tool] })).toMatchObject({ status: 201, warnings: [] });
    const { status, object } = await admit({ images: [app], init: [tool], isKept: true });
    expect(status).toBe(201);
    await kubectl(scene.suite.bed, ['rollout', 'status', `deployment/${object.metadata.name}`, '-n', scene.namespace, '--timeout=60s']);
  });
});

describe('a bad image', () => {
  test.each<[string, ImageName, reason: RegExp, failed: string[], constraints: string[]]>([
    ['unsigned', 'unsigned', /there is no signature.*remedy: sign the artifact/, ['logged', 'signed'], ['require-cosign-signature']],
    ['signed by a stranger', 'stranger', /none of the trusted keys signed/, ['logged', 'signed'], ['require-cosign-signature']],
    ['not in the log', 'unlogged', /not in the log/, ['logged'], ['require-cosign-signature']],
    [
      'with the evidence of another image',
      'thief',
      /speaks about another artifact/,
      ['approved', 'logged', 'sbom', 'signed', 'vulnerabilities'],
      CHECKS.slice(1),
    ],
    ['without SBOM', 'bare', /no SBOM by release/, ['sbom'], ['require-sbom']],
    ['with a tampered attestation', 'tampered', /\[sbom\] no SBOM by release; sha256:[0-9a-f]{64}: was rejected/, ['sbom'], ['require-sbom']],
    [
      'with a vulnerability whose waiver has expired',
      'waived',
      /CVE-2026-0002.*its waiver, approved by ann, expired after 2026-01-31/,
      ['vulnerabilities'],
      ['block-vulnerable-images'],
    ],
    ['without approval', 'unapproved', /\[approved\] no approval attested by release/, ['approved'], ['require-approval']],
    ['with a critical vulnerability', 'critical', /CVE-2026-0001 in greeting 2\.1\.0: critical/, ['vulnerabilities'], ['block-vulnerable-images']],
  ])(
    '%s is denied in Pod, Deployment and CronJob, and as init container, with image and reason, which policy-check gives, too',
    async (_, name, reason, failed, constraints) => {
      const image = scene.images[name];
      const verdict = await scene.maker.check(image);
      const asked: Asked[] = [
        ...KINDS.map((kind) => ({ kind, images: [image] })),
        ...KINDS.map((kind) => ({ kind, images: [scene.images.app], init: [image] })),
      ];
      for (const each of asked) {
        const { status, message } = await admit({ ...each, isKept: true });
        expect({ status, message }, message).toEqual({ status: 403, message: expect.stringContaining(DENIED) });
        const violations = violationsOf(message);
        expect(new Set(violations.map(({ constraint }) => constraint)), message).toEqual(new Set([...constraints, 'require-verdict']));
        for (const { text } of violations) expect(text).toContain(`image ${image} does not pass check `);
        const whole = violations.find(({ constraint }) => constraint === 'require-verdict')?.text ?? '';
        expect(whole).toMatch(reason);
        expect([...whole.matchAll(/(?:: | \| )\[([a-z]+)\] /g)].map(([, rule]) => rule)).toEqual(failed);
        for (const said of reasonsOf(verdict)) expect(whole).toContain(said);
      }
      expect(verdict.outcome).toBe('failed');
      expect(
        verdict.rules
          .filter(({ outcome }) => outcome === 'failed')
          .map(({ id }) => id)
          .toSorted(),
      ).toEqual(failed);
    },
  );

  test('is denied to kubectl debug in a Pod that runs', async () => {
    const { object } = await admit({ kind: 'Pod', images: [scene.images.app], isKept: true });
    const args = ['debug', object.metadata.name, '-n', scene.namespace, '--profile=restricted', '--container=debug'];
    const denied = await scene.suite.bed.kubectl([...args, `--image=${scene.images.unsigned}`]);
    expect(denied).toMatchObject({ code: 1, stderr: expect.stringContaining(`image ${scene.images.unsigned} does not pass check verdict`) });
    expect(await scene.suite.bed.kubectl([...args, `--image=${scene.images.tool}`])).toMatchObject({ code: 0 });
  });

  test('that is not there is denied, by name', async () => {
    const image = `${scene.images.app.split('@')[0]}@sha256:${'0'.repeat(64)}`;
    const { status, message } = await admit({ images: [image] });
    expect({ status, message }).toEqual({ status: 403, message: expect.stringContaining(`image ${image} cannot be verified: MANIFEST_UNKNOWN`) });
  });
});

describe('a tag', () => {
  test('is pinned to its digest in a new Pod, which runs; moved to what nobody signed, no Pod gets it', async () => {
    const { app, unsigned } = scene.images;
    const tagged = await tag(app, 'moving');
    const pinned = `${tagged}@${app.split('@')[1]}`;
    const { status, object } = await admit({ kind: 'Pod', images: [tagged], isKept: true });
    expect(status).toBe(201);
    expect(object.spec.containers.map(({ image }) => image)).toEqual([pinned]);
    await kubectl(scene.suite.bed, ['wait', '--for=condition=Ready', `pod/${object.metadata.name}`, '-n', scene.namespace, '--timeout=60s']);
    await tag(unsigned, 'moving');
    await until('the moved tag is denied', async () => {
      const later = await admit({ kind: 'Pod', images: [tagged] });
      if (later.status !== 201) return later.message.includes(`image ${tagged}@${unsigned.split('@')[1]} does not pass`) ? true : later.message;
      expect(later.object.spec.containers.map(({ image }) => image)).toEqual([pinned]);
      return 'still pinned to what it named before';
    });
  });

  test('moved after signing, it is denied in a Deployment, which nothing pins', async () => {
    const tagged = await tag(scene.images.app, 'moved');
    await tag(scene.images.unsigned, 'moved');
    const { status, message } = await admit({ images: [tagged] });
    expect(status).toBe(403);
    expect(message).toContain(`image ${tagged} does not pass check signature: [signed] not signed by release`);
  });

  test('that does not exist is refused by the mutation', async () => {
    const { status, message } = await admit({ kind: 'Pod', images: [`${scene.images.app.split('@')[0]}:none`] });
    expect({ status, message }).toEqual({ status: REFUSED, message: expect.stringContaining('from provider image-digest: MANIFEST_UNKNOWN') });
  });
});

describe('a verdict that flipped while the image ran', () => {
  test('denies what is new, and holds no update up that brings no image in', async () => {
    const { older, images, api, flippedBefore } = scene;
    expect(flippedBefore).toBe('passed');
    const path = `${pathOf('Deployment', older)}/flipped`;
    await until('the constraints look at the namespace', async () => {
      const { status, message } = await admit({ images: [images.flipped], namespace: older });
      return status === 403 && message.includes('CVE-2026-0001') ? true : `${status} ${message}`;
    });
    expect(await api.send('PATCH', path, { metadata: { labels: { looked: 'at' } } })).toMatchObject({ status: 200, warnings: [] });
    expect(await api.send('PATCH', path, { spec: { template: { metadata: { labels: { looked: 'at' } } } } })).toMatchObject({ status: 200 });
    expect(await api.send('PATCH', path, { spec: { paused: true } })).toMatchObject({ status: 200 });
    const changed = await api.send('PATCH', path, { spec: { template: { spec: { containers: [{ name: 'c0', image: images.unsigned }] } } } });
    expect(changed).toMatchObject({ status: 403, message: expect.stringContaining(`image ${images.unsigned} does not pass check verdict`) });
    const { object } = await api.send<{ items: { metadata: { name: string } }[] }>('GET', pathOf('Pod', older));
    const [pod] = object.items;
    expect(await api.send('PATCH', `${pathOf('Pod', older)}/${pod?.metadata.name}`, { metadata: { labels: { looked: 'at' } } })).toMatchObject({ status: 200 });
  });
});

/** Until kube-proxy has heard that no pod is left, the address of one that is gone is dialled. */
const GONE = '(?:connection refused|context deadline exceeded)';

describe('what is down', () => {
  test('the registry: nothing new gets in, the message says so, and what is up again is asked again', async () => {
    const { proxy, images, suite } = scene;
    const behind = (image: string): string => scene.fresh(image.replace(suite.registry, proxy.host));
    const [app, tagged] = [behind(images.app), `${behind(images.app).split('@')[0]}`];
    proxy.faults(() => 'cut');
    const pod = await admit({ kind: 'Pod', images: [tagged] });
    expect(pod).toMatchObject({ status: REFUSED, message: expect.stringMatching(new RegExp(`provider image-digest.*${proxy.host}.*HTTP_UNREACHABLE`)) });
    for (const kind of KINDS) {
      const { status, message } = await admit({ kind, images: [images.tool, app] });
      expect(status).toBe(403);
      expect(message).toMatch(new RegExp(`no verdict, nothing is let in without one: provider image-verdict: ${app}: HTTP_UNREACHABLE.*${proxy.host}`));
    }
    proxy.faults(() => 'hold');
    const slow = behind(images.app);
    expect(await admit({ images: [slow] })).toMatchObject({ status: 403, message: expect.stringContaining(`DEADLINE: no verdict within 1.8 s about ${slow}`) });
    proxy.faults();
    expect(await admit({ images: [images.tool, app] })).toMatchObject({ status: 201 });
  });

  test('the provider: nothing new gets in, the message says so, and with the provider back it gets in', async () => {
    const image = scene.fresh(scene.images.app);
    await withoutProvider(scene.suite.bed, async () => {
      const { status, message } = await admit({ images: [image] });
      expect(status).toBe(403);
      expect(message).toMatch(new RegExp(`images ${image}: no verdict, .*: provider image-verdict: .*admission-provider.svc/validate.*${GONE}`));
      const pod = await admit({ kind: 'Pod', images: [image] });
      expect(pod).toMatchObject({
        status: REFUSED,
        message: expect.stringMatching(new RegExp(`provider image-digest.*admission-provider.svc/mutate.*${GONE}`)),
      });
    });
    await until('the image gets in', async () => {
      const { status, message } = await admit({ images: [image] });
      return status === 201 ? true : message;
    });
  });
});

test('certificates of a new CA come in while admissions go on, and none is denied', async () => {
  const denials: string[] = [];
  let asked = 0;
  await rotateAuthority(scene, async () => {
    const { status, message } = await admit({ images: [scene.fresh(scene.images.app)] });
    asked += 1;
    if (status !== 201) denials.push(message);
  });
  expect(denials).toEqual([]);
  expect(asked).toBeGreaterThan(5);
});

test('an admission of a Deployment with three containers is hardly longer', async () => {
  const { images, free, namespace, api } = scene;
  const three = [images.app, images.tool, images.third];
  const object = (where: string, chosen: readonly string[]) => workload({ kind: 'Deployment', name: 'measured', namespace: where, images: chosen });
  const without = await medianAdmission(api, () => object(free, three));
  const kept = await medianAdmission(api, () => object(namespace, three));
  const asked = await medianAdmission(api, () => object(namespace, three.map(scene.fresh)));
  const ms = (value: number): string => `${value.toFixed(1)} ms`;
  console.error(
    `admission of a Deployment with 3 containers, median of 20: ${ms(without)} without, ${ms(kept)} with (answers kept by Gatekeeper), ${ms(asked)} with the provider asked`,
  );
  expect(kept - without).toBeLessThan(50);
  expect(asked - without).toBeLessThan(50);
});

test('the audit finds what ran before', async () => {
  const { images, older, api } = scene;
  type Audited = { status?: { violations?: { namespace: string; name: string; kind: string; message: string }[] } };
  const found = async (kind: string, name: string): Promise<string> => {
    const { object } = await api.send<Audited>('GET', '/apis/constraints.gatekeeper.sh/v1beta1/verifiedimages/require-verdict');
    return object.status?.violations?.find((each) => each.namespace === older && each.kind === kind && each.name === name)?.message ?? '';
  };
  // Gatekeeper audits every 60 s.
  await until(
    'the audit tells of flipped',
    async () => ((await found('Deployment', 'flipped')).includes('CVE-2026-0001') ? true : await found('Deployment', 'flipped')),
    90,
  );
  expect(await found('Deployment', 'flipped')).toContain(`image ${images.flipped} does not pass check verdict: [vulnerabilities]`);
  expect(await found('Deployment', 'unsigned')).toContain(`image ${images.unsigned} does not pass check verdict: [logged]`);
});
