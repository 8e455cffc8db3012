/**
 * The kinds of field that order files have, each with its rule in words and its reading. Numbers are taken from their source
 * text. Nothing is trimmed, upper-cased, rounded or filled in.
 */

import type * as z from 'zod';
import type { Micros } from '../lib/clock.ts';
import { clipped, isJsonObject, JsonNumber, type JsonValue, stringifyLossless } from '../lib/json.ts';
import { canonical, type Decimal, exact } from './decimal.ts';
import type { ErrorCode } from './errors.ts';
import { leaf, Refusal, typeName } from './form.ts';
import { foreignCharacter, nearest } from './hint.ts';
import { type AgentId, isAgentId } from './name.ts';
import { cryptoPair, isStockSymbol, kindOf, optionContract } from './symbol.ts';
import { fromRfc3339 } from './time.ts';

const notA = (what: string, raw: JsonValue): Refusal => {
  const hint = raw === null ? 'null is no value: write one, or leave the field out where it is optional' : null;
  return new Refusal('type_of_field', `must be ${what}, not ${typeName(raw)}`, hint);
};

/** A field that must be a string, with the reading of its text. */
const text = <T>(rule: string, read: (raw: string) => T | Refusal, missing?: ErrorCode): z.ZodType<T, unknown> =>
  leaf(
    { description: rule, type: 'string' },
    (raw) => (typeof raw === 'string' ? read(raw) : notA('a string', raw)),
    missing,
  );

/**
 * One of a few words. `code` is the refusal's, also when the field is missing. `excluded` are words that exist, too, and that a
 * rule of the form refuses with its reason.
 */
export const choice = <const T extends string, const X extends string = never>(
  code: ErrorCode,
  values: readonly T[],
  excluded: readonly X[] = [],
): z.ZodType<T | X, unknown> => {
  const known: readonly (T | X)[] = [...values, ...excluded];
  return leaf(
    { description: values.map((value) => `\`${value}\``).join(', '), type: 'string', enum: values },
    (raw) => {
      if (typeof raw !== 'string') return notA('a string', raw);
      const found = known.find((value) => value === raw);
      return found ?? new Refusal(code, `must be ${inWords(values)}`, nearest(raw, values));
    },
    code === 'choice' ? 'field_missing' : code,
  );
};

const inWords = (values: readonly string[]): string =>
  values.length === 1 ? String(values[0]) : `${values.slice(0, -1).join(', ')} or ${values.at(-1)}`;

export const flag = leaf({ description: '`true` or `false`', type: 'boolean' }, (raw) =>
  typeof raw === 'boolean' ? raw : notA('true or false', raw),
);

// Numbers

const PLAIN = /^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?$/;
const MOST_DIGITS = 12;
const MOST_DECIMALS = 9;

interface NumberRule {
  readonly rule: string;
  /** The code for a value out of range. */
  readonly range: ErrorCode;
  /** The code for too many decimals; `number_format` where none is better. */
  readonly precision?: ErrorCode;
  readonly signed?: boolean;
  /** Rules of the value beyond its form; called with a plain decimal within the digits. */
  readonly check?: (value: Decimal, decimals: number) => Refusal | null;
}

/** A plain decimal, as JSON number or string. */
function number({ rule, range, precision, signed, check }: NumberRule): z.ZodType<Decimal, unknown> {
  return leaf({ description: rule, type: ['string', 'number'] }, (raw) => {
    const source = raw instanceof JsonNumber ? raw.text : raw;
    if (typeof source !== 'string') return notA('a number or a decimal string', raw);
    if (!PLAIN.test(source)) return malformed(source);
    const point = source.indexOf('.');
    const whole = (point === -1 ? source : source.slice(0, point)).replace('-', '');
    if (whole.length > MOST_DIGITS) {
      return new Refusal('number_format', `has ${whole.length} digits before the point; at most ${MOST_DIGITS}`);
    }
    const value = canonical(source);
    if (source.startsWith('-') && (!signed || value === '0'))
      return new Refusal(range, signed ? 'must not be -0' : 'must be > 0');
    if (!signed && value === '0') return new Refusal(range, 'must be > 0');
    const decimals = point === -1 ? 0 : source.length - point - 1;
    if (decimals > MOST_DECIMALS) {
      return new Refusal(precision ?? 'number_format', `has ${decimals} decimals; at most ${MOST_DECIMALS}`);
    }
    return check?.(value, decimals) ?? value;
  });
}

