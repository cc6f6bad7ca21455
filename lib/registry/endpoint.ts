// SPDX-License-Identifier: Apache-2.0

/** Base URL of a registry, without a trailing slash: plain HTTP for this machine and for `insecureRegistries` (`host[:port]`), TLS otherwise. */
export function registryBase(registry: string, insecureRegistries: readonly string[]): string {
  return `${allowsPlainHttp(registry, insecureRegistries) ? 'http' : 'https'}://${registry}`;
}

/** Whether plain HTTP may be spoken with `host[:port]`: localhost, 127.0.0.0/8, ::1, and the hosts named as insecure. */
export function allowsPlainHttp(host: string, insecureRegistries: readonly string[]): boolean {
  const wanted = host.toLowerCase();
  return isLoopback(wanted) || insecureRegistries.some((insecure) => insecure.toLowerCase() === wanted);
}

/** Whether `host[:port]` is this machine. */
export function isLoopback(host: string): boolean {
  const name = host.toLowerCase().replace(/:\d*$/, '');
  return name === 'localhost' || name === '[::1]' || /^127(?:\.\d{1,3}){3}$/.test(name);
}
