/**
 * JSON at the two doors. `parseStrict` reads what an agent wrote: it refuses everything that two readers could understand
 * differently, and it tells a text that is not finished yet from one that is wrong. `parseLossless` reads what a broker
 * answered: any JSON. Numbers keep their source text in both; must never turn one into a floating-point number.
 */

import { defined } from './assert.ts';

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

export interface JsonLimits {
  /** Levels of objects and arrays, the outermost counted. */
  readonly depth: number;
  readonly keysPerObject: number;
  readonly itemsPerArray: number;
  /** UTF-16 units of one string value. */
  readonly stringLength: number;
  readonly keyLength: number;
}

/** The limits of an order file. */
export const ORDER_LIMITS: JsonLimits = {
  depth: 8,
  keysPerObject: 64,
  itemsPerArray: 512,
  stringLength: 4096,
  keyLength: 256,
};

type JsonProblemCode =
  | 'encoding'
  | 'json_syntax'
  | 'json_incomplete'
  | 'json_trailing'
  | 'json_root'
  | 'json_depth'
  | 'json_keys'
  | 'json_string'
  | 'json_duplicate_key'
  | 'field_forbidden';

export interface JsonProblem {
  readonly code: JsonProblemCode;
  readonly message: string;
  /** Where reading stopped; `byte` counts from 0, `line` and `column` (in characters) from 1. */
  readonly at: { readonly byte: number; readonly line: number; readonly column: number };
  /** Path of the value concerned (`payload.legs[0].side`), or null for the text as a whole. */
  readonly field: string | null;
  /** True: the bytes are a proper prefix of an acceptable text. False: no further byte can mend them. */
  readonly incomplete: boolean;
}

export type StrictResult =
  | { readonly ok: true; readonly value: JsonObject }
  | { readonly ok: false; readonly problem: JsonProblem };

/** Reads exactly one JSON object of UTF-8 bytes. Never throws. */
export function parseStrict(bytes: Uint8Array, limits: JsonLimits = ORDER_LIMITS): StrictResult {
  const foreign = foreignEncoding(bytes);
  if (foreign !== null) return refusedBytes(0, foreign, bytes);
  let text: string;
  try {
    text = utf8.decode(bytes);
  } catch {
    return undecodable(bytes, limits);
  }
  return new StrictParser(text, limits).parse();
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** What the first bytes give away, before anything is decoded. */
function foreignEncoding(bytes: Uint8Array): string | null {
  const [a, b, c] = bytes;
  if (a === 0xef && b === 0xbb && c === 0xbf) return 'starts with a byte order mark; write UTF-8 without it';
  if ((a === 0xff && b === 0xfe) || (a === 0xfe && b === 0xff)) return 'UTF-16 byte order mark found; write UTF-8';
  if ((a !== undefined && a !== 0 && b === 0) || (a === 0 && b !== undefined && b !== 0)) {
    return 'looks like UTF-16 without a byte order mark; write UTF-8';
  }
  if (a === 0x1f && b === 0x8b) return 'starts with 1f 8b (gzip); write plain JSON text';
  return null;
}

function undecodable(bytes: Uint8Array, limits: JsonLimits): StrictResult {
  const decodes = (length: number): boolean => {
    try {
      new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes.subarray(0, length), { stream: true });
      return true;
    } catch {
      return false;
    }
  };
  if (decodes(bytes.length)) {
    // Only the last character is cut off. U+FFFD stands for it: legal inside a string, an error anywhere else.
    const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
    const result = new StrictParser(text, limits).parse();
    if (!result.ok && result.problem.incomplete) return result;
    return refusedBytes(bytes.length - 1, `byte ${bytes.length - 1} is not UTF-8`, bytes);
  }
  // Decodable prefixes form a run from 0, so the first bad byte is found by halving.
  let good = 0;
  let bad = bytes.length;
  while (bad - good > 1) {
    const middle = (good + bad) >>> 1;
    if (decodes(middle)) good = middle;
    else bad = middle;
  }
  return refusedBytes(good, `byte ${good} is not UTF-8`, bytes);
}

function refusedBytes(byte: number, message: string, bytes: Uint8Array): StrictResult {
  const before = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes.subarray(0, byte));
  const at = { ...position(before, before.length), byte };
  return { ok: false, problem: { code: 'encoding', message, at, field: null, incomplete: false } };
}

function position(text: string, index: number): { byte: number; line: number; column: number } {
  const before = text.slice(0, index);
  const lines = before.split('\n');
  return { byte: Buffer.byteLength(before), line: lines.length, column: (lines.at(-1)?.length ?? 0) + 1 };
}

/** Names that reach an object's machinery in careless readers, whatever they would mean here. */
const FORBIDDEN_KEYS: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);

const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
/** What may still become a number when the text ends here. */
const NUMBER_START = /-?(?:0|[1-9][0-9]*)?(?:\.[0-9]*)?(?:[eE][+-]?[0-9]*)?$/y;
const ESCAPES: Readonly<Record<string, string>> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
};

