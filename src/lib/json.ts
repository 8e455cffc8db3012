/**
 * JSON values whose numbers keep their source text, and `parseLossless`, which reads what a broker answered: any JSON. What
 * agents write is read by `parseStrict` (json-strict.ts). Must never turn a number into a floating-point number.
 */

declare global {
  // Node 24 has both (TC39 "JSON.parse source text access"); TypeScript's library does not know them yet.
  interface JSON {
    rawJSON(text: string): unknown;
    parse(text: string, reviver: (key: string, value: unknown, context: { source?: string }) => unknown): unknown;
  }
}

/** A number as it was written. `JSON.stringify` writes the same digits again. */
export class JsonNumber {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
  toJSON(): unknown {
    return JSON.rawJSON(this.text);
  }
}

/** Made by `parseStrict` without a prototype; keys in the order of the text. */
export interface JsonObject {
  readonly [key: string]: JsonValue;
}
export type JsonValue = null | boolean | string | JsonNumber | readonly JsonValue[] | JsonObject;

export const isJsonObject = (value: JsonValue | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof JsonNumber);

/** `U+202E` */
export const codePoint = (code: number): string => `U+${code.toString(16).toUpperCase().padStart(4, '0')}`;

/** Names of what carries a secret or leads elsewhere: their values are never shown. */
export const SECRETIVE =
  /api_?key|secret|password|token|authorization|credential|base_?url|^account(?:_id)?$|^headers$/i;

/**
 * A value for a message: at most `limit` characters of printable ASCII, the rest escaped or cut, and nothing of what stands
 * under the name of a secret. Never for machines.
 */
export function clipped(value: JsonValue, limit = 64): string {
  const whole = typeof value === 'string' ? value : (JSON.stringify(value, withoutSecrets) ?? '');
  const text = whole.slice(0, limit + 1);
  const escaped = text.replace(/[^\x20-\x7e]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
  return escaped.length > limit ? `${escaped.slice(0, limit - 3)}...` : escaped;
}

const withoutSecrets = (key: string, value: unknown): unknown => (SECRETIVE.test(key) ? '[secret]' : value);

/** Finds every JSON number, and now and then something in a string that looks like one. */
const MAYBE_NUMBER = /(?:"\s*:|[[,]|^)\s*-?\d/;

/** Any JSON text as the broker sent it; numbers become `JsonNumber`. Throws a SyntaxError when it is not JSON. */
export function parseLossless(text: string): JsonValue {
  // Alpaca writes most numbers as strings, and looking at each value takes many times as long as parsing.
  if (!MAYBE_NUMBER.test(text)) return JSON.parse(text);
  return JSON.parse(text, (_key, value, context) =>
    typeof value === 'number' && context.source !== undefined ? new JsonNumber(context.source) : value,
  ) as JsonValue;
}

/** JSON text of a value; numbers of `parseLossless` and `parseStrict` keep every digit. */
export const stringifyLossless = (value: JsonValue, indent?: number): string => JSON.stringify(value, null, indent);
