/**
 * The door for orders: an untrusted JSON body becomes a Draft, or a refusal in Alpaca's words (422 40010001).
 * Judges the shape only, the same for every asset class. Must never look at the market or at an account.
 */
import { bracketNeedsTakeProfit, malformed, ok, refuse } from './errors.ts';
import { fixed, parseFixed, whole } from './fixed.ts';
import type { Body, Fixed, OrderClass, OrderType, PositionIntent, Result, Side, TimeInForce } from './types.ts';

interface LegDraft {
  readonly symbol: string;
  readonly ratio: Fixed;
  readonly side: Side | null;
  readonly intent: PositionIntent | null;
}

export interface Draft {
  readonly symbol: string;
  readonly qty: Fixed | null;
  readonly notional: Fixed | null;
  readonly side: Side;
  readonly type: OrderType;
  readonly tif: TimeInForce;
  readonly limit: Fixed | null;
  readonly stop: Fixed | null;
  readonly trailPrice: Fixed | null;
  readonly trailPercent: Fixed | null;
  readonly extended: boolean;
  readonly clientId: string | null;
  readonly class: OrderClass;
  readonly takeProfit: { readonly limit: Fixed } | null;
  readonly stopLoss: { readonly stop: Fixed; readonly limit: Fixed | null } | null;
  readonly legs: readonly LegDraft[];
  readonly intent: PositionIntent | null;
}

const TYPES: readonly string[] = ['market', 'limit', 'stop', 'stop_limit', 'trailing_stop'];
const FORCES: readonly string[] = ['day', 'gtc', 'opg', 'cls', 'ioc', 'fok'];
const CLASSES: readonly string[] = ['simple', 'bracket', 'oco', 'oto', 'mleg'];
const INTENTS: readonly string[] = ['buy_to_open', 'buy_to_close', 'sell_to_open', 'sell_to_close'];

const oneOf = <T extends string>(allowed: readonly string[], value: unknown): T | undefined =>
  typeof value === 'string' && allowed.includes(value) ? (value as T) : undefined;

const absent = (value: unknown): value is undefined | null | '' =>
  value === undefined || value === null || value === '';

/** A refusal on its way out of the nested readers of this file; it never leaves it. */
class Malformed extends Error {}

/** The number under `key` of `body`, given as text or as a JSON number; null when absent. */
function numberAt(body: Body, key: string, name = key): Fixed | null {
  const value = body[key];
  if (absent(value)) return null;
  const found = typeof value === 'string' || typeof value === 'number' ? parseFixed(String(value)) : undefined;
  if (found === undefined) {
    throw new Malformed(`invalid ${name}: ${JSON.stringify(value)}, send a decimal with at most 9 places`);
  }
  return found;
}

const isRecord = (value: unknown): value is Body =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const need = (condition: boolean, message: string): void => {
  if (!condition) throw new Malformed(message);
};

/** The client order id of a body, judged; null when absent. */
function clientIdOf(body: Body): string | null {
  const value = body['client_order_id'];
  if (absent(value)) return null;
  if (typeof value !== 'string') throw new Malformed('client_order_id must be a string');
  need(value.length <= 128, 'client_order_id must be no more than 128 characters');
  return value;
}

function exitsOf(body: Body): Pick<Draft, 'takeProfit' | 'stopLoss'> {
  const profit = isRecord(body['take_profit']) ? body['take_profit'] : null;
  const loss = isRecord(body['stop_loss']) ? body['stop_loss'] : null;
  const profitLimit = profit && numberAt(profit, 'limit_price', 'take_profit.limit_price');
  const stop = loss && numberAt(loss, 'stop_price', 'stop_loss.stop_price');
  const stopLimit = loss && numberAt(loss, 'limit_price', 'stop_loss.limit_price');
  need(profitLimit === null || profitLimit > 0n, 'take_profit.limit_price must be > 0');
  need(stop === null || stop > 0n, 'stop_loss.stop_price must be > 0');
  need(stopLimit === null || stopLimit > 0n, 'stop_loss.limit_price must be > 0');
  need(stop !== null || loss === null, 'stop_loss.stop_price is required');
  return {
    takeProfit: profitLimit === null ? null : { limit: profitLimit },
    stopLoss: stop === null ? null : { stop, limit: stopLimit },
  };
}

