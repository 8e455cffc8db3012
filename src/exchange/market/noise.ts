/**
 * Stateless randomness: a number is a hash of where it stands, so any point of any path can be asked for in any order
 * and comes out the same on every machine. For the price model only; must never decide about money or ids.
 */

/** 32 well-mixed bits of two words (the finaliser of MurmurHash3 over their combination). */
export function hash2(a: number, b: number): number {
  let h = Math.imul(a ^ Math.imul(b, 0x9e3779b1), 0x85ebca6b);
  h ^= h >>> 15;
  h = Math.imul(h ^ b, 0xc2b2ae35);
  h ^= h >>> 13;
  h = Math.imul(h, 0x27d4eb2f);
  return (h ^ (h >>> 16)) >>> 0;
}

/** 32 bits of a text (FNV-1a, then mixed). */
export function hashText(text: string, seed = 0): number {
  let h = 0x811c9dc5 ^ seed;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return hash2(h, text.length);
}

/** 0 ≤ x < 1 from 32 bits. */
export const unit = (bits: number): number => (bits >>> 0) / 0x1_0000_0000;

/** About a standard normal number from 32 bits: the sum of four bytes, within ±3.45. */
const normal = (bits: number): number =>
  ((bits & 255) + ((bits >>> 8) & 255) + ((bits >>> 16) & 255) + (bits >>> 24) - 510) / 147.8;

/** Days that one tree of the path covers, and how finely: 2^8 days, 2^16 cells a day (about a second). */
const BLOCK_DAYS = 256;
const CELLS_PER_DAY = 65_536;
const LEVELS = 24;

/**
 * A random path over business time (in days, any sign): a Brownian bridge over blocks of 256 days whose ends are drawn
 * around zero, so that it wanders like a price but never drifts away for good. One point costs at most 24 hashes, a
 * neighbour of the last point about two.
 */
export class Path {
  private readonly seed: number;
  private readonly sigma: number;
  private readonly left = new Float64Array(LEVELS + 1);
  private readonly right = new Float64Array(LEVELS + 1);
  private block = Number.NaN;
  private blockSeed = 0;
  private index = 0;
  private lastTime = Number.NaN;
  private lastValue = 0;
  private jumpDay = Number.NaN;
  private jumpAt = 0;
  private jumpSize = 0;

  /** `sigma`: standard deviation of one day's change. */
  constructor(seed: number, sigma: number) {
    this.seed = seed;
    this.sigma = sigma;
  }

  at(time: number): number {
    if (time === this.lastTime) return this.lastValue;
    const block = Math.floor(time / BLOCK_DAYS);
    const position = (time - block * BLOCK_DAYS) * CELLS_PER_DAY;
    const index = Math.floor(position);
    const { left, right } = this;
    let level = 0;
    if (block === this.block) {
      const difference = index ^ this.index;
      level = difference === 0 ? LEVELS : Math.clz32(difference) - (32 - LEVELS);
    } else {
      this.block = block;
      this.blockSeed = hash2(this.seed, block);
      left[0] = this.blockEnd(block);
      right[0] = this.blockEnd(block + 1);
    }
    this.index = index;
    for (; level < LEVELS; level++) {
      const l = left[level] ?? 0;
      const r = right[level] ?? 0;
      const node = (1 << level) | (index >>> (LEVELS - level));
      const middle = (l + r) / 2 + this.sigma * (SPREAD[level] ?? 0) * normal(hash2(this.blockSeed, node));
      const upper = (index >>> (LEVELS - 1 - level)) & 1;
      left[level + 1] = upper ? middle : l;
      right[level + 1] = upper ? r : middle;
    }
    const l = left[LEVELS] ?? 0;
    const smooth = l + ((right[LEVELS] ?? 0) - l) * (position - index);
    this.lastTime = time;
    this.lastValue = smooth + this.jump(time);
    return this.lastValue;
  }

  private blockEnd(block: number): number {
    return normal(hash2(this.seed ^ 0x5bd1e995, block)) * this.sigma * Math.sqrt(BLOCK_DAYS) * 0.35;
  }

  /** One day in twenty-five something happens: a step, worn away evenly over its day so that days still join. */
  private jump(time: number): number {
    const day = Math.floor(time);
    if (day !== this.jumpDay) {
      const bits = hash2(this.seed ^ 0x2545f491, day);
      this.jumpDay = day;
      this.jumpAt = unit(hash2(bits, 2));
      this.jumpSize = unit(bits) < 0.04 ? Math.max(-0.06, Math.min(0.06, normal(hash2(bits, 1)) * 2 * this.sigma)) : 0;
    }
    if (this.jumpSize === 0) return 0;
    const share = time - day;
    return this.jumpSize * ((share >= this.jumpAt ? 1 : 0) - share);
  }
}

/** Standard deviation of a midpoint given its ends, per level, for one day's sigma of 1: half the root of the length. */
const SPREAD = Float64Array.from({ length: LEVELS }, (_, level) => Math.sqrt(BLOCK_DAYS / 2 ** level) / 2);
