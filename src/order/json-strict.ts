/**
 * JSON as agents write it: one object, read so that no two readers could understand it differently. Everything else is refused
 * with the place (line, column, byte) and what would be right, and a text that is not finished yet is told from one that is
 * wrong. Must never throw, guess, or give a value that the text does not hold.
 */
import { defined } from '../lib/assert.ts';
import { clipped, codePoint, JsonNumber, type JsonObject, type JsonValue, SECRETIVE } from '../lib/json.ts';
import { decodeUtf8, type NotUtf8 } from './utf8.ts';

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
  /** Begins with the place: `line 3 column 10: expected a value, found `x``. */
  readonly message: string;
  /** What would be right. */
  readonly hint: string;
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
  const decoded = decodeUtf8(bytes);
  if ('wrong' in decoded) return undecodable(decoded, bytes, limits);
  const { text } = decoded;
  return new StrictParser(text, limits).parse();
}

function undecodable({ wrong, hint, byte, cut }: NotUtf8, bytes: Uint8Array, limits: JsonLimits): StrictResult {
  if (cut !== null) {
    // Only the last character is cut off. U+FFFD stands for it: legal inside a string, an error anywhere else.
    const result = new StrictParser(cut, limits).parse();
    if (!result.ok && result.problem.incomplete) return result;
  }
  const before = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes.subarray(0, byte));
  const at = { ...position(before, before.length), byte };
  const message = `${place(at)}: ${wrong}`;
  return { ok: false, problem: { code: 'encoding', message, hint, at, field: null, incomplete: false } };
}

const place = (at: JsonProblem['at']): string => `line ${at.line} column ${at.column}`;

