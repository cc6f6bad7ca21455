// SPDX-License-Identifier: Apache-2.0

/** A CycloneDX SBOM of the image with one component, that states it is complete. */
export function smallSbom(image: string): Record<string, unknown> {
  const root = { 'bom-ref': 'root', type: 'container', name: 'app', hashes: [{ alg: 'SHA-256', content: image.split('sha256:')[1] ?? '' }] };
  return {
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    version: 1,
    metadata: { component: root },
    components: [{ 'bom-ref': 'tiny', type: 'library', name: 'tiny', version: '1.0.0', purl: 'pkg:npm/tiny@1.0.0' }],
    compositions: [{ aggregate: 'complete', assemblies: ['root'] }],
  };
}

type Finding = { id: string; severity: string; package: string; version: string };

/** What `grype -o json` writes about the image, as far as the policy reads it (grype 0.1xx, JSON model). */
export function grypeReport(image: string, findings: readonly Finding[]): Record<string, unknown> {
  const digest = image.split('@')[1] ?? '';
  return {
    matches: findings.map((finding) => ({
      vulnerability: { id: finding.id, severity: finding.severity, fix: { versions: ['9.9.9'], state: 'fixed' } },
      relatedVulnerabilities: [],
      artifact: { name: finding.package, version: finding.version, type: 'npm' },
    })),
    source: { type: 'image', target: { userInput: image, manifestDigest: digest, repoDigests: [image] } },
    descriptor: { name: 'grype', version: '0.100.0' },
  };
}

/** What `trivy image --format json` writes about the image, as far as the policy reads it (report schema 2). */
export function trivyReport(image: string, findings: readonly Finding[]): Record<string, unknown> {
  return {
    SchemaVersion: 2,
    ArtifactName: image,
    ArtifactType: 'container_image',
    Metadata: { RepoDigests: [image] },
    Results: [
      {
        Target: 'Node.js',
        Class: 'lang-pkgs',
        Type: 'node-pkg',
        Vulnerabilities: findings.map((finding) => ({
          VulnerabilityID: finding.id,
          PkgName: finding.package,
          InstalledVersion: finding.version,
          FixedVersion: '9.9.9',
          Status: 'fixed',
          Severity: finding.severity.toUpperCase(),
        })),
      },
    ],
  };
}
