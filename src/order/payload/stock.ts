/** Payload of `stockbuy` and `stocksell`. Source of the rules: Alpaca docs, orders and fractional trading. */
import type * as z from 'zod';
import { assert } from '../../lib/assert.ts';
import { type Decimal, decimal, exact } from '../decimal.ts';
import { choice, flag, notional, quantity, stockPrice, stockSymbol, trailPercent, trailPrice } from '../fields.ts';
import { type FieldsOf, form, nested, type Rule } from '../form.ts';
import type { Envelope, Exits, StockTrade, StopLoss, Terms } from '../request.ts';
import { oneSize, type PriceFields, pricesFor, sizeOf, termsOf } from './terms.ts';

const shape = {
  symbol: stockSymbol,
  qty: quantity.optional(),
  notional: notional.optional(),
  order_class: choice('order_class', ['market', 'limit', 'stop', 'stop_limit', 'trailing_stop', 'oco']),
  limit_price: stockPrice.optional(),
  stop_price: stockPrice.optional(),
  trail_price: trailPrice.optional(),
  trail_percent: trailPercent.optional(),
  time_in_force: choice('tif', ['day', 'gtc', 'ioc', 'fok', 'opg', 'cls']),
  extended_hours: flag.optional(),
  take_profit: nested({ limit_price: stockPrice }).optional(),
  stop_loss: nested({ stop_price: stockPrice, limit_price: stockPrice.optional() }).optional(),
};
type Fields = z.output<z.ZodObject<typeof shape, z.core.$strict>>;

const TRIGGERED: readonly string[] = ['stop', 'stop_limit', 'trailing_stop'];
const LASTING: readonly string[] = ['day', 'gtc'];

const isFraction = ({ qty, notional: usd }: Partial<Fields>): boolean =>
  usd !== undefined || (qty?.includes('.') ?? false);
const hasExits = (fields: Partial<Fields>): boolean =>
  fields.order_class === 'oco' || fields.take_profit !== undefined || fields.stop_loss !== undefined;

const lasting: Rule<Fields> = {
  text: '`stop`, `stop_limit` and `trailing_stop` orders, and orders with exits, are `day` or `gtc`.',
  check(fields, { refuse }) {
    const { order_class: kind, time_in_force: tif } = fields;
    if (tif === undefined || LASTING.includes(tif)) return;
    const what =
      kind !== undefined && TRIGGERED.includes(kind) ? kind : hasExits(fields) ? 'an order with exits' : null;
    if (what !== null)
      refuse('tif_combination', 'time_in_force', `${tif} is not possible for ${what}`, { allowed: 'day or gtc' });
  },
};

const fractions: Rule<Fields> = {
  text: 'A fractional `qty` or a `notional` is possible only as a simple `day` order without trailing stop.',
  check(fields, { refuse }) {
    if (!isFraction(fields)) return;
    const [size, code] =
      fields.notional === undefined ? (['qty', 'qty_fractional'] as const) : (['notional', 'notional'] as const);
    const { order_class: kind, time_in_force: tif } = fields;
    if (tif !== undefined && tif !== 'day') {
      const what = size === 'qty' ? 'a fractional qty' : 'a notional';
      refuse('tif_combination', 'time_in_force', `${tif} is not possible with ${what}`, { allowed: 'day' });
    }
    const wrong = size === 'qty' ? 'must be whole shares for' : 'is not possible for';
    if (kind === 'trailing_stop') refuse(code, size, `${wrong} a trailing stop`, { allowed: 'whole qty' });
    if (hasExits(fields)) refuse('bracket', size, `${wrong} an order with exits`, { allowed: 'whole qty' });
  },
};

const hours: Rule<Fields> = {
  text: '`extended_hours: true` is possible only for simple `limit` orders with `day` or `gtc`.',
  check(fields, { refuse }) {
    if (fields.extended_hours !== true) return;
    const { order_class: kind, time_in_force: tif } = fields;
    const why =
      kind !== undefined && kind !== 'limit'
        ? `order_class ${kind}`
        : tif !== undefined && !LASTING.includes(tif)
          ? `time_in_force ${tif}`
          : hasExits(fields)
            ? 'exits'
            : null;
    if (why !== null)
      refuse('extended_hours', 'extended_hours', `is not possible with ${why}`, { allowed: 'limit with day or gtc' });
  },
};