function position(text: string, index: number): JsonProblem['at'] {
  const before = text.slice(0, index);
  const line = before.lastIndexOf('\n') + 1;
  const column = [...before.slice(line)].length + 1;
  return { byte: Buffer.byteLength(before), line: before.split('\n').length, column };
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
    return this.refuse(
      'json_trailing',
      (at) => `data after the object at byte ${at.byte}`,
      'one order per file, and nothing after its closing brace',
    );
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
      return this.refuse('json_root', () => `the file holds ${other ?? word}`, 'write one object in { }');
    }
    return this.expected('`{`', 'write one JSON object in { }, and nothing before it');
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
      if (this.text[this.index] !== '"') return this.expected('`"`', NAME);
      const start = this.index;
      const key = this.string(this.limits.keyLength);
      if (key === undefined) return undefined;
      if (FORBIDDEN_KEYS.has(key)) {
        this.index = start;
        return this.blame(
          key,
          this.refuse('field_forbidden', () => `the name ${key} is not allowed anywhere`, 'leave it out'),
        );
      }
      count += 1;
      if (count > this.limits.keysPerObject) {
        this.index = start;
        return this.refuse(
          'json_keys',
          () => `more than ${this.limits.keysPerObject} keys in one object`,
          'send only fields that the format knows',
        );
      }
      this.blanks();
      if (this.text[this.index] !== ':')
        return this.blame(key, this.expected('`:`', 'between a name and its value stands a colon'));
      this.index += 1;
      this.blanks();
      const value = this.value();
      if (value === undefined) return this.blame(key, undefined);
      const first = object[key];
      if (first !== undefined) {
        this.index = start;
        const both = SECRETIVE.test(key) ? '' : ` (${clipped(first)}, ${clipped(value)})`;
        return this.blame(
          key,
          this.refuse('json_duplicate_key', () => `${clipped(key)} appears twice${both}`, 'write each key once'),
        );
      }
      object[key] = value;
      this.blanks();
      const next = this.text[this.index];
      if (next === '}') return this.leave(object);
      if (next !== ',') return this.expected('`,` or `}`', MORE);
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
        return this.refuse(
          'json_keys',
          () => `more than ${this.limits.itemsPerArray} items in one array`,
          'ask for less in one file',
        );
      }
      this.blanks();
      const next = this.text[this.index];
      if (next === ']') return this.leave(items);
      if (next !== ',') return this.expected('`,` or `]`', MORE);
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
        return this.control(code);
      } else if (Number.isNaN(code)) {
        return this.unfinished('inside a string');
      } else if (code >= 0x7f) {
        plain = false;
      }
    }
    out += text.slice(from, this.index);
    this.index += 1;
    if (!plain && !this.readable(out, start)) return undefined;
    if (out.length <= limit) return out;
    this.index = start;
    const what = limit === this.limits.keyLength ? 'a name' : 'a string';
    return this.refuse('json_string', () => `${what} of ${out.length} characters; limit ${limit}`, 'shorten it');
  }

  /** Whether the string that begins at `start` may be shown; otherwise refuses it where it cannot. */
  private readable(text: string, start: number): boolean {
    const unsafe = UNSAFE.exec(text);
    const half = text.isWellFormed() ? -1 : loneSurrogate(text);
    if (unsafe === null && half === -1) return true;
    this.index = this.sourceOf(start, half === -1 ? (unsafe?.index ?? 0) : half);
    if (half === -1) this.control(unsafe?.[0].codePointAt(0) ?? 0);
    else
      this.refuse(
        'json_string',
        () => 'a lone surrogate (half of a character) in a string',
        'write the whole character',
      );
    return false;
  }

  private control(code: number): undefined {
    const hint = code === 0x0a || code === 0x0d ? 'write the string in one line' : 'leave it out';
    return this.refuse('json_string', () => `control character ${codePoint(code)} in a string`, hint);
  }

  /** Where the unit `unit` of the unescaped string that begins at `start` stands in the text. */
  private sourceOf(start: number, unit: number): number {
    let at = start + 1;
    for (let done = 0; done < unit; done++) {
      at += this.text[at] !== '\\' ? 1 : this.text[at + 1] === 'u' ? 6 : 2;
    }
    return at;
  }

  /** The character behind the backslash at `index`; leaves `index` on the last character of the escape. */
  private escape(): string | undefined {
    this.index += 1;
    const char = this.text[this.index];
    if (char === undefined) return this.unfinished('inside a string');
    if (char !== 'u') {
      const known = ESCAPES[char];
      if (known !== undefined) return known;
      this.index -= 1;
      return this.refuse(
        'json_syntax',
        () => `unknown escape \`\\${clipped(char)}\` in a string`,
        'after \\ stands one of " \\ / b f n r t u',
      );
    }
    const digits = this.text.slice(this.index + 1, this.index + 5);
    if (!/^[0-9a-fA-F]*$/.test(digits)) {
      this.index -= 1;
      return this.refuse('json_syntax', () => 'expected four hex digits after \\u', 'write for example \\u00e9');
    }
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
    return word.startsWith(found) ? this.unfinished('inside a value') : this.expected('a value', VALUE);
  }

  private number(): JsonNumber | undefined {
    NUMBER.lastIndex = this.index;
    const found = NUMBER.exec(this.text)?.[0];
    if (found === undefined || this.index + found.length === this.text.length) {
      NUMBER_START.lastIndex = this.index;
      return NUMBER_START.test(this.text) ? this.unfinished('inside a value') : this.expected('a value', VALUE);
    }
    this.index += found.length;
    // `01`, `1.`, `1e` and `0x10` leave a rest that belongs to no number.
    if (/[0-9.eExX+_-]/.test(this.text[this.index] ?? '')) {
      NUMBER_START.lastIndex = this.index - found.length;
      if (NUMBER_START.test(this.text)) return this.unfinished('inside a value');
      this.index -= found.length;
      const written = /^[0-9A-Za-z.+_-]+/.exec(this.text.slice(this.index, this.index + 40))?.[0] ?? found;
      return this.refuse(
        'json_syntax',
        () => `\`${clipped(written)}\` is not a JSON number`,
        'write for example 1000 or 0.5',
      );
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
      this.refuse('json_depth', () => `nesting ${this.depth}; limit ${this.limits.depth}`, 'nest less');
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

  private expected(what: string, hint: string): undefined {
    if (this.index >= this.text.length) return this.unfinished(`where ${what} should follow`);
    const found = clipped(String.fromCodePoint(this.text.codePointAt(this.index) ?? 0));
    const usual = this.habit() ?? hint;
    return this.refuse('json_syntax', () => `expected ${what}, found \`${found}\``, usual);
  }

  /** What would be right where somebody writes what other languages allow. */
  private habit(): string | null {
    const rest = this.text.slice(this.index, this.index + 10);
    if (/^[}\]]/.test(rest)) {
      return /,\s*$/.test(this.text.slice(0, this.index)) ? 'remove the comma before it' : null;
    }
    if (rest.startsWith("'")) return 'names and strings stand in double quotes';
    if (/^(?:\/[/*]|#|--)/.test(rest)) return 'JSON has no comments: remove it';
    if (/^```/.test(rest)) return 'write the JSON alone, without the ``` around it';
    if (/^[+.][0-9.]/.test(rest)) return 'write for example 1000 or 0.5';
    if (/^[^\x20-\x7e\n\r]/.test(rest))
      return 'outside strings stand blanks and line breaks only: take the character away';
    if (/^(?:NaN|-?Infinity)/.test(rest)) return 'JSON has no NaN and no Infinity: write a number such as 0.5';
    return /^(?:True|False|None|undefined)/.test(rest) ? 'write true, false or null, in lower case' : null;
  }

  private unfinished(where: string): undefined {
    this.index = this.text.length;
    return this.refuse(
      'json_incomplete',
      (at) => `the text ends at byte ${at.byte} ${where}`,
      'write the whole object to a temporary name, then rename',
      true,
    );
  }

  private refuse(
    code: JsonProblemCode,
    say: (at: JsonProblem['at']) => string,
    hint: string,
    incomplete = false,
  ): undefined {
    const at = position(this.text, this.index);
    this.problem = { code, message: `${place(at)}: ${say(at)}`, hint, at, incomplete };
    return undefined;
  }
}

const NAME = 'names stand in double quotes';
const VALUE = 'write a string in double quotes, a number, true, false, null, { } or [ ]';
const MORE = 'between two entries stands a comma';

/** Index of the first half of a character that has no other half. */
const loneSurrogate = (text: string): number =>
  text.search(/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/);
