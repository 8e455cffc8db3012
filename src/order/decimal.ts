/**
 * Exact decimals for money and quantities. A value is a canonical decimal string from the door to the wire; arithmetic
 * happens on Big values in strict mode, which refuse JavaScript numbers. Must never meet a floating-point number.
 */
import BigJs from 'big.js';
import type { Brand } from '../lib/brand.ts';

/** Canonical decimal text: no sign unless negative, no exponent, no leading or trailing zeros ("0", "-1.5", "200"). */
export type Decimal = Brand<string, 'Decimal'>;

const Exact = BigJs();
Exact.strict = true;
Exact.DP = 20;
export type Exact = BigJs;

const PLAIN = /^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?$/;

/** The exact value of a plain decimal text. Throws on anything else (exponents, blanks, hex, "1."). */
export function exact(text: string): Exact {
  if (!PLAIN.test(text)) throw new TypeError(`not a plain decimal: ${JSON.stringify(text)}`);
  return new Exact(text);
}

/** Canonical text of an exact value. */
export const decimal = (value: Exact): Decimal => value.toFixed() as Decimal;

/** Canonical text of a plain decimal text ("200.00" → "200"). Throws as `exact` does. */
export const canonical = (text: string): Decimal => decimal(exact(text));

/** With so many digits after the point, halves away from zero. For people: nothing may be reckoned with it. */
export const rounded = (value: Decimal, digits: number): string => exact(value).toFixed(digits);

export const isPlainDecimal = (text: string): boolean => PLAIN.test(text);

/** Digits after the decimal point, trailing zeros not counted. */
export const scaleOf = (text: string): number => canonical(text).split('.')[1]?.length ?? 0;
