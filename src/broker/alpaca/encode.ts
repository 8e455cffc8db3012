/**
 * A trade as Alpaca's POST /v2/orders wants it, and the comparison of what came back with what was asked. Pure: the same
 * trade gives the same bytes, because those bytes are journaled and may be sent again. Must never round or reformat an amount.
 */
import { unreachable } from '../../lib/assert.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../lib/json.ts';
import { type Exact, exact } from '../../order/decimal.ts';
import type { Exits, OptionLeg, Size, StopLoss, Terms, TradeRequest } from '../../order/request.ts';
import type { BrokerOrder, Wire } from '../broker.ts';
import { decimalText, readJson, textOf } from './wire-json.ts';

export const ORDERS_PATH = '/v2/orders';

/** The request for a trade. Every amount goes out as a JSON string with the digits of the request. */
export function encode(trade: TradeRequest): Wire {
  return { method: 'POST', path: ORDERS_PATH, body: JSON.stringify(bodyOf(trade)) };
}

function bodyOf(trade: TradeRequest): JsonObject {
  const last = { client_order_id: trade.clientOrderId };
  switch (trade.type) {
    case 'stockbuy':
    case 'stocksell':
      return {
        symbol: trade.symbol,
        ...sizeOf(trade.size),
        side: trade.side,
        ...(trade.exits.orderClass === 'oco' ? { type: 'limit' } : termsOf(trade.terms)),
        time_in_force: trade.timeInForce,
        ...(trade.extendedHours ? { extended_hours: true } : {}),
        ...exitsOf(trade.exits),
        ...last,
      };
    case 'cryptobuy':
    case 'cryptosell':
      return {
        symbol: trade.symbol,
        ...sizeOf(trade.size),
        side: trade.side,
        ...termsOf(trade.terms),
        time_in_force: trade.timeInForce,
        ...last,
      };
    case 'optionsingle':
      return {
        symbol: trade.symbol,
        qty: trade.qty,
        side: trade.side,
        ...termsOf(trade.terms),
        time_in_force: trade.timeInForce,
        ...(trade.positionIntent === null ? {} : { position_intent: trade.positionIntent }),
        ...last,
      };
    case 'optionmulti':
      return {
        order_class: 'mleg',
        qty: trade.qty,
        ...(trade.limitPrice === null ? { type: 'market' } : { type: 'limit', limit_price: trade.limitPrice }),
        time_in_force: trade.timeInForce,
        legs: trade.legs.map(legOf),
        ...last,
      };
    default:
      return unreachable(trade);
  }
}

const sizeOf = (size: Size): JsonObject => ('qty' in size ? { qty: size.qty } : { notional: size.notional });

function termsOf(terms: Terms): JsonObject {
  switch (terms.type) {
    case 'market':
      return { type: terms.type };
    case 'limit':
      return { type: terms.type, limit_price: terms.limitPrice };
    case 'stop':
      return { type: terms.type, stop_price: terms.stopPrice };
    case 'stop_limit':
      return { type: terms.type, limit_price: terms.limitPrice, stop_price: terms.stopPrice };
    case 'trailing_stop':
      return 'price' in terms.trail
        ? { type: terms.type, trail_price: terms.trail.price }
        : { type: terms.type, trail_percent: terms.trail.percent };
    default:
      return unreachable(terms);
  }
}

/** For an oco order the take profit is the limit order itself: there is no limit_price beside it (Alpaca docs: orders, OCO). */
function exitsOf(exits: Exits): JsonObject {
  if (exits.orderClass === 'simple') return {};
  return {
    order_class: exits.orderClass,
    ...(exits.takeProfit === null ? {} : { take_profit: { limit_price: exits.takeProfit } }),
    ...(exits.stopLoss === null ? {} : { stop_loss: stopLossOf(exits.stopLoss) }),
  };
}

const stopLossOf = ({ stopPrice, limitPrice }: StopLoss): JsonObject => ({
  stop_price: stopPrice,
  ...(limitPrice === null ? {} : { limit_price: limitPrice }),
});

/**
 * Alpaca infers the intent of a single-leg order but demands one on every leg ("leg.0 position intent is required"). A leg
 * without one opens a position; an agent that closes or rolls says so. Alpaca refuses a wrong intent, it never reinterprets it.
 */
