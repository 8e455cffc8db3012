/**
 * Randomness as a seam: seeded and repeatable in simulations and in the exchange, from the system otherwise.
 * Nothing outside this file may call Math.random or crypto.random*. Never used for secrets.
 */
import { randomFillSync } from 'node:crypto';

export interface Random {
  /** A whole number, 0 ≤ n < 2^32. */
  uint32(): number;
}

/** Asks the system for many numbers at a time: asking costs far more than the numbers. */
function fromSystem(): Random {
  const pool = new Uint32Array(256);
  let next = pool.length;
  return {
    uint32() {
      if (next === pool.length) {
        randomFillSync(pool);
        next = 0;
      }
      return pool[next++] ?? 0;
    },
  };
}

export const systemRandom: Random = fromSystem();

/** Deterministic stream for one seed (sfc32). The same seed gives the same numbers on every machine. */
export function seededRandom(seed: string | number): Random {
  // FNV-1a spreads the seed's text over four words.
  const text = String(seed);
  const words = [0x811c9dc5, 0x9e3779b9, 0x243f6a88, 0xb7e15162].map((start) => {
    let hash = start;
    for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
    return hash >>> 0;
  });
  let [a = 0, b = 0, c = 0, d = 0] = words;
  const uint32 = (): number => {
    const sum = (a + b + d) | 0;
    d = (d + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (c << 21) | (c >>> 11);
    c = (c + sum) | 0;
    return sum >>> 0;
  };
  for (let i = 0; i < 16; i++) uint32();
  return { uint32 };
}

/** 0 ≤ x < 1. For chances and jitter, never for money. */
export const fraction = (random: Random): number => random.uint32() / 0x1_0000_0000;

/** A whole number, 0 ≤ n < below. */
export const below = (random: Random, limit: number): number => Math.floor(fraction(random) * limit);

export const chance = (random: Random, probability: number): boolean => fraction(random) < probability;

export function pick<T>(random: Random, items: readonly T[]): T {
  const item = items[below(random, items.length)];
  if (item === undefined) throw new RangeError('pick from an empty list');
  return item;
}

/** A version 4 UUID made from `random`. */
export function uuid(random: Random): string {
  const hex = Array.from({ length: 4 }, () => random.uint32().toString(16).padStart(8, '0')).join('');
  const variant = ((Number.parseInt(hex.charAt(16), 16) & 0x3) | 0x8).toString(16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20)}`;
}