/** A string that no reader may show unescaped: controls, bidirectional overrides and marks, line separators. */
const UNSAFE = /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/u;

/**
 * Recursive descent over the decoded text. Every method returns undefined after a refusal, with `problem` set;
 * the callers add their step of the path on the way out.
 */
class StrictParser {
  private readonly text: string;
  private readonly limits: JsonLimits;
  private index = 0;
  private depth = 0;
  private problem: Omit<JsonProblem, 'field'> | undefined;
  private readonly path: (string | number)[] = [];

  constructor(text: string, limits: JsonLimits) {
    this.text = text;
    this.limits = limits;
  }

  parse(): StrictResult {
    const value = this.root();
    if (value !== undefined) return { ok: true, value };
    const field = this.path.reverse().reduce<string>((path, step) => {
      if (typeof step === 'number') return `${path}[${step}]`;
      return path === '' ? clipped(step) : `${path}.${clipped(step)}`;
    }, '');
    const problem = defined(this.problem, 'the problem of a refused text');
    return { ok: false, problem: { ...problem, field: field === '' ? null : field } };
  }

  private root(): JsonObject | undefined {
    this.blanks();
    if (this.text[this.index] !== '{') return this.noObject();
    const value = this.object();
    if (value === undefined) return undefined;
    this.blanks();
    if (this.index === this.text.length) return value;
    return this.refuse('json_trailing', (at) => `data after the object at byte ${at.byte}; one order per file`);
  }

