/**
 * Reading what Alpaca answers: any JSON, in any shape, without losing a digit. Must never turn a number of the broker's
 * into a JavaScript number that is compared or kept.
 */
import BigJs from 'big.js';
import { JsonNumber, type JsonValue, parseLossless } from '../../lib/json.ts';

/** Alpaca nests five levels. What nests far deeper is meant to exhaust a stack, here or where it is written again. */
const MAX_DEPTH = 64;

/** The value, or undefined when the text is no JSON or nests deeper than 64 levels. */
export function readJson(text: string): JsonValue | undefined {
  if (nestsDeeperThan(MAX_DEPTH, text)) return undefined;
  try {
    return parseLossless(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function nestsDeeperThan(limit: number, text: string): boolean {
  return opensMoreThan(limit, text) && isDeeperThan(limit, text);
}

/** Without so many brackets there cannot be so many levels, and to count them is far quicker than to walk through the text. */
function opensMoreThan(limit: number, text: string): boolean {
  let opened = 0;
  for (const bracket of '{[')
    for (let at = text.indexOf(bracket); at !== -1; at = text.indexOf(bracket, at + 1))
      if (++opened > limit) return true;
  return false;
}

function isDeeperThan(limit: number, text: string): boolean {
  let depth = 0;
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    const char = text[i];
    if (quoted) {
      if (char === '\\') i++;
      else if (char === '"') quoted = false;
    } else if (char === '"') quoted = true;
    else if (char === '{' || char === '[') {
      if (++depth > limit) return true;
    } else if (char === '}' || char === ']') depth--;
  }
  return false;
}

/** The string where there is something in it, else null: Alpaca writes "" for "does not apply". */
export const textOf = (value: JsonValue | undefined): string | null =>
  typeof value === 'string' && value !== '' ? value : null;

const PLAIN = /^-?[0-9]+(?:\.[0-9]+)?$/;
// The exponent is bounded so that "1e999999999" cannot become a gigabyte of zeros.
const SCIENTIFIC = /^-?[0-9]+(?:\.[0-9]+)?[eE][+-]?[0-9]{1,2}$/;

/** Plain decimal text of a JSON string or number, as `exact` takes it and with every digit; null when it is no number. */
export function decimalText(value: JsonValue | undefined): string | null {
  const text = value instanceof JsonNumber ? value.text : textOf(value);
  if (text === null) return null;
  if (PLAIN.test(text)) return text.replace(/^(-?)0+(?=[0-9])/, '$1');
  return SCIENTIFIC.test(text) ? new BigJs(text).toFixed() : null;
}

/** The whole number, or null. For codes and counts, never for money. */
export function integerOf(value: JsonValue | undefined): number | null {
  const number = Number(decimalText(value) ?? Number.NaN);
  return Number.isSafeInteger(number) ? number : null;
}
