/**
 * The limits that can be set, for each agent and for the account: one table with rules, defaults and a sentence each. Must
 * never allow more than the ceilings, which stand above every setting: a typing error of three zeros is refused.
 */
import { z } from 'zod';

/** Compiled in. No setting and no agent gets past them. USD and units of what is traded. */
export const CEILINGS = {
  order_qty: '100000000000',
  order_value: '100000000',
  position_value: '1000000000',
  gross_value: '10000000000',
  open_orders: 1_000_000,
  orders_per_minute: 1_000_000,
} as const;

const isAtMost = (text: string, most: string): boolean => {
  const digits = (one: string): string => one.split('.')[0] ?? '';
  const [a, b] = [digits(text), digits(most)];
  return a.length < b.length || (a.length === b.length && a < b) || text === most;
};

/** Numbers of the file come as numbers or texts; both become the text, digit for digit. */
const decimal = (most: string, unit: string, doc: string) =>
  z
    .union([z.int().min(0).transform(String), z.string().regex(/^(?:0|[1-9][0-9]{0,11})(?:\.[0-9]{1,9})?$/)])
    .refine((text) => isAtMost(text, most))
    .nullable()
    .default(null)
    .meta({ rule: `${unit} from 0 to ${most}, or null for no limit`, doc });

const count = (max: number, doc: string) =>
  z
    .int()
    .min(0)
    .max(max)
    .nullable()
    .default(null)
    .meta({ rule: `a whole number from 0 to ${max}, or null for no limit`, doc });

const window = (value: number, doc: string) =>
  z.int().min(0).max(3600).default(value).meta({ rule: 'a whole number from 0 to 3600', doc });

const list = (pattern: RegExp, what: string, doc: string) =>
  z
    .union([
      z.array(z.string().regex(pattern)),
      z.string().transform((text) => text.split(',').map((one) => one.trim())),
    ])
    .refine((items) => items.every((item) => pattern.test(item)))
    .nullable()
    .default(null)
    .meta({ rule: `a list of ${what}, or null`, doc });

const SYMBOL = /^[A-Z0-9.]{1,24}(?:\/[A-Z]{1,6})?$/;

/** Limits that hold for one agent, and in the same words for the account as a whole. */
const common = {
  order_qty: decimal(CEILINGS.order_qty, 'a quantity', 'The largest quantity of one order.'),
  order_value: decimal(
    CEILINGS.order_value,
    'USD',
    'The largest value of one order; a market order is valued at a fresh quote, and refused when there is none.',
  ),
  position_qty: decimal(
    CEILINGS.order_qty,
    'a quantity',
    'The most that may be held of one symbol, long or short, open orders counted in full.',
  ),
  position_value: decimal(
    CEILINGS.position_value,
    'USD',
    'The same as money: what the position has cost and its open orders would cost.',
  ),
  gross_value: decimal(CEILINGS.gross_value, 'USD', 'The same over all symbols, long and short added up.'),
  open_orders: count(CEILINGS.open_orders, 'Orders that may be open, waiting or in doubt at a time.'),
  orders_per_minute: count(CEILINGS.orders_per_minute, 'Orders that are taken in any 60 seconds.'),
  orders_per_day: count(1_000_000_000, 'Orders that are taken in one day (UTC).'),
  day_value: decimal('1000000000000', 'USD', 'The value of all orders that are taken in one day (UTC).'),
  day_loss: decimal(
    CEILINGS.gross_value,
    'USD',
    'When this much is lost, what was realised today (UTC) and what is open now taken together, only reductions are taken.',
  ),
  symbols: list(SYMBOL, 'symbols', 'Only these may be traded; an option counts by its underlying, too.'),
  symbols_barred: list(SYMBOL, 'symbols', 'These may not be traded, nor options on them.'),
  asset_classes: list(/^(?:us_equity|us_option|crypto)$/, 'us_equity, us_option, crypto', 'Only these may be traded.'),
  sides: list(/^(?:buy|sell)$/, 'buy, sell', 'Only these sides are taken.'),
  shorting: z.boolean().default(true).meta({
    rule: 'true or false',
    doc: 'Set to false, nobody may sell more than the book holds and other open sells leave.',
  }),
  hours: z
    .string()
    .regex(/^(?:[01][0-9]|2[0-3]):[0-5][0-9]-(?:[01][0-9]|2[0-3]):[0-5][0-9]$/)
    .nullable()
    .default(null)
    .meta({
      rule: 'HH:MM-HH:MM in New York, or null for any time',
      doc: 'Orders are taken only then, Monday to Friday; `20:00-04:00` goes over midnight.',
    }),
  collar_percent: decimal(
    '1000',
    'a percentage',
    'How far a price may be worse than the market (a buy above the ask, a sell below the bid), by a quote no older than `limits.quote_seconds`.',
  ),
  similar_seconds: window(0, 'For so long the same order of the same agent under a new id is refused; 0 for never.'),
  in_doubt: z.enum(['pass', 'refuse']).default('pass').meta({
    rule: 'one of pass, refuse',
    doc: 'Whether an agent may send more of a symbol and side while an order of its own for them is in doubt.',
  }),
  repeat_orders: count(
    1_000_000,
    'More orders than this for one symbol and side within `repeat_seconds` halt the agent until a person resumes it.',
  ),
  repeat_seconds: window(60, 'The window of `repeat_orders`.'),
};

export const limitShape = common;
export type Limits = { readonly [K in keyof typeof common]: z.output<(typeof common)[K]> };

export const allotmentLeaf = decimal(
  CEILINGS.gross_value,
  'USD',
  'The money of this agent: it buys for no more than this, what it has made with it and what it has not spent, and sells only what its own book holds.',
);

/** Limits that hold for everybody alike. */
export const generalLimits = {
  quote_seconds: z.int().min(1).max(3600).default(30).meta({
    rule: 'a whole number from 1 to 3600',
    doc: 'A quote that is older is no price: orders that need one are refused.',
  }),
  conflicts: z.enum(['off', 'refuse', 'hold']).default('off').meta({
    rule: 'one of off, refuse, hold',
    doc: 'What happens to an order that an open one of this account stands in the way of (wash trade, quantity held): Alpaca decides; it is refused; it waits until the other one has ended or `send_by` has passed.',
  }),
  market_closed: z.enum(['pass', 'warn', 'refuse']).default('warn').meta({
    rule: 'one of pass, warn, refuse',
    doc: 'What happens to an order that would wait for two days or more since the market is closed: it goes its way; its agent and you are told once Alpaca has taken it; it is refused.',
  }),
  cancels_alarm: z.int().min(1).max(1_000_000).nullable().default(60).meta({
    rule: 'a whole number from 1 to 1000000, or null for never',
    doc: 'Cancels of one agent within a minute after which you are told; they are carried out all the same.',
  }),
};

export const limitsSchema = z.strictObject({
  ...generalLimits,
  agent: z.strictObject(limitShape).prefault({}),
  account: z.strictObject(limitShape).prefault({}),
});