  private noObject(): undefined {
    const rest = this.text.slice(this.index, this.index + 6);
    if (rest === '') return this.unfinished('before the object');
    const other = /^\[/.test(rest)
      ? 'an array'
      : /^"/.test(rest)
        ? 'a string'
        : /^-?[0-9]/.test(rest)
          ? 'a number'
          : null;
    const word = /^(?:null|true|false)\b/.exec(rest)?.[0] ?? null;
    if (other ?? word) {
      return this.refuse('json_root', () => `the file holds ${other ?? word}; it must be one object in { }`);
    }
    return this.expected('`{`');
  }

  private value(): JsonValue | undefined {
    const char = this.text[this.index];
    switch (char) {
      case '"':
        return this.string(this.limits.stringLength);
      case '{':
        return this.object();
      case '[':
        return this.array();
      case 't':
        return this.word('true', true);
      case 'f':
        return this.word('false', false);
      case 'n':
        return this.word('null', null);
      default:
        return this.number();
    }
  }

  private object(): JsonObject | undefined {
    if (!this.enter()) return undefined;
    const object: Record<string, JsonValue> = Object.create(null);
    let count = 0;
    this.blanks();
    if (this.text[this.index] === '}') return this.leave(object);
    for (;;) {
      this.blanks();
      if (this.text[this.index] !== '"') return this.expected('`"`');
      const start = this.index;
      const key = this.string(this.limits.keyLength);
      if (key === undefined) return undefined;
      if (FORBIDDEN_KEYS.has(key)) {
        this.index = start;
        return this.blame(
          key,
          this.refuse('field_forbidden', () => `the name ${key} is not allowed anywhere`),
        );
      }
      count += 1;
      if (count > this.limits.keysPerObject) {
        return this.refuse('json_keys', () => `more than ${this.limits.keysPerObject} keys in one object`);
      }
      this.blanks();
      if (this.text[this.index] !== ':') return this.blame(key, this.expected('`:`'));
      this.index += 1;
      this.blanks();
      const value = this.value();
      if (value === undefined) return this.blame(key, undefined);
      const first = object[key];
      if (first !== undefined) {
        this.index = start;
        const both = `${clipped(first)}, ${clipped(value)}`;
        return this.blame(
          key,
          this.refuse('json_duplicate_key', () => `${clipped(key)} appears twice (${both})`),
        );
      }
      object[key] = value;
      this.blanks();
      const next = this.text[this.index];
      if (next === '}') return this.leave(object);
      if (next !== ',') return this.expected('`,` or `}`');
      this.index += 1;
    }
  }

  private array(): readonly JsonValue[] | undefined {
    if (!this.enter()) return undefined;
    const items: JsonValue[] = [];
    this.blanks();
    if (this.text[this.index] === ']') return this.leave(items);
    for (;;) {
      this.blanks();
      const value = this.value();
      if (value === undefined) return this.blame(items.length, undefined);
      items.push(value);
      if (items.length > this.limits.itemsPerArray) {
        return this.refuse('json_keys', () => `more than ${this.limits.itemsPerArray} items in one array`);
      }
      this.blanks();
      const next = this.text[this.index];
      if (next === ']') return this.leave(items);
      if (next !== ',') return this.expected('`,` or `]`');
      this.index += 1;
    }
  }

  private string(limit: number): string | undefined {
    const { text } = this;
    const start = this.index;
    let from = start + 1;
    let out = '';
    let plain = true;
    for (this.index = from; ; this.index++) {
      const code = text.charCodeAt(this.index);
      if (code === 0x22) break;
      if (code === 0x5c) {
        out += text.slice(from, this.index);
        const unescaped = this.escape();
        if (unescaped === undefined) return undefined;
        out += unescaped;
        from = this.index + 1;
        plain = false;
      } else if (code < 0x20) {
        return this.refuse('json_string', () => `control character ${codePoint(code)} in a string`);
      } else if (Number.isNaN(code)) {
        return this.unfinished('inside a string');
      } else if (code >= 0x7f) {
        plain = false;
      }
    }
    out += text.slice(from, this.index);
    this.index += 1;
    if (!plain && !this.readable(out)) return undefined;
    if (out.length <= limit) return out;
    return this.refuse('json_string', () => `a string of ${out.length} characters; limit ${limit}`);
  }

  private readable(text: string): boolean {
    if (!text.isWellFormed()) {
      this.refuse('json_string', () => 'a lone surrogate (half of a character) in a string');
      return false;
    }
    const unsafe = UNSAFE.exec(text)?.[0];
    if (unsafe === undefined) return true;
    this.refuse('json_string', () => `control character ${codePoint(unsafe.codePointAt(0) ?? 0)} in a string`);
    return false;
  }

  /** The character behind the backslash at `index`; leaves `index` on the last character of the escape. */
  private escape(): string | undefined {
    this.index += 1;
    const char = this.text[this.index];
    if (char === undefined) return this.unfinished('inside a string');
    if (char !== 'u') return ESCAPES[char] ?? this.refuse('json_syntax', () => 'unknown escape in a string');
    const digits = this.text.slice(this.index + 1, this.index + 5);
    if (!/^[0-9a-fA-F]*$/.test(digits)) return this.refuse('json_syntax', () => 'expected four hex digits after \\u');
    if (digits.length < 4) return this.unfinished('inside a string');
    this.index += 4;
    return String.fromCharCode(Number.parseInt(digits, 16));
  }

  private word<T extends boolean | null>(word: string, value: T): T | undefined {
    const found = this.text.slice(this.index, this.index + word.length);
    if (found === word) {
      this.index += word.length;
      return value;
    }
    return word.startsWith(found) ? this.unfinished('inside a value') : this.expected('a value');
  }

  private number(): JsonNumber | undefined {
    NUMBER.lastIndex = this.index;
    const found = NUMBER.exec(this.text)?.[0];
    if (found === undefined || this.index + found.length === this.text.length) {
      NUMBER_START.lastIndex = this.index;
      return NUMBER_START.test(this.text) ? this.unfinished('inside a value') : this.expected('a value');
    }
    this.index += found.length;
    // `01`, `1.`, `1e` and `0x10` leave a rest that belongs to no number.
    if (/[0-9.eExX+_-]/.test(this.text[this.index] ?? '')) {
      NUMBER_START.lastIndex = this.index - found.length;
      return NUMBER_START.test(this.text)
        ? this.unfinished('inside a value')
        : this.refuse('json_syntax', () => 'not a JSON number (write for example 1000 or 0.5)');
    }
    return new JsonNumber(found);
  }

  private blanks(): void {
    for (;;) {
      const code = this.text.charCodeAt(this.index);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return;
      this.index += 1;
    }
  }

  private enter(): boolean {
    this.depth += 1;
    if (this.depth > this.limits.depth) {
      this.refuse('json_depth', () => `nesting ${this.depth}; limit ${this.limits.depth}`);
      return false;
    }
    this.index += 1;
    return true;
  }

  private leave<T>(value: T): T {
    this.depth -= 1;
    this.index += 1;
    return value;
  }

  private blame(step: string | number, _refused: undefined): undefined {
    this.path.push(step);
    return undefined;
  }

  private expected(what: string): undefined {
    if (this.index >= this.text.length) return this.unfinished(`where ${what} should follow`);
    const found = clipped(String.fromCodePoint(this.text.codePointAt(this.index) ?? 0));
    return this.refuse(
      'json_syntax',
      (at) => `line ${at.line} column ${at.column}: expected ${what}, found \`${found}\``,
    );
  }

  private unfinished(where: string): undefined {
    this.index = this.text.length;
    const say = (at: JsonProblem['at']): string =>
      `ends at byte ${at.byte} ${where}; write to a temporary name, then rename`;
    return this.refuse('json_incomplete', say, true);
  }

  private refuse(code: JsonProblemCode, say: (at: JsonProblem['at']) => string, incomplete = false): undefined {
    const at = position(this.text, this.index);
    this.problem = { code, message: say(at), at, incomplete };
    return undefined;
  }
}

/** `U+202E` */
export const codePoint = (code: number): string => `U+${code.toString(16).toUpperCase().padStart(4, '0')}`;

/** A value for a message: at most `limit` characters of printable ASCII, the rest escaped or cut. Never for machines. */
export function clipped(value: JsonValue, limit = 64): string {
  const text =
    typeof value === 'string' ? value.slice(0, limit + 1) : (JSON.stringify(value) ?? '').slice(0, limit + 1);
  const escaped = text.replace(/[^\x20-\x7e]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
  return escaped.length > limit ? `${escaped.slice(0, limit - 3)}...` : escaped;
}

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
