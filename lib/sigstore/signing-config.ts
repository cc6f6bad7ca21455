// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { inputError } from '../errors/errors.ts';

const MEDIA_TYPE = 'application/vnd.dev.sigstore.signingconfig.v0.2+json';
const MAX_SERVICES = 100;

const HttpUrl = z
  .string()
  .max(2000)
  .refine((text) => /^https?:$/.test(URL.parse(text)?.protocol ?? ''), 'is not an http:// or https:// URL')
  .refine((text) => !URL.parse(text)?.username && !URL.parse(text)?.password, 'holds credentials')
  .transform((text) => text.replace(/\/+$/, ''));
const Time = z.iso.datetime({ offset: true }).transform((text) => new Date(text));
const Service = z.object({
  url: HttpUrl,
  majorApiVersion: z.int().min(1),
  validFor: z.object({ start: Time.optional(), end: Time.optional() }).optional(),
  operator: z.string().max(500).default(''),
});
const Services = z.array(Service).max(MAX_SERVICES).default([]);
const Selection = z.object({ selector: z.enum(['ALL', 'ANY', 'EXACT']).optional(), count: z.int().min(1).optional() }).default({});
const Config = z.object({
  mediaType: z.literal(MEDIA_TYPE),
  caUrls: Services,
  rekorTlogUrls: Services,
  rekorTlogConfig: Selection,
  tsaUrls: Services,
  tsaConfig: Selection,
});

type Service = z.output<typeof Service>;
type Selection = z.output<typeof Selection>;

/** A Sigstore signing config as it stands in its file. */
export type SigningConfig = z.output<typeof Config>;

/** Where to sign today. `version` of a log is the major version of its API, 1 or 2; URLs have no slash at their end. */
export type SigningServices = { fulcio: string | undefined; logs: readonly { url: string; version: number }[]; timestampAuthorities: readonly string[] };

/** Reads a signing config (protobuf-specs, SigningConfig v0.2, JSON). Throws input SIGNING_CONFIG_INVALID. */
export function parseSigningConfig(text: string): SigningConfig {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw inputError('SIGNING_CONFIG_INVALID', 'the file that signing-config names is not JSON', { cause });
  }
  const parsed = Config.safeParse(json);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.slice(0, 3).map(({ path, message }) => `${path.join('.')} ${message}`);
  throw inputError('SIGNING_CONFIG_INVALID', `the file that signing-config names is no Sigstore signing config v0.2: ${problems.join('; ')}`);
}

/**
 * The services of the config to sign with at `now` (protobuf-specs, SigningConfig and ServiceSelector, read as sigstore-go's SelectServices does):
 * those valid now with the highest API version that is spoken here, the newest of each operator, of these all, the newest one, or as many as the config says.
 * OIDC providers are passed over: nobody is there to log in. Throws input SIGNING_CONFIG_INVALID for a selector that cannot be met, SIGNING_SERVICE_MISSING where services are named and none is valid now.
 */
export function chooseServices(config: SigningConfig, now: Date): SigningServices {
  const [authority] = choose('certificate authority', config.caUrls, { selector: 'ANY' }, [1], now);
  return {
    fulcio: authority?.url,
    logs: choose('transparency log', config.rekorTlogUrls, config.rekorTlogConfig, [2, 1], now).map(({ url, majorApiVersion }) => ({
      url,
      version: majorApiVersion,
    })),
    timestampAuthorities: choose('timestamp authority', config.tsaUrls, config.tsaConfig, [1], now).map(({ url }) => url),
  };
}

function choose(what: string, services: readonly Service[], { selector, count }: Selection, versions: readonly number[], now: Date): readonly Service[] {
  if (services.length === 0) return [];
  const newestFirst = services.filter((service) => isValidAt(service, now)).toSorted((a, b) => startOf(b) - startOf(a));
  const version = versions.find((candidate) => newestFirst.some(({ majorApiVersion }) => majorApiVersion === candidate));
  const candidates = onePerOperator(newestFirst.filter(({ majorApiVersion }) => majorApiVersion === version));
  if (candidates.length === 0) {
    throw inputError(
      'SIGNING_SERVICE_MISSING',
      `the signing config names no ${what} that is valid on ${now.toISOString()} and has API version ${versions.join(' or ')}`,
    );
  }
  if (selector === 'ALL') return candidates;
  if (selector === 'ANY') return candidates.slice(0, 1);
  if (selector === undefined) throw inputError('SIGNING_CONFIG_INVALID', `the signing config names a ${what}, and not by which selector to choose one`);
  if (count === undefined || count > candidates.length) {
    throw inputError(
      'SIGNING_CONFIG_INVALID',
      `the signing config asks for EXACT ${count ?? 'without a count'} of ${candidates.length} usable services: ${what}`,
    );
  }
  return candidates.slice(0, count);
}

function isValidAt({ validFor }: Service, now: Date): boolean {
  return (validFor?.start === undefined || validFor.start <= now) && (validFor?.end === undefined || now <= validFor.end);
}

function startOf({ validFor }: Service): number {
  return validFor?.start?.getTime() ?? Number.NEGATIVE_INFINITY;
}

function onePerOperator(newestFirst: readonly Service[]): Service[] {
  return newestFirst.filter(({ operator }, position) => newestFirst.findIndex((other) => other.operator === operator) === position);
}
