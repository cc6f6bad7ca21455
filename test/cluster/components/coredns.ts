// SPDX-License-Identifier: Apache-2.0
import { Resolver } from 'node:dns/promises';
import { ensurePeer } from '../../peers/peers.ts';
import type { Bed } from '../bed/component.ts';
import { CLUSTER, installation } from './install.ts';
import type { Manifest } from './manifests.ts';

const ADDRESS = '10.96.0.10';
const NAMESPACE = 'kube-system';
/** Stands for the image until it is composed. */
const IMAGE = 'bed:coredns';
/** A port that a user without rights can listen on. */
const PORT = 1053;
const LABELS = { 'k8s-app': 'kube-dns' };

/** Names of the cluster; any other name does not exist, at once, for there is no network to ask. */
export const coredns = installation({
  name: 'coredns',
  groups: ['kubernetes'],
  needs: CLUSTER,
  peers: ['coredns'],
  namespaces: [NAMESPACE],
  async plan(bed) {
    const { coredns: file } = await ensurePeer('coredns', bed);
    const image = { name: 'coredns', files: { '/coredns': file }, entrypoint: ['/coredns'] };
    return { images: { [IMAGE]: image }, stages: [{ objects: [...accessObjects(), configMap(), deployment(), service()] }] };
  },
  answers,
});

async function answers(_bed: Bed): Promise<boolean> {
  const resolver = new Resolver({ timeout: 1000, tries: 1 });
  resolver.setServers([ADDRESS]);
  try {
    return (await resolver.resolve4('kubernetes.default.svc.cluster.local')).includes('10.96.0.1');
  } catch {
    return false;
  }
}

/** Two server blocks: in the first one the template would answer before the cluster is asked. */
const COREFILE = `cluster.local:${PORT} in-addr.arpa:${PORT} ip6.arpa:${PORT} {
    errors
    health :8080
    ready :8181
    kubernetes cluster.local in-addr.arpa ip6.arpa {
        pods insecure
        ttl 5
    }
    cache 5
    loadbalance
}
.:${PORT} {
    errors
    template ANY ANY {
        rcode NXDOMAIN
    }
}
`;

const metadata = { name: 'coredns', namespace: NAMESPACE };

function accessObjects(): Manifest[] {
  const role = { name: 'system:coredns' };
  const apiGroup = 'rbac.authorization.k8s.io';
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata },
    {
      apiVersion: `${apiGroup}/v1`,
      kind: 'ClusterRole',
      metadata: role,
      rules: [
        { apiGroups: [''], resources: ['endpoints', 'services', 'pods', 'namespaces'], verbs: ['list', 'watch'] },
        { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: ['list', 'watch'] },
      ],
    },
    {
      apiVersion: `${apiGroup}/v1`,
      kind: 'ClusterRoleBinding',
      metadata: role,
      roleRef: { apiGroup, kind: 'ClusterRole', name: role.name },
      subjects: [{ kind: 'ServiceAccount', ...metadata }],
    },
  ];
}

function configMap(): Manifest {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { Corefile: COREFILE } };
}

function deployment(): Manifest {
  const probe = (path: string, port: number) => ({ httpGet: { path, port }, periodSeconds: 1, timeoutSeconds: 2 });
  const container = {
    name: 'coredns',
    image: IMAGE,
    args: ['-conf', '/etc/coredns/Corefile'],
    ports: [
      { name: 'dns', containerPort: PORT, protocol: 'UDP' },
      { name: 'dns-tcp', containerPort: PORT, protocol: 'TCP' },
    ],
    resources: { requests: { cpu: '10m', memory: '32Mi' }, limits: { memory: '128Mi' } },
    livenessProbe: { ...probe('/health', 8080), periodSeconds: 10, failureThreshold: 6 },
    readinessProbe: probe('/ready', 8181),
    securityContext: { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } },
    volumeMounts: [{ name: 'config', mountPath: '/etc/coredns', readOnly: true }],
  };
  const pod = {
    serviceAccountName: 'coredns',
    dnsPolicy: 'Default',
    priorityClassName: 'system-cluster-critical',
    securityContext: { runAsNonRoot: true, runAsUser: 65532, seccompProfile: { type: 'RuntimeDefault' } },
    containers: [container],
    volumes: [{ name: 'config', configMap: { name: 'coredns' } }],
  };
  const spec = { replicas: 1, selector: { matchLabels: LABELS }, template: { metadata: { labels: LABELS }, spec: pod } };
  return { apiVersion: 'apps/v1', kind: 'Deployment', metadata, spec };
}

function service(): Manifest {
  const port = (name: string, protocol: string) => ({ name, port: 53, targetPort: PORT, protocol });
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'kube-dns', namespace: NAMESPACE },
    spec: { clusterIP: ADDRESS, selector: LABELS, ports: [port('dns', 'UDP'), port('dns-tcp', 'TCP')] },
  };
}
