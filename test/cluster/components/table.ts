// SPDX-License-Identifier: Apache-2.0
import type { Component } from '../bed/component.ts';
import { argocd } from './argocd.ts';
import { pki } from './cluster-pki.ts';
import { containerd } from './containerd.ts';
import { coredns } from './coredns.ts';
import { etcd } from './etcd.ts';
import { gatekeeper } from './gatekeeper.ts';
import { gitea } from './gitea.ts';
import { grafeas } from './grafeas.ts';
import { kubeApiserver } from './kube-apiserver.ts';
import { kubeControllerManager } from './kube-controller-manager.ts';
import { kubeProxy } from './kube-proxy.ts';
import { kubeScheduler } from './kube-scheduler.ts';
import { kubelet } from './kubelet.ts';
import { node } from './node.ts';
import { registry, registryPlain } from './registry.ts';
import { ctLog } from './sigstore/ct-log.ts';
import { fulcio } from './sigstore/fulcio.ts';
import { oidcIssuer } from './sigstore/oidc-issuer.ts';
import { rekorV1 } from './sigstore/rekor-v1.ts';
import { rekorV2 } from './sigstore/rekor-v2.ts';
import { sigstoreTrust } from './sigstore/sigstore-trust.ts';
import { trillian } from './sigstore/trillian.ts';
import { tsa } from './sigstore/tsa.ts';
import { storage } from './storage.ts';
import { tekton } from './tekton.ts';
import { tektonChains } from './tekton-chains.ts';
import { tektonTriggers } from './tekton-triggers.ts';

/** All components of the bed; the order is that of `status`. */
export const components: readonly Component[] = [
  node,
  pki,
  etcd,
  kubeApiserver,
  kubeControllerManager,
  kubeScheduler,
  registry,
  registryPlain,
  containerd,
  kubelet,
  kubeProxy,
  coredns,
  storage,
  sigstoreTrust,
  oidcIssuer,
  ctLog,
  fulcio,
  tsa,
  trillian,
  rekorV1,
  rekorV2,
  tekton,
  tektonTriggers,
  tektonChains,
  gatekeeper,
  grafeas,
  gitea,
  argocd,
];
