// SPDX-License-Identifier: Apache-2.0
import type { Http, HttpResponse } from '../http/http.ts';
import { parseChallenges } from './challenge.ts';
import type { Credentials, Login } from './credentials.ts';
import { tokenRealm } from './realm.ts';
import type { Action, RepositoryName } from './session.ts';
import { basicAuthorization, fetchToken } from './token.ts';

export type Scope = RepositoryName & { action: Action; alsoPull?: string };

export type AuthorizerOptions = { http: Http; credentials: Credentials; insecureRegistries: readonly string[]; now: () => number };

export type Authorizer = {
  /** The Authorization value to send at once, or undefined while nothing is known about the registry. */
  authorization(scope: Scope): Promise<string | undefined>;
  /** Learns from a 401 to a request that was sent with `used`; whether sending again can help. */
  challenged(scope: Scope, response: HttpResponse, used: string | undefined): Promise<boolean>;
};

type Method = { scheme: 'basic' } | { scheme: 'bearer'; realm: URL; service: string | undefined };
type CachedToken = { value: string; until: number };

const ACTIONS: Record<Action, string> = { pull: 'pull', push: 'pull,push', delete: 'pull,push,delete' };

/**
 * Logs in to registries as they ask (RFC 9110 challenges Basic and Bearer, distribution token spec). How a registry
 * wants it is learnt from its first 401; tokens are kept per repository and rights, got once for parallel requests, and
 * replaced when they run out or are answered with 401.
 */
export function createAuthorizer(options: AuthorizerOptions): Authorizer {
  const logins = new Map<string, Method>();
  const tokens = new Map<string, CachedToken>();
  const pending = new Map<string, Promise<string>>();

  async function bearer(scope: Scope, login: Method & { scheme: 'bearer' }, credential: Login): Promise<string> {
    for (const key of keysThatServe(scope)) {
      const known = tokens.get(key);
      if (known !== undefined && known.until > options.now()) return known.value;
    }
    const key = tokenKey(scope);
    const running = pending.get(key);
    if (running !== undefined) return running;
    const { http, now } = options;
    const started = now();
    const fetching = fetchToken({ http, registry: scope.registry, realm: login.realm, service: login.service, scopes: scopesOf(scope), credential })
      .then(({ value, lifetimeMs }) => {
        tokens.set(key, { value, until: started + lifetimeMs });
        return value;
      })
      .finally(() => pending.delete(key));
    pending.set(key, fetching);
    return fetching;
  }

  async function authorization(scope: Scope): Promise<string | undefined> {
    const given = options.credentials(scope.registry, scope.repository);
    if (given.kind === 'registry-token') return `Bearer ${given.token}`;
    const login = logins.get(scope.registry);
    if (login === undefined) return undefined;
    const credential = given.kind === 'on-demand' ? await given.get() : given;
    if (login.scheme === 'basic') return credential.kind === 'password' ? basicAuthorization(credential) : undefined;
    return `Bearer ${await bearer(scope, login, credential)}`;
  }

  async function challenged(scope: Scope, response: HttpResponse, used: string | undefined): Promise<boolean> {
    const login = readLogin(scope, response, options.insecureRegistries);
    if (login === undefined) return false;
    logins.set(scope.registry, login);
    for (const key of keysThatServe(scope)) {
      if (used === `Bearer ${tokens.get(key)?.value}`) tokens.delete(key);
    }
    const next = await authorization(scope);
    return next !== undefined && next !== used;
  }

  return { authorization, challenged };
}

function readLogin(scope: Scope, response: HttpResponse, insecureRegistries: readonly string[]): Method | undefined {
  const challenges = parseChallenges(response.headers['www-authenticate']);
  const bearer = challenges.find(({ scheme }) => scheme === 'bearer');
  if (bearer !== undefined) {
    return { scheme: 'bearer', realm: tokenRealm(bearer.params['realm'], scope.registry, insecureRegistries), service: bearer.params['service'] };
  }
  return challenges.some(({ scheme }) => scheme === 'basic') ? { scheme: 'basic' } : undefined;
}

function scopesOf(scope: Scope): string[] {
  const own = `repository:${scope.repository}:${ACTIONS[scope.action]}`;
  return scope.alsoPull === undefined ? [own] : [own, `repository:${scope.alsoPull}:pull`];
}

function tokenKey(scope: Scope): string {
  return `${scope.registry} ${scopesOf(scope).join(' ')}`;
}

/** The keys of the tokens that cover the scope, the exact one first: who may push may pull. */
function keysThatServe(scope: Scope): string[] {
  const wider: Record<Action, Action[]> = { pull: ['pull', 'push', 'delete'], push: ['push', 'delete'], delete: ['delete'] };
  return wider[scope.action].map((action) => tokenKey({ ...scope, action }));
}