function malformed(source: string): Refusal {
  const foreign = foreignCharacter(source);
  const hint =
    foreign ??
    (/^[0-9.,_' ]+$/.test(source)
      ? 'no separators, blanks or leading zeros'
      : /^[-+]?[0-9.]+[eE][-+]?[0-9]+$/.test(source)
        ? 'write all digits, without an exponent'
        : /[0-9]/.test(source)
          ? 'digits and at most one point: no plus sign, no unit, no currency'
          : null);
  return new Refusal('number_format', 'must be a plain decimal, for example 1000 or "0.5"', hint);
}

const decimalsOf = (value: Decimal): number => value.split('.')[1]?.length ?? 0;

export const quantity = number({
  rule: 'decimal > 0, at most 9 decimals',
  range: 'qty_range',
  precision: 'qty_precision',
});

const whole = (value: Decimal): Refusal | null =>
  decimalsOf(value) === 0 ? null : new Refusal('qty_fractional', 'must be a whole number');

export const wholeQuantity = number({ rule: 'whole number > 0', range: 'qty_range', check: whole });

export const ratio = number({
  rule: 'whole number > 0',
  range: 'mleg',
  check: (value) => (decimalsOf(value) === 0 ? null : new Refusal('mleg', 'must be a whole number')),
});

/** USD amount. Alpaca answers more than two decimals with 422 although its documentation says nine. */
export const notional = number({
  rule: 'decimal ≥ 1, at most 2 decimals, USD',
  range: 'notional',
  precision: 'notional',
  check(value) {
    if (decimalsOf(value) > 2) return new Refusal('notional', 'must be whole cents (at most 2 decimals)');
    return exact(value).lt('1') ? new Refusal('notional', 'must be at least 1 USD') : null;
  },
});

/** Alpaca docs, orders: at most 2 decimals from 1.00 on, 4 below. */
function stockTick(value: Decimal): Refusal | null {
  const most = exact(value).gte('1') ? 2 : 4;
  return decimalsOf(value) <= most
    ? null
    : new Refusal(
        'price_tick',
        `has ${decimalsOf(value)} decimals; at most ${most} ${most === 2 ? 'from 1.00 on' : 'below 1.00'}`,
      );
}

const cents = (value: Decimal): Refusal | null =>
  decimalsOf(value) <= 2 ? null : new Refusal('price_tick', `has ${decimalsOf(value)} decimals; at most 2`);

export const stockPrice = number({
  rule: 'decimal > 0; at most 2 decimals from 1.00 on, 4 below',
  range: 'price_range',
  precision: 'price_tick',
  check: stockTick,
});

export const cryptoPrice = number({
  rule: 'decimal > 0, at most 9 decimals',
  range: 'price_range',
  precision: 'price_tick',
});

export const optionPrice = number({
  rule: 'decimal > 0, at most 2 decimals',
  range: 'price_range',
  precision: 'price_tick',
  check: cents,
});

export const netPrice = number({
  rule: 'decimal, at most 2 decimals: positive is a debit, negative a credit',
  range: 'price_range',
  precision: 'price_tick',
  signed: true,
  check: cents,
});

export const trailPrice = number({ rule: 'decimal > 0', range: 'price_range', precision: 'price_tick' });

export const trailPercent = number({
  rule: 'decimal from 0.1 to below 100',
  range: 'price_range',
  check: (value) =>
    exact(value).lt('0.1') || exact(value).gte('100')
      ? new Refusal('price_range', 'must be from 0.1 to below 100')
      : null,
});

/** A small whole number for the tower itself, not for the exchange. */
export const listLimit = leaf({ description: 'whole number from 1 to 500', type: ['string', 'number'] }, (raw) => {
  const source = raw instanceof JsonNumber ? raw.text : raw;
  if (typeof source !== 'string') return notA('a whole number', raw);
  const value = /^[1-9][0-9]{0,2}$/.test(source) ? Number(source) : 0;
  return value >= 1 && value <= 500 ? value : new Refusal('limit_range', 'must be a whole number from 1 to 500');
});

const LONGEST_AGE_MS = 600_000;

export const maxAge = leaf(
  {
    description: 'whole number of milliseconds from 0 (fresh from Alpaca) to 600000',
    type: ['string', 'number'],
  },
  (raw) => {
    const source = raw instanceof JsonNumber ? raw.text : raw;
    if (typeof source !== 'string') return notA('a whole number', raw);
    const value = /^(?:0|[1-9][0-9]{0,5})$/.test(source) ? Number(source) : LONGEST_AGE_MS + 1;
    return value <= LONGEST_AGE_MS
      ? value
      : new Refusal('limit_range', `must be a whole number of milliseconds from 0 to ${LONGEST_AGE_MS}`);
  },
);

// Symbols

function symbolHint(raw: string): string | null {
  const foreign = foreignCharacter(raw);
  if (foreign !== null) return foreign;
  if (/[a-z]/.test(raw)) return 'upper case only';
  if (/\s/.test(raw)) return 'no blanks';
  const kind = kindOf(raw);
  if (kind === 'crypto') return 'a coin: use cryptobuy or cryptosell';
  if (kind === 'option') return 'an option contract: use optionsingle';
  return kind === 'stock' ? 'looks like a stock: use stockbuy or stocksell' : null;
}

const symbol = <T>(rule: string, read: (raw: string) => T | null): z.ZodType<T, unknown> =>
  text(
    rule,
    (raw) => read(raw) ?? new Refusal('symbol_format', `must be ${rule.replaceAll('`', '')}`, symbolHint(raw)),
  );

export const stockSymbol = symbol('a US equity symbol as listed (`AAPL`, `BRK.B`)', (raw) =>
  isStockSymbol(raw) ? raw : null,
);
export const cryptoSymbol = symbol('a pair quoted in USD, USDT, USDC or BTC (`BTC/USD` or `BTCUSD`)', cryptoPair);
export const optionSymbol = symbol(
  'an OCC symbol without padding and with a real date (`AAPL250321C00150000`)',
  (raw) => (optionContract(raw) === null ? null : raw),
);

const MOST_SYMBOLS = 100;

/** 1 to 100 distinct symbols of any kind. */
export const symbolList = leaf(
  { description: 'array of 1 to 100 distinct symbols', type: 'array', items: { type: 'string' } },
  (raw) => {
    if (!Array.isArray(raw)) return notA('an array of symbols', raw);
    if (raw.length === 0 || raw.length > MOST_SYMBOLS) {
      return new Refusal('symbols', `has ${raw.length} symbols; 1 to ${MOST_SYMBOLS} are possible`);
    }
    const seen = new Set<string>();
    for (const [index, item] of raw.entries()) {
      if (typeof item !== 'string') {
        return new Refusal('type_of_field', `must be an array of strings; item ${index} is ${typeName(item)}`);
      }
      if (kindOf(item) === null) {
        return new Refusal('symbol_format', `must hold symbols as listed; item ${index} is none`, symbolHint(item));
      }
      if (seen.has(item)) return new Refusal('symbols', `names ${item} twice`);
      seen.add(item);
    }
    return [...seen];
  },
);

// Ids, times and the agent's own words

/** Printable characters of any script; no controls, no invisible format characters. */
const PRINTABLE = /^[^\p{C}\p{Zl}\p{Zp}]{1,128}$/u;
const printable = (code: ErrorCode): z.ZodType<string, unknown> =>
  text('string of 1 to 128 printable characters', (raw) =>
    PRINTABLE.test(raw) ? raw : new Refusal(code, 'must be 1 to 128 printable characters'),
  );

export const requestOrderId = printable('request_order_id');
export const anyClientOrderId = printable('order_ref');

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
export const alpacaOrderId = text('Alpaca’s order id, a UUID in lower case', (raw) =>
  UUID.test(raw) ? raw : new Refusal('order_ref', 'must be a UUID as Alpaca writes it (36 characters, lower case)'),
);

export const agentId = text('agent id: 1 to 20 of a-z and 0-9', (raw): AgentId | Refusal =>
  isAgentId(raw) ? raw : new Refusal('agent_format', 'must be 1 to 20 of a-z and 0-9', foreignCharacter(raw)),
);

export const time = (
  code: 'send_by' | 'time_format',
): z.ZodType<{ readonly text: string; readonly at: Micros }, unknown> =>
  text('RFC 3339 with zone (`2026-02-13T14:30:00Z`)', (raw) => {
    const at = fromRfc3339(raw);
    return at === null
      ? new Refusal(code, 'must be a real time in RFC 3339 with zone, for example 2026-02-13T14:30:00Z')
      : { text: raw, at };
  });

/** A value that must repeat what the file name says. */
export const repeated = (what: string): z.ZodType<string, unknown> => text(`equals ${what}`, (raw) => raw);

export const object = leaf({ description: 'object', type: 'object' }, (raw) =>
  isJsonObject(raw) ? raw : notA('an object', raw),
);

const META_BYTES = 4096;

/** The JSON text of a flat object. */
export const meta = leaf(
  { description: 'object of at most 4 KiB, strings and numbers, depth 1', type: 'object' },
  (raw) => {
    if (!isJsonObject(raw)) return notA('an object', raw);
    for (const [key, value] of Object.entries(raw)) {
      if (typeof value === 'string' || value instanceof JsonNumber) continue;
      return new Refusal('meta', `may hold strings and numbers only; ${clipped(key, 40)} is ${typeName(value)}`);
    }
    const json = stringifyLossless(raw);
    const bytes = Buffer.byteLength(json);
    return bytes <= META_BYTES ? json : new Refusal('meta', `has ${bytes} bytes; at most ${META_BYTES}`);
  },
);