/** What the exits must keep apart, seen from the position they close: a long one sells above, a short one buys below. */
function exitsInOrder(long: boolean): Rule<Fields> {
  const profit = long ? 'above' : 'below';
  const loss = long ? 'below' : 'above';
  const beyond = (a: Decimal, b: Decimal): boolean => (long ? exact(a).gt(exact(b)) : exact(a).lt(exact(b)));
  return {
    text:
      `The take profit lies ${profit} the stop loss` +
      `; with a \`limit\` entry the take profit lies at least 0.01 ${profit} and the stop at least 0.01 ${loss} the \`limit_price\`. An \`oco\` is the other way round.`,
    check(fields, { refuse }) {
      const { order_class: kind, limit_price: base } = fields;
      const target = fields.take_profit?.limit_price;
      const stop = fields.stop_loss?.stop_price;
      if (target !== undefined && stop !== undefined && !beyond(target, stop)) {
        refuse('bracket', 'take_profit.limit_price', `must be ${profit} stop_loss.stop_price ${stop}`);
      }
      if (kind !== 'limit' || base === undefined) return;
      const cent = (up: boolean): Decimal => decimal(exact(base).plus(up ? '0.01' : '-0.01'));
      if (target !== undefined && beyond(cent(long), target)) {
        refuse('bracket', 'take_profit.limit_price', `must be at least 0.01 ${profit} the limit_price ${base}`);
      }
      if (stop !== undefined && beyond(stop, cent(!long))) {
        refuse('bracket', 'stop_loss.stop_price', `must be at least 0.01 ${loss} the limit_price ${base}`);
      }
    },
  };
}

const exitPair: Rule<Fields> = {
  text: '`oco` is the exit pair of a position: it needs `take_profit`, `stop_loss` and a whole `qty`, and has no entry price.',
  check(fields, { given, refuse }) {
    if (fields.order_class !== 'oco') return;
    for (const exit of ['take_profit', 'stop_loss'] as const) {
      if (!given(exit)) refuse('bracket', exit, 'is required when order_class is oco');
    }
  },
};

/** `long`: whether an entry of this type opens a long position. */
function rulesFor(long: boolean): readonly Rule<Fields>[] {
  const entry = exitsInOrder(long);
  const closing = exitsInOrder(!long);
  const exitOrder: Rule<Fields> = {
    text: entry.text,
    // An entry's exits close what it opens; an oco closes a position that is there, on the other side.
    check: (fields, context) => (fields.order_class === 'oco' ? closing : entry).check(fields, context),
  };
  return [oneSize, pricesFor('order_class'), lasting, fractions, hours, exitPair, exitOrder];
}

export const stockbuy = form(shape, rulesFor(true));
export const stocksell = form(shape, rulesFor(false));

export function stockTrade(
  type: 'stockbuy' | 'stocksell',
  fields: FieldsOf<typeof stockbuy>,
  envelope: Envelope,
): StockTrade {
  const exits = exitsOf(fields);
  return {
    ...envelope,
    type,
    symbol: fields.symbol,
    side: type === 'stockbuy' ? 'buy' : 'sell',
    size: sizeOf(fields),
    terms: entryTerms(fields, exits),
    timeInForce: fields.time_in_force,
    extendedHours: fields.extended_hours ?? false,
    exits,
  };
}

function entryTerms(fields: Fields & PriceFields, exits: Exits): Terms {
  if (fields.order_class !== 'oco') return termsOf(fields.order_class, fields);
  assert(exits.orderClass === 'oco', 'an oco order has both exits');
  return { type: 'limit', limitPrice: exits.takeProfit };
}

function exitsOf(fields: Fields): Exits {
  const takeProfit = fields.take_profit?.limit_price ?? null;
  const loss = fields.stop_loss;
  const stopLoss: StopLoss | null =
    loss === undefined ? null : { stopPrice: loss.stop_price, limitPrice: loss.limit_price ?? null };
  if (takeProfit !== null && stopLoss !== null) {
    return { orderClass: fields.order_class === 'oco' ? 'oco' : 'bracket', takeProfit, stopLoss };
  }
  return takeProfit === null && stopLoss === null
    ? { orderClass: 'simple' }
    : { orderClass: 'oto', takeProfit, stopLoss };
}