function pricesByType(draft: Draft): void {
  const { type, limit, stop, trailPrice, trailPercent } = draft;
  const signed = draft.class === 'mleg';
  switch (type) {
    case 'market':
      need((limit === null || signed) && stop === null, 'market orders require no stop or limit price');
      break;
    case 'limit':
      need(limit !== null || signed, 'limit orders require a limit price');
      need(stop === null, 'limit orders require no stop price');
      break;
    case 'stop':
      need(stop !== null, 'stop orders require a stop price');
      need(limit === null, 'stop orders require no limit price');
      break;
    case 'stop_limit':
      need(limit !== null && stop !== null, 'stop limit orders require both stop and limit price');
      break;
    case 'trailing_stop':
      need(
        (trailPrice === null) !== (trailPercent === null),
        'trailing stop orders must specify one of trail_price or trail_percent',
      );
      need(trailPrice === null || trailPrice > 0n, 'trail_price must be > 0');
      need(trailPercent === null || trailPercent >= fixed('0.1'), 'trail_percent must be greater than or equal to 0.1');
      need(trailPercent === null || trailPercent < whole(100), 'trail_percent must be less than 100');
      break;
  }
  need(signed || limit === null || limit > 0n, 'limit price must be > 0');
  need(stop === null || stop > 0n, 'stop price must be > 0');
  if (type !== 'trailing_stop') {
    need(trailPrice === null && trailPercent === null, 'trail_price and trail_percent are for trailing stop orders');
  }
}

function legsOf(body: Body): readonly LegDraft[] {
  const legs = body['legs'];
  if (!Array.isArray(legs)) return [];
  return legs.map((leg: unknown, i): LegDraft => {
    if (!isRecord(leg)) throw new Malformed(`leg.${i} must be an object`);
    const { symbol } = leg;
    if (typeof symbol !== 'string' || symbol === '') throw new Malformed(`leg.${i} symbol is required`);
    const ratio = numberAt(leg, 'ratio_qty', `leg.${i} ratio_qty`);
    if (ratio === null || ratio <= 0n) throw new Malformed(`leg.${i} ratio_qty must be > 0`);
    const side = oneOf<Side>(['buy', 'sell'], leg['side']) ?? null;
    need(side !== null || absent(leg['side']), `leg.${i} invalid side`);
    const intent = oneOf<PositionIntent>(INTENTS, leg['position_intent']) ?? null;
    need(intent !== null || absent(leg['position_intent']), `leg.${i} invalid position intent`);
    return { symbol, ratio, side, intent };
  });
}

function read(body: Body): Draft {
  const classText = absent(body['order_class']) ? 'simple' : body['order_class'];
  const orderClass = oneOf<OrderClass>(CLASSES, classText);
  if (orderClass === undefined) throw new Malformed('invalid order_class');
  const mleg = orderClass === 'mleg';
  // Alpaca calls the type of an oco `limit`; some clients leave it out.
  const typeText = orderClass === 'oco' && absent(body['type']) ? 'limit' : body['type'];
  const type = oneOf<OrderType>(TYPES, typeText);
  if (type === undefined) throw new Malformed('invalid order type');
  const side = oneOf<Side>(['buy', 'sell'], mleg && absent(body['side']) ? 'buy' : body['side']);
  if (side === undefined) throw new Malformed('invalid side');
  const tif = oneOf<TimeInForce>(FORCES, body['time_in_force']);
  if (tif === undefined) throw new Malformed('invalid time_in_force');
  const symbol = body['symbol'];
  need(!mleg || absent(symbol), 'symbol is not allowed for mleg order');
  if (!mleg && (typeof symbol !== 'string' || symbol === '')) throw new Malformed('symbol is required');
  const clientId = clientIdOf(body);

  const qty = numberAt(body, 'qty');
  const notional = numberAt(body, 'notional');
  need(qty !== null || notional !== null, 'qty or notional is required');
  need(qty === null || notional === null, 'only one of qty or notional is accepted');
  need(qty === null || qty > 0n, 'qty must be > 0');

  const intent = oneOf<PositionIntent>(INTENTS, body['position_intent']) ?? null;
  need(intent !== null || absent(body['position_intent']), 'invalid position_intent');
  const extended = body['extended_hours'] ?? false;
  if (typeof extended !== 'boolean') throw new Malformed('extended_hours must be true or false');
  const exits = exitsOf(body);
  // The limit of an oco is its take profit's.
  const limit = orderClass === 'oco' ? (exits.takeProfit?.limit ?? null) : numberAt(body, 'limit_price');
  const draft: Draft = {
    symbol: mleg ? '' : String(symbol),
    qty,
    notional,
    side,
    type,
    tif,
    limit,
    stop: numberAt(body, 'stop_price'),
    trailPrice: numberAt(body, 'trail_price'),
    trailPercent: numberAt(body, 'trail_percent'),
    extended,
    clientId,
    class: orderClass,
    ...exits,
    legs: mleg ? legsOf(body) : [],
    intent,
  };
  if (orderClass === 'oco') {
    need(draft.takeProfit !== null, 'oco orders require take_profit.limit_price');
    need(draft.stopLoss !== null, 'oco orders require stop_loss.stop_price');
    need(type === 'limit', 'oco orders must be limit orders');
  }
  pricesByType(draft);
  return draft;
}

