/**
 * Which options `tower order TYPE` has, and how they become a payload. The names are those of the order format in
 * kebab case. Must never judge a value: the rules stand in the domain's parser, which every order goes through.
 */
import { InvalidArgumentError } from 'commander';
import type { OrderType } from '../order/name.ts';

/** How an option's text becomes JSON. Numbers stay texts, so that every digit arrives as it was typed. */
type Kind = 'text' | 'flag' | 'count' | 'list' | 'legs';

interface Field {
  /** Path in the payload, dotted. */
  readonly path: string;
  readonly kind: Kind;
  readonly help: string;
  /** Option name, where it cannot be the path's. */
  readonly option?: string;
}

const field = (path: string, help: string, kind: Kind = 'text', option?: string): Field =>
  option === undefined ? { path, kind, help } : { path, kind, help, option };

const F = {
  symbol: field('symbol', 'what to trade'),
  qty: field('qty', 'quantity in shares, contracts or coins'),
  notional: field('notional', 'amount in USD instead of a quantity'),
  side: field('side', 'buy or sell'),
  orderClass: field('order_class', 'market, limit, stop, stop_limit, trailing_stop or oco, as far as the type has it'),
  limitPrice: field('limit_price', 'limit price in USD'),
  stopPrice: field('stop_price', 'stop price in USD'),
  tif: field('time_in_force', 'day, gtc, ioc, fok, opg or cls, as far as the type has it'),
  intent: field('position_intent', 'buy_to_open, buy_to_close, sell_to_open or sell_to_close'),
  symbols: field('symbols', 'symbols, separated by commas', 'list'),
  limit: field('limit', 'how many orders at most', 'count'),
  ofAgent: field('agent', 'only orders of this agent', 'text', 'of-agent'),
  alpacaId: field('alpaca_order_id', "the order's id at Alpaca"),
  clientId: field('client_order_id', "the order's client_order_id"),
};

const STOCK: readonly Field[] = [
  F.symbol,
  F.qty,
  F.notional,
  F.orderClass,
  F.limitPrice,
  F.stopPrice,
  field('trail_price', 'distance of a trailing stop in USD'),
  field('trail_percent', 'distance of a trailing stop in percent'),
  F.tif,
  field('extended_hours', 'also before and after the session', 'flag'),
  field('take_profit.limit_price', 'limit price of the take profit exit'),
  field('stop_loss.stop_price', 'stop price of the stop loss exit'),
  field('stop_loss.limit_price', 'limit price of the stop loss exit'),
];
const CRYPTO = [F.symbol, F.qty, F.notional, F.orderClass, F.limitPrice, F.stopPrice, F.tif];
const REFERENCE = [F.alpacaId, F.clientId];

interface TypeEntry {
  readonly summary: string;
  readonly fields: readonly Field[];
}

/** Every order type: what it does and which fields its payload has. */
export const TYPES: Readonly<Record<OrderType, TypeEntry>> = {
  stockbuy: { summary: 'buy a US stock', fields: STOCK },
  stocksell: { summary: 'sell a US stock', fields: STOCK },
  cryptobuy: { summary: 'buy a coin', fields: CRYPTO },
  cryptosell: { summary: 'sell a coin', fields: CRYPTO },
  optionsingle: {
    summary: 'buy or sell one option contract',
    fields: [F.symbol, F.qty, F.side, F.orderClass, F.limitPrice, F.stopPrice, F.tif, F.intent],
  },
  optionmulti: {
    summary: 'trade an option strategy of 2 to 4 legs',
    fields: [
      field('order_class', 'mleg'),
      field('type', 'limit or market'),
      field('limit_price', 'net price per unit: positive is a debit, negative a credit'),
      field('qty', 'units of the strategy (default 1)'),
      F.tif,
      field('legs', 'SYMBOL:SIDE:RATIO[:INTENT], separated by commas, or a JSON array', 'legs'),
    ],
  },
  marketdata: { summary: 'quotes, bars or trades', fields: [F.symbols, field('data_type', 'quote, bar or trade')] },
  orderstatus: { summary: 'one order as Alpaca has it', fields: REFERENCE },
  openorders: {
    summary: 'orders, by default the open ones',
    fields: [field('status', 'open, closed or all'), F.limit, F.symbols, F.ofAgent],
  },
  allorders: {
    summary: 'orders of the past',
    fields: [
      field('status', 'open, closed or all'),
      F.limit,
      field('after', 'RFC 3339 time'),
      field('until', 'RFC 3339 time'),
      field('direction', 'asc or desc'),
      F.symbols,
      F.side,
      F.ofAgent,
    ],
  },
  positions: { summary: 'what the account holds', fields: [field('asset_class', 'us_equity, us_option or crypto')] },
  accountinfo: { summary: 'the account as Alpaca has it', fields: [] },
  cancelorder: { summary: 'cancel an order', fields: REFERENCE },
};

export interface FieldOption {
  /** For commander: `--limit-price <value>`. */
  readonly flags: string;
  readonly help: string;
  /** The name of its value in commander's options. */
  readonly key: string;
  readonly path: readonly string[];
  readonly parse: (text: string) => unknown;
}

/** The options of one order type. */
export function fieldOptions(type: OrderType): readonly FieldOption[] {
  return TYPES[type].fields.map(({ path, kind, help, option }) => {
    const name = option ?? path.replaceAll(/[._]/g, '-');
    return {
      flags: kind === 'flag' ? `--${name}` : `--${name} <${kind === 'text' ? 'value' : kind}>`,
      help,
      key: name.replaceAll(/-([a-z])/g, (_, letter: string) => letter.toUpperCase()),
      path: path.split('.'),
      parse: PARSERS[kind],
    };
  });
}

/** The payload of the options that were given. */
export function payloadOf(type: OrderType, given: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const payload: Record<string, unknown> = type === 'optionmulti' ? { order_class: 'mleg' } : {};
  for (const { key, path } of fieldOptions(type)) {
    const [first = '', second] = path;
    if (given[key] === undefined) continue;
    if (second === undefined) payload[first] = given[key];
    else payload[first] = { ...(payload[first] as object | undefined), [second]: given[key] };
  }
  return payload;
}

const PARSERS: Readonly<Record<Kind, (text: string) => unknown>> = {
  text: (text) => text,
  flag: () => true,
  // What is no whole number stays a text, for the domain to refuse in its own words.
  count: (text) => (/^[0-9]{1,6}$/.test(text) ? Number.parseInt(text, 10) : text),
  list: (text) => text.split(',').map((one) => one.trim()),
  legs: legsOf,
};

function legsOf(text: string): unknown {
  if (text.trimStart().startsWith('[')) {
    try {
      return JSON.parse(text);
    } catch {
      throw new InvalidArgumentError('This is not a JSON array.');
    }
  }
  return text.split(',').map((leg) => {
    const [symbol = '', side, ratio_qty = '1', position_intent, ...rest] = leg.trim().split(':');
    if (side === undefined || rest.length > 0) {
      throw new InvalidArgumentError(`A leg is SYMBOL:SIDE:RATIO[:INTENT], not ${JSON.stringify(leg)}.`);
    }
    return { symbol, side, ratio_qty, ...(position_intent === undefined ? {} : { position_intent }) };
  });
}
