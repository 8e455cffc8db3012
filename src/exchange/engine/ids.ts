/**
 * Ids and chances from a seed and a counter: the n-th draw is the same for the same seed, so that the counter alone is
 * the state. Must never be used for secrets.
 */
import type { Instant } from './types.ts';

/** FNV-1a over the text, from a given start. */
export function hashText(source: string, start: number): number {
  let hash = start;
  for (let i = 0; i < source.length; i++) hash = Math.imul(hash ^ source.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}

/** A finalizer that spreads every input bit over all output bits (murmur3's). */
function mix(value: number): number {
  let h = value;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** The two characters of every byte. */
const HEX = Buffer.from(Array.from({ length: 256 }, (_, i) => i.toString(16).padStart(2, '0')).join(''), 'latin1');
/** The uuid under construction: building it as bytes is three times as fast as joining strings. */
const scratch = Buffer.alloc(36, '-');

function put(at: number, byte: number): void {
  scratch[at] = HEX[2 * byte] ?? 0;
  scratch[at + 1] = HEX[2 * byte + 1] ?? 0;
}

/** The four bytes of `word`, each at its place. */
function putWord(word: number, p0: number, p1: number, p2: number, p3: number): void {
  put(p0, word >>> 24);
  put(p1, (word >>> 16) & 255);
  put(p2, (word >>> 8) & 255);
  put(p3, word & 255);
}

const CROCKFORD = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

export class Draws {
  /** How many numbers have been drawn: the whole state beside the seed. */
  count: number;
  readonly #a: number;
  readonly #b: number;

  constructor(seed: string, count = 0) {
    this.count = count;
    this.#a = hashText(seed, 0x811c9dc5);
    this.#b = hashText(seed, 0x9e3779b9);
  }

  /** A whole number, 0 ≤ n < 2^32. */
  uint32(): number {
    const n = this.count++;
    const low = mix((n ^ this.#a) >>> 0);
    return mix((low + Math.imul(Math.floor(n / 0x1_0000_0000) + 1, this.#b)) >>> 0);
  }

  /** A whole number, 0 ≤ n < limit. For chances, never for money. */
  below(limit: number): number {
    return Math.floor((this.uint32() / 0x1_0000_0000) * limit);
  }

  /** A version 4 uuid. One draw; the other words are spread from it and from the counter, so uuids never repeat. */
  uuid(): string {
    const n = this.count;
    const w0 = this.uint32();
    const w1 = mix((w0 + this.#b) >>> 0);
    const w2 = mix((w1 ^ this.#a) >>> 0);
    const w3 = mix((n ^ this.#b) >>> 0);
    putWord(w0, 0, 2, 4, 6);
    putWord(((w1 & 0xffff0fff) | 0x4000) >>> 0, 9, 11, 14, 16);
    putWord(((w2 & 0x3fffffff) | 0x80000000) >>> 0, 19, 21, 24, 26);
    putWord(w3, 28, 30, 32, 34);
    return scratch.toString('latin1');
  }

  /** A ULID of the instant. */
  ulid(at: Instant): string {
    let ms = Number(at / 1_000_000n);
    let out = '';
    for (let i = 0; i < 10; i++) {
      out = CROCKFORD.charAt(ms % 32) + out;
      ms = Math.floor(ms / 32);
    }
    // The counter keeps ULIDs of one millisecond in order.
    let n = this.count;
    const spread = this.uint32();
    let tail = '';
    for (let i = 0; i < 10; i++) {
      tail = CROCKFORD.charAt(n % 32) + tail;
      n = Math.floor(n / 32);
    }
    for (let i = 0; i < 6; i++) tail += CROCKFORD.charAt((spread >>> (i * 5)) & 31);
    return out + tail;
  }
}
