/**
 * Who is asking: key pairs and the account each opens. Any pair is welcome unless a list is given.
 * Must never keep a secret in clear: real keys may be sent here by mistake.
 */
import { createHash } from 'node:crypto';

export interface KeyPair {
  readonly key: string;
  readonly secret: string;
  /** USD at the opening of its account; the exchange's own default when absent. */
  readonly cash?: string | undefined;
}

/** What is journaled when a pair is seen for the first time. */
export interface KnownKey {
  readonly key: string;
  readonly secretHash: string;
  readonly accountId: string;
}

export interface Credentials {
  readonly key: string;
  readonly secret: string;
}

export type KeyVerdict =
  | { readonly kind: 'known'; readonly accountId: string }
  /** Welcome, but without an account yet. */
  | { readonly kind: 'new'; readonly secretHash: string; readonly cash: string | undefined }
  | { readonly kind: 'refused' };

const hashOf = (secret: string): string => createHash('sha256').update(secret).digest('hex');

export class KeyRing {
  readonly #listed: ReadonlyMap<string, KeyPair> | null;
  readonly #known = new Map<string, KnownKey>();
  /** Key and secret as last verified, so that a busy client costs no hash per request. */
  readonly #verified = new Map<string, string>();

  constructor(listed: readonly KeyPair[] | null) {
    this.#listed = listed && new Map(listed.map((pair) => [pair.key, pair]));
  }

  judge({ key, secret }: Credentials): KeyVerdict {
    if (key === '' || secret === '') return { kind: 'refused' };
    const listed = this.#listed?.get(key);
    if (this.#listed !== null && listed?.secret !== secret) return { kind: 'refused' };
    const known = this.#known.get(key);
    if (known !== undefined && this.#verified.get(key) === secret) return { kind: 'known', accountId: known.accountId };
    const secretHash = hashOf(secret);
    if (known === undefined) return { kind: 'new', secretHash, cash: listed?.cash };
    // A listed pair may have been given another secret since; a pair of the open house keeps its first.
    if (this.#listed === null && known.secretHash !== secretHash) return { kind: 'refused' };
    this.#verified.set(key, secret);
    return { kind: 'known', accountId: known.accountId };
  }

  add(known: KnownKey): void {
    this.#known.set(known.key, known);
  }

  all(): readonly KnownKey[] {
    return [...this.#known.values()];
  }
}

/**
 * The credentials of a request's headers (names in lower case): Alpaca's own two headers, HTTP Basic, or a bearer token.
 * `none` when there are none at all; a key without its secret comes out as a pair with an empty secret.
 */
export function credentialsOf(headers: Readonly<Record<string, string | undefined>>): Credentials | 'none' {
  const key = headers['apca-api-key-id'];
  const secret = headers['apca-api-secret-key'];
  if (key !== undefined || secret !== undefined) return { key: key ?? '', secret: secret ?? '' };
  const [scheme = '', value = ''] = (headers['authorization'] ?? '').split(/ +/, 2);
  switch (scheme.toLowerCase()) {
    case 'basic': {
      const text = Buffer.from(value, 'base64').toString('utf8');
      const colon = text.indexOf(':');
      return colon < 0 ? { key: text, secret: '' } : { key: text.slice(0, colon), secret: text.slice(colon + 1) };
    }
    // An OAuth token stands for a key pair of its own; streams write it as key "oauth" with the token as the secret.
    case 'bearer':
      return bearer(value);
    default:
      return 'none';
  }
}

const bearer = (token: string): Credentials => ({ key: token === '' ? '' : `oauth:${token}`, secret: token });

/** The credentials of a stream's auth message. */
export const pairOf = (key: string, secret: string): Credentials =>
  key === 'oauth' ? bearer(secret) : { key, secret };
