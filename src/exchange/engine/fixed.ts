/**
 * Money, prices and quantities of the engine: whole numbers of billionths held in a bigint (scale 9).
 * Exact and fast; must never touch a floating-point number. Rounding happens in `mul` and `div` alone, and says how.
 */
import type { Fixed } from './types.ts';

export const ONE: Fixed = 1_000_000_000n;
export const CENT: Fixed = 10_000_000n;

/** A whole number as Fixed. */
export const whole = (value: number | bigint): Fixed => BigInt(value) * ONE;

const PLAIN = /^[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?$/;

const POWERS = Array.from({ length: 10 }, (_, i) => 10n ** BigInt(i));

/** The common case: at most 15 digits, a point, nothing else. -1 for everything else, which `parseFixed` then reads. */
function shortDigits(source: string): Fixed {
  let digits = 0;
  let places = -1;
  const { length } = source;
  if (length === 0 || length > 16) return -1n;
  for (let i = 0; i < length; i++) {
    const code = source.charCodeAt(i);
    if (code === 46 && places < 0 && i > 0) places = 0;
    else if (code >= 48 && code <= 57) {
      // Below 10^15 a JavaScript number is an exact whole number.
      digits = digits * 10 + (code - 48);
      if (places >= 0) places++;
    } else return -1n;
  }
  if (places > 9 || digits >= 1e15) return -1n;
  return BigInt(digits) * (POWERS[9 - Math.max(places, 0)] ?? 1n);
}

/** Text of a decimal → Fixed; undefined when it is no decimal or has digits below a billionth. */
export function parseFixed(source: string): Fixed | undefined {
  const short = shortDigits(source);
  if (short >= 0n) return short;
  if (source.length > 64 || !PLAIN.test(source)) return undefined;
  const [mantissa = '', exponent = '0'] = source.toLowerCase().split('e');
  const negative = mantissa.startsWith('-');
  const [integer = '', fractional = ''] = mantissa.replace(/^[+-]/, '').split('.');
  const shift = Number(exponent) - fractional.length + 9;
  let digits = integer + fractional;
  if (shift >= 0) digits += '0'.repeat(shift);
  else {
    const cut = digits.length + shift;
    const lost = cut <= 0 ? digits : digits.slice(cut);
    if (/[1-9]/.test(lost)) return undefined;
    digits = cut <= 0 ? '0' : digits.slice(0, cut);
  }
  const value = BigInt(digits || '0');
  return negative ? -value : value;
}

/** For constants in the code and in tests. Throws on what `parseFixed` refuses. */
export function fixed(text: string): Fixed {
  const value = parseFixed(text);
  if (value === undefined) throw new TypeError(`not a decimal of at most 9 places: ${JSON.stringify(text)}`);
  return value;
}

/** Canonical decimal text: no exponent, no trailing zeros. */
export function text(value: Fixed): string {
  const integer = value / ONE;
  const rest = value - integer * ONE;
  if (rest === 0n) return integer.toString();
  const digits = (rest < 0n ? -rest : rest).toString().padStart(9, '0');
  let end = 9;
  while (digits.charCodeAt(end - 1) === 48) end--;
  return `${value < 0n && integer === 0n ? '-' : ''}${integer}.${digits.slice(0, end)}`;
}

export const abs = (value: Fixed): Fixed => (value < 0n ? -value : value);
export const min = (a: Fixed, b: Fixed): Fixed => (a < b ? a : b);
export const max = (a: Fixed, b: Fixed): Fixed => (a > b ? a : b);
export const isWhole = (value: Fixed): boolean => value % ONE === 0n;

/** a / b of plain bigints, rounded half away from zero. `b` must not be 0. */
export function divide(a: bigint, b: bigint): bigint {
  const negative = a < 0n !== b < 0n;
  const top = abs(a);
  const bottom = abs(b);
  const result = (2n * top + bottom) / (2n * bottom);
  return negative ? -result : result;
}

/** a × b, rounded half away from zero at the ninth place. */
export const mul = (a: Fixed, b: Fixed): Fixed => {
  const product = a * b;
  const exact = product / ONE;
  return exact * ONE === product ? exact : divide(product, ONE);
};

/** a / b, rounded half away from zero at the ninth place. */
export const div = (a: Fixed, b: Fixed): Fixed => divide(a * ONE, b);

/** a / b, cut off after the ninth place. For quantities: never more than the money buys. */
export const divDown = (a: Fixed, b: Fixed): Fixed => (a * ONE) / b;

/** value × n / d, rounded half away from zero. For percentages: `part(x, 3n, 100n)`. */
export const part = (value: Fixed, n: bigint, d: bigint): Fixed => divide(value * n, d);
