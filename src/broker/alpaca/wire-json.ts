/**
 * Reading Alpaca's JSON without losing a digit: numbers keep their source text, and what is cut out of a list is written
 * again with exactly those digits. Must never turn a number of the broker's into a JavaScript number.
 */
import BigJs from 'big.js';

/** A JSON number as its source text; `JSON.stringify` writes that text. */
interface RawNumber {
  readonly rawJSON: string;
}

export type JsonObject = Readonly<Record<string, unknown>>;

// TypeScript's library does not know these two yet (ECMAScript: JSON.parse source text access).
const { rawJSON, isRawJSON } = JSON as unknown as {
  rawJSON(text: string): RawNumber;
  isRawJSON(value: unknown): value is RawNumber;
};
const parseWithSource = JSON.parse as (
  text: string,
  reviver: (key: string, value: unknown, context: { readonly source?: string }) => unknown,
) => unknown;

/** The value, or undefined when the text is no JSON (or nested so deeply that reading it would exhaust the stack). */
export function readJson(text: string): unknown {
  try {
    return parseWithSource(text, (_key, value, { source }) =>
      typeof value === 'number' && source !== undefined ? rawJSON(source) : value,
    );
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof RangeError) return undefined;
    throw error;
  }
}

/** JSON text of a value from `readJson`, every number as it came. */
export const writeJson = (value: unknown): string => JSON.stringify(value);

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !isRawJSON(value);
}

/** The string, or null when the value is none. */
export const textOf = (value: unknown): string | null => (typeof value === 'string' ? value : null);

/** The string where there is something in it, else null: Alpaca writes "" for "does not apply". */
export const filledText = (value: unknown): string | null => (typeof value === 'string' && value !== '' ? value : null);

const PLAIN = /^-?[0-9]+(?:\.[0-9]+)?$/;
// The exponent is bounded so that "1e999999999" cannot become a gigabyte of zeros.
const SCIENTIFIC = /^-?[0-9]+(?:\.[0-9]+)?[eE][+-]?[0-9]{1,2}$/;

/** Plain decimal text of a JSON string or number, its digits untouched; null when it is no number. */
export function decimalText(value: unknown): string | null {
  const text = isRawJSON(value) ? value.rawJSON : textOf(value);
  if (text === null) return null;
  if (PLAIN.test(text)) return text;
  return SCIENTIFIC.test(text) ? new BigJs(text).toFixed() : null;
}

/** The small whole number, or null. For codes and counts, never for money. */
export function integerOf(value: unknown): number | null {
  const text = decimalText(value);
  const number = text === null ? Number.NaN : Number(text);
  return Number.isSafeInteger(number) ? number : null;
}
