// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { SEVERITIES } from './findings.ts';
import { AttestationTypes, common, Day, Days, Glob, Prose, SignerRequirement } from './schema-parts.ts';

const VulnerabilityId = z
  .string()
  .max(100)
  .regex(/^[A-Za-z0-9][A-Za-z0-9._:-]+$/, 'must be the identifier of one vulnerability, such as CVE-2025-0001');

/** An exception with an end, that somebody answers for. */
const Waiver = z.strictObject({
  id: VulnerabilityId,
  package: z.string().min(1).max(300).optional().describe('Only for the package of this name.'),
  purl: Glob.optional().describe('Only for packages whose package URL this matches.'),
  images: z.array(Glob).min(1, 'must not be empty').max(100).optional().describe('Only for these images, as host/repository.'),
  reason: Prose.describe('Why the finding may stay.'),
  approver: Prose.describe('Who answers for it.'),
  ticket: z.string().min(1).max(500).optional(),
  expires: Day.describe('The last day (UTC) on which the waiver applies.'),
});
export type Waiver = z.output<typeof Waiver>;

const ASKED = ['severity', 'minCvss', 'minEpss', 'kev'] as const;
const Block = z
  .strictObject({
    severity: z.enum(SEVERITIES).optional().describe('This severity and every worse one.'),
    fix: z.enum(['any', 'available']).default('any').describe('available: only where the scanner knows a fixed version.'),
    minCvss: z.number().min(0).max(10).optional().describe('Base score of the newest CVSS version that the report has for the finding.'),
    minEpss: z.number().min(0).max(1).optional().describe('Probability of exploitation (EPSS).'),
    kev: z.literal(true, 'must be true, or left out').optional().describe('Only what is known to be exploited (KEV).'),
    leeway: z
      .strictObject({ days: Days, since: z.enum(['published', 'fixed']) })
      .optional()
      .describe('Not blocked for so many days since the vulnerability was published, or since its first fix.'),
    ifUnknown: z
      .enum(['block', 'pass'])
      .default('block')
      .describe('What to do about a finding for which the report does not carry what this entry asks for (CVSS, EPSS, KEV, a day).'),
  })
  .refine((entry) => ASKED.some((name) => entry[name] !== undefined), `must have one of ${ASKED.join(', ')}`);
export type Block = z.output<typeof Block>;

const Report = z.strictObject({
  file: z.boolean().default(true).describe('Whether the report that is handed over as a file counts.'),
  attestation: z
    .strictObject({
      predicateTypes: AttestationTypes.default(['vuln', 'https://in-toto.io/attestation/vulns/v0.1', 'https://in-toto.io/attestation/vulns/v0.2']),
      signers: SignerRequirement,
    })
    .optional()
    .describe('Whether, and by whom, an attested report counts.'),
  requireDigest: z.boolean().default(false).describe('Whether the report itself must name the digest that it scanned.'),
  maxScanAgeDays: Days.optional().describe(
    'How old the scan may be. An attested report needs a verified time, which the time that it states must not be after.',
  ),
  maxDatabaseAgeDays: Days.optional().describe('How old the database of the scanner may be, in the same way.'),
});

export const VulnerabilitiesRule = z.strictObject({
  ...common,
  type: z.literal('vulnerabilities'),
  report: Report.prefault({}),
  block: z.array(Block).min(1, 'must name what to block').max(20),
  unknownSeverity: z.enum(['block', 'warn', 'ignore']).default('block').describe('What to do about findings without a severity.'),
  vex: z
    .strictObject({
      predicateTypes: AttestationTypes.default(['openvex', 'https://openvex.dev/ns/v0.2.0', 'cyclonedx']),
      signers: SignerRequirement,
    })
    .optional()
    .describe('Whose attested VEX statements (OpenVEX, CycloneDX) count: not_affected and fixed suppress a finding.'),
  waivers: z.array(Waiver).max(1000).default([]),
  waiverWarningDays: Days.default(14).describe('How many days before its end a waiver is reported as soon to expire.'),
});
