// SPDX-License-Identifier: Apache-2.0
import { refusedError } from '../errors/errors.ts';
import { allowsPlainHttp, isLoopback } from './endpoint.ts';

const MAX_REALM = 2048;

/**
 * The token server that a registry names in its Bearer challenge (distribution token spec, "realm"). A credential is
 * about to be sent there, so it must be https (plain HTTP only where that is allowed for the host itself), hold no user
 * info, and must not lead from a remote registry to this machine. Throws refused REGISTRY_REALM_REFUSED.
 */
export function tokenRealm(realm: string | undefined, registry: string, insecureRegistries: readonly string[]): URL {
  const refuse = (why: string): never => {
    throw refusedError('REGISTRY_REALM_REFUSED', `${registry} asks to log in at a token server that is not acceptable: ${why}`, {
      hint: 'no credential was sent; check the registry name, and insecure-registries if its token server speaks plain HTTP',
    });
  };
  if (realm === undefined || realm === '') return refuse('its challenge names none');
  const url = realm.length > MAX_REALM || /[\s\\]/.test(realm) ? null : URL.parse(realm);
  if (url === null) return refuse('it is not a URL');
  if (url.username !== '' || url.password !== '') return refuse('its URL carries a credential');
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return refuse('it is not an https URL');
  if (isLoopback(url.host) && !isLoopback(registry)) return refuse(`${url.host} is this machine`);
  if (url.protocol === 'http:' && !allowsPlainHttp(url.host, insecureRegistries)) return refuse(`${url.host} would be spoken to in plain HTTP`);
  url.hash = '';
  return url;
}
