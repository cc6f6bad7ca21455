// SPDX-License-Identifier: Apache-2.0
import { generateKeyPairSync } from 'node:crypto';
import { type LocalKey, localKey } from './signing-key.ts';

/** A key pair that `cosign generate-key-pair` (v3.1.3) made for these tests and that signs nothing else, with the hint that `cosign sign-blob` wrote for it. */
export const COSIGN_KEY = {
  password: 'correct horse',
  privatePem: `-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----
eyJrZGYiOnsibmFtZSI6InNjcnlwdCIsInBhcmFtcyI6eyJOIjo2NTUzNiwiciI6
OCwicCI6MX0sInNhbHQiOiJGZzZCd3BpVXk5ZGlVL3hmRitrWC9XanVwSVVVUk1t
Y2ZDOXAxbHN2NGVFPSJ9LCJjaXBoZXIiOnsibmFtZSI6Im5hY2wvc2VjcmV0Ym94
Iiwibm9uY2UiOiI1aFlIbXFzZWNCT0Z0dUR5MGphWS9jTm1rLzdQV3ljayJ9LCJj
aXBoZXJ0ZXh0IjoicDZwVHl5SkU0U0VjYkZYcVhoaXBpNjlVZEZRNWxqOWZ2TmI4
MEdEaWZyYzZFTDFoU2xHNW1SMUNwazhNUXluem9rVWVkUy9NeVlTNk5IMVFVRWw2
cjA5TzFRdGlDUHJwb0VOT2tNYUFGV2VmaTJpRnNmQ1cyZzNHZERVWEJ0RnpVNXZP
eEVHZ0M1MXBPS1k4Sll1WXZBZVBUaGZXeWRHMDdIM2gyanpOMUx1UUpSZ3dKQWFv
cE80bGN0RGN0QVNvYU40eTJZc2l4Q1RNS2c9PSJ9
-----END ENCRYPTED SIGSTORE PRIVATE KEY-----
`,
  publicPem: `-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE30/gidfaxQw6hlVyr0ui5KJs6ZSy
EEF2grC7fBc0NVpPeBxilqHElztU+xeRA1r4DSde7GYB5hS6a5sXtycxAA==
-----END PUBLIC KEY-----
`,
  hint: 'u6+WsADtkzGnkJKF1dZIEFZyAS1hViWQvxgzUAR9fwg=',
};

/** A new P-256 key that signs under the name. */
export function newSigningKey(name: string): LocalKey {
  return localKey(name, generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey);
}

/** A self-signed certificate (DER) of a P-256 key that nobody has any more. */
export const CERTIFICATE: Buffer = Buffer.from(
  `MIIBGjCBwQIUcKpS/Mg3r0HASFwsEi6uXu4RHTAwCgYIKoZIzj0EAwIwDzENMAsG
A1UEAwwEdGVzdDAgFw0yNjExMjUwMzEzNTlaGA8yMTI2MTEwMTAzMTM1OVowDzEN
MAsGA1UEAwwEdGVzdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABIdBMj+92g1V
NOToJAT7ZBhGs2dnF7Wdp9GxKoO35SOFAHOVOsekCl34j1cb+IjhsyCaOLx6qZU8
GB8wihJgOo4wCgYIKoZIzj0EAwIDSAAwRQIhAOPZ/9EElUzTluse0gFZv87H15AA
SSpbuV5/TgfhWTxZAiBIQf+F88FHbeLYykwOoqxHl0fNU4tfLiSdoARvr+Y2ow==`,
  'base64',
);
