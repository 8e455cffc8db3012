/** Chance that a seed repeats. Must never be asked for by what a row concludes, only by what it does. */

export interface Chance {
  /** From 0 to below 1. */
  fraction(): number;
  /** A whole number from `low` to `high`, both included. */
  whole(low: number, high: number): number;
}

/** Mulberry32: small, and good enough to pick moments. */
export function chanceOf(seed: number): Chance {
  let state = seed >>> 0;
  const fraction = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
  return { fraction, whole: (low, high) => low + Math.floor(fraction() * (high - low + 1)) };
}
