/**
 * The account's activity rows, fills and others, in Alpaca's shape (OpenAPI: TradeActivity, NonTradeActivity).
 * Appends rows and answers pages of them. Must never move money.
 */
import { malformed, ok, refuse } from './errors.ts';
import { text } from './fixed.ts';
import type { Account, Activity, Instrument, Order } from './state.ts';
import { compact, DAY, iso, isoDate, parseInstant } from './time.ts';
import type { ActivityJson, Fixed, Instant, Query, Result } from './types.ts';
import type { World } from './world.ts';

function append(
  world: World,
  account: Account,
  at: Instant,
  type: string,
  orderId: string | null,
  row: Activity['row'],
) {
  const id = `${compact(at)}::${world.draws.uuid()}`;
  account.activities.push({ id, at, type, orderId, row: { id, activity_type: type, ...row } });
  world.changed();
}

/** One execution of an order. `short`: the sale opens or adds to a short position. */
export function recordFill(
  world: World,
  order: Order,
  instrument: Instrument,
  qty: Fixed,
  price: Fixed,
  at: Instant,
  short: boolean,
): void {
  const leaves = order.qty === null ? 0n : order.qty - order.filledQty;
  append(world, order.account, at, 'FILL', order.id, {
    cum_qty: text(order.filledQty),
    leaves_qty: text(leaves),
    price: text(price),
    qty: text(qty),
    side: order.side === 'sell' && short ? 'sell_short' : order.side,
    symbol: instrument.symbol,
    order_id: order.id,
    order_status: order.status,
    transaction_time: iso(at),
    type: order.status === 'filled' ? 'fill' : 'partial_fill',
  });
}

export interface NonTrade {
  readonly type: string;
  /** USD, signed from the account's view. */
  readonly net: Fixed;
  readonly symbol?: string;
  readonly qty?: Fixed;
  readonly price?: Fixed;
  readonly description?: string;
}

export function recordNonTrade(world: World, account: Account, at: Instant, entry: NonTrade): void {
  append(world, account, at, entry.type, null, {
    date: isoDate(at),
    created_at: iso(at),
    net_amount: text(entry.net),
    ...(entry.description === undefined ? {} : { description: entry.description }),
    ...(entry.symbol === undefined ? {} : { symbol: entry.symbol }),
    ...(entry.qty === undefined ? {} : { qty: text(entry.qty) }),
    ...(entry.price === undefined ? {} : { price: text(entry.price), per_share_amount: text(entry.price) }),
    currency: 'USD',
    status: 'executed',
  });
}

const isTrade = (type: string): boolean => type === 'FILL';

/** GET /v2/account/activities: newest first unless `direction=asc`, at most `page_size` rows after `page_token`. */
export function listActivities(account: Account, query: Query, onlyType?: string): Result<readonly ActivityJson[]> {
  const types = onlyType ?? query['activity_types'];
  const category = query['category'];
  if (types && category) return refuse(malformed('activity_types and category cannot be used together'));
  if (category && category !== 'trade_activity' && category !== 'non_trade_activity') {
    return refuse(malformed('invalid category'));
  }
  const size = Number(query['page_size'] ?? 100);
  if (!Number.isInteger(size) || size < 1 || size > 100) {
    return refuse(malformed('page_size must be between 1 and 100'));
  }
  const direction = query['direction'] ?? 'desc';
  if (direction !== 'asc' && direction !== 'desc') return refuse(malformed('invalid direction'));

  let after: Instant | undefined;
  let until: Instant | undefined;
  for (const key of ['date', 'after', 'until'] as const) {
    const source = query[key];
    if (!source) continue;
    const instant = parseInstant(source);
    if (instant === undefined) return refuse(malformed(`invalid ${key}: ${JSON.stringify(source)}, send RFC 3339`));
    if (key === 'after') after = instant;
    else if (key === 'until') until = instant;
    else {
      after = instant - 1n;
      until = instant + DAY;
    }
  }
  const wanted = types ? new Set(types.toUpperCase().split(',')) : undefined;
  const orderId = query['order_id'];
  const token = query['page_token'];
  const rows: ActivityJson[] = [];
  const count = account.activities.length;
  let waiting = Boolean(token);
  for (let i = 0; i < count && rows.length < size; i++) {
    const activity = account.activities[direction === 'asc' ? i : count - 1 - i];
    if (activity === undefined) break;
    if (waiting) {
      waiting = activity.id !== token;
      continue;
    }
    if (after !== undefined && activity.at <= after) continue;
    if (until !== undefined && activity.at >= until) continue;
    if (wanted && !wanted.has(activity.type)) continue;
    if (category && isTrade(activity.type) !== (category === 'trade_activity')) continue;
    if (orderId && activity.orderId !== orderId) continue;
    rows.push(activity.row as ActivityJson);
  }
  return ok(rows);
}