const caught = <T>(run: () => T): Result<T> => {
  try {
    return ok(run());
  } catch (error) {
    if (error instanceof Malformed) return refuse(malformed(error.message));
    throw error;
  }
};

/** Reads the body of POST /v2/orders. */
export function parseOrder(body: Body): Result<Draft> {
  const draft = caught(() => read(body));
  if (!draft.ok) return draft;
  const { value } = draft;
  if (value.class === 'bracket') {
    if (value.takeProfit === null) return refuse(bracketNeedsTakeProfit());
    if (value.stopLoss === null) return refuse(malformed('bracket orders require stop_loss.stop_price'));
  }
  if (value.class === 'oto' && (value.takeProfit === null) === (value.stopLoss === null)) {
    return refuse(malformed('oto orders require one of take_profit or stop_loss'));
  }
  return draft;
}

/** What PATCH /v2/orders/{id} may change; null: left as it is. */
export interface Change {
  readonly qty: Fixed | null;
  readonly tif: TimeInForce | null;
  readonly limit: Fixed | null;
  readonly stop: Fixed | null;
  readonly trail: Fixed | null;
  readonly clientId: string | null;
}

/** Reads the body of PATCH /v2/orders/{id}. `signed`: the limit price may be negative (multi-leg). */
export function parseChange(body: Body, signed: boolean): Result<Change> {
  return caught(() => {
    const tif = oneOf<TimeInForce>(FORCES, body['time_in_force']) ?? null;
    need(tif !== null || absent(body['time_in_force']), 'invalid time_in_force');
    const change: Change = {
      qty: numberAt(body, 'qty'),
      tif,
      limit: numberAt(body, 'limit_price'),
      stop: numberAt(body, 'stop_price'),
      trail: numberAt(body, 'trail'),
      clientId: clientIdOf(body),
    };
    need(change.qty === null || change.qty > 0n, 'qty must be > 0');
    need(signed || change.limit === null || change.limit > 0n, 'limit price must be > 0');
    need(change.stop === null || change.stop > 0n, 'stop price must be > 0');
    need(change.trail === null || change.trail > 0n, 'trail must be > 0');
    return change;
  });
}

/** Reads `qty` or `percentage` of DELETE /v2/positions/{symbol}; both null: all of it. */
export function parseClose(
  query: Readonly<Record<string, string | undefined>>,
): Result<{ readonly qty: Fixed | null; readonly percentage: Fixed | null }> {
  return caught(() => {
    const qty = numberAt(query, 'qty');
    const percentage = numberAt(query, 'percentage');
    need(qty === null || percentage === null, 'only one of qty or percentage is accepted');
    need(qty === null || qty > 0n, 'qty must be > 0');
    need(percentage === null || (percentage > 0n && percentage <= whole(100)), 'percentage must be > 0 and <= 100');
    return { qty, percentage };
  });
}