const legOf = (leg: OptionLeg): JsonObject => ({
  symbol: leg.symbol,
  ratio_qty: leg.ratioQty,
  side: leg.side,
  position_intent: leg.positionIntent ?? `${leg.side}_to_open`,
});

/**
 * Fields in which the broker's order differs from what the wire asked for, by their names in the wire. What Alpaca leaves
 * out, sends as null or "", or is free to normalise (time in force, spelling of pairs, added limit of a buy stop) is no
 * difference.
 */
export function differences(wire: Wire, order: BrokerOrder): readonly string[] {
  const asked = readJson(wire.body);
  const told = readJson(order.json);
  if (!isJsonObject(asked) || !isJsonObject(told)) return ['json'];
  const differing = new Set<string>();
  const note = (field: string, differs: boolean): void => {
    if (differs) differing.add(field);
  };
  note('client_order_id', asked['client_order_id'] !== order.clientOrderId);
  const mleg = asked['order_class'] === 'mleg';
  if (!mleg) {
    note('symbol', textDiffers(pairless(asked['symbol']), pairless(told['symbol'])));
    note('side', textDiffers(lower(asked['side']), lower(told['side'])));
  }
  note('type', typeDiffers(asked, told));
  note('order_class', classOf(asked) !== classOf(told));
  for (const [field, other] of [
    ['qty', 'notional'],
    ['notional', 'qty'],
  ] as const) {
    // Alpaca fills exactly the one that was asked for: the other one in its place is another order.
    const swapped = isAmount(asked[field]) && !isAmount(told[field]) && isAmount(told[other]);
    note(field, swapped || amountDiffers(asked[field], told[field]));
  }
  for (const field of ['limit_price', 'stop_price', 'trail_price', 'trail_percent']) {
    note(field, amountDiffers(asked[field], told[field]));
  }
  if (asked['order_class'] === 'oco') {
    const takeProfit = isJsonObject(asked['take_profit']) ? asked['take_profit']['limit_price'] : null;
    note('take_profit', lower(told['type']) === 'limit' && amountDiffers(takeProfit, told['limit_price']));
  }
  note('extended_hours', asked['extended_hours'] === true && told['extended_hours'] === false);
  note('position_intent', textDiffers(lower(asked['position_intent']), lower(told['position_intent'])));
  if (mleg) note('legs', legsDiffer(asked['legs'], told['legs']));
  return [...differing];
}

const lower = (value: JsonValue | undefined): string | null => textOf(value)?.toLowerCase() ?? null;

/** "BTC/USD" and "BTCUSD" are the same pair. */
const pairless = (value: JsonValue | undefined): string | null => textOf(value)?.replace('/', '').toUpperCase() ?? null;

const textDiffers = (asked: string | null, told: string | null): boolean =>
  asked !== null && told !== null && asked !== told;

const isAmount = (value: JsonValue | undefined): boolean => decimalText(value) !== null;

function amountDiffers(asked: JsonValue | undefined, told: JsonValue | undefined): boolean {
  const [a, b] = [amountOf(asked), amountOf(told)];
  return a !== null && b !== null && !a.eq(b);
}

function amountOf(value: JsonValue | undefined): Exact | null {
  const text = decimalText(value);
  return text === null ? null : exact(text);
}

/** A buy stop may come back as the stop-limit that Alpaca makes of it (Alpaca docs: orders, stop orders). */
function typeDiffers(asked: JsonObject, told: JsonObject): boolean {
  const [want, have] = [lower(asked['type']), lower(told['type']) ?? lower(told['order_type'])];
  if (want === 'stop' && have === 'stop_limit' && asked['side'] === 'buy') return false;
  return textDiffers(want, have);
}

const classOf = (order: JsonObject): string => lower(order['order_class']) ?? 'simple';

/** Compared only where Alpaca tells the legs: a look-up need not. */
function legsDiffer(asked: JsonValue | undefined, told: JsonValue | undefined): boolean {
  if (!Array.isArray(asked) || !Array.isArray(told)) return false;
  const found = new Map(told.filter(isJsonObject).map((leg) => [textOf(leg['symbol']), leg]));
  return (
    asked.length !== told.length ||
    asked.filter(isJsonObject).some((leg) => {
      const match = found.get(textOf(leg['symbol']));
      return (
        match === undefined ||
        textDiffers(lower(leg['side']), lower(match['side'])) ||
        amountDiffers(leg['ratio_qty'], match['ratio_qty'])
      );
    })
  );
}
