/**
 * GET /v2/orders and its kin: filters and paging (OpenAPI: getAllOrders). Walks the account's list from the end that is
 * asked for and stops when the page is full. Must never change anything.
 */
import { malformed, ok, orderNotFound, refuse } from './errors.ts';
import { type Account, isDone, type Order } from './state.ts';
import { parseInstant } from './time.ts';
import type { Instant, OrderJson, Query, Result } from './types.ts';
import { orderJson } from './views.ts';

const truthy = (value: string | undefined): boolean => value?.toLowerCase() === 'true' || value === '1';

const words = (value: string | undefined): ReadonlySet<string> | undefined => {
  const list = (value ?? '')
    .split(',')
    .map((word) => word.trim().toUpperCase())
    .filter((word) => word !== '');
  return list.length === 0 ? undefined : new Set(list);
};

const classOf = (order: Order): string => {
  const { instrument } = order;
  if (instrument === null || instrument.kind === 'contract') return 'us_option';
  return instrument.class;
};

/** Position of the first order for which `reached` holds, in a list where it goes from false to true. */
function firstIndex(orders: readonly Order[], reached: (order: Order) => boolean): number {
  let low = 0;
  let high = orders.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const order = orders[middle];
    if (order !== undefined && reached(order)) high = middle;
    else low = middle + 1;
  }
  return low;
}

interface Filter {
  readonly status: 'open' | 'closed' | 'all';
  readonly limit: number;
  readonly ascending: boolean;
  readonly nested: boolean;
  readonly symbols: ReadonlySet<string> | undefined;
  readonly classes: ReadonlySet<string> | undefined;
  readonly side: string | undefined;
  /** Half-open range of positions in the account's list. */
  readonly from: number;
  readonly to: number;
}

function instantOf(query: Query, key: string): Result<Instant | undefined> {
  const source = query[key];
  if (!source) return ok(undefined);
  const instant = parseInstant(source);
  if (instant === undefined) {
    return refuse(malformed(`invalid ${key}: ${JSON.stringify(source)}, send RFC 3339`));
  }
  return ok(instant);
}

function read(account: Account, query: Query): Result<Filter> {
  const status = query['status'] || 'open';
  if (status !== 'open' && status !== 'closed' && status !== 'all') return refuse(malformed('invalid status'));
  const direction = query['direction'] || 'desc';
  if (direction !== 'asc' && direction !== 'desc') return refuse(malformed('invalid direction'));
  const side = query['side'] || undefined;
  if (side !== undefined && side !== 'buy' && side !== 'sell') return refuse(malformed('invalid side'));
  const limit = Number(query['limit'] || 50);
  if (!Number.isInteger(limit) || limit < 1 || limit > 500) {
    return refuse(malformed('limit must be between 1 and 500'));
  }
  const after = instantOf(query, 'after');
  if (!after.ok) return after;
  const until = instantOf(query, 'until');
  if (!until.ok) return until;
  const { before_order_id: beforeId, after_order_id: afterId } = query;
  if (beforeId && afterId) {
    return refuse(malformed('before_order_id and after_order_id cannot be used together'));
  }
  if ((beforeId || afterId) && (query['after'] || query['until'])) {
    return refuse(malformed('before_order_id and after_order_id cannot be used with after or until'));
  }
  const { orders } = account;
  let from = 0;
  let to = orders.length;
  const afterAt = after.value;
  const untilAt = until.value;
  if (afterAt !== undefined) from = firstIndex(orders, (order) => order.created > afterAt);
  if (untilAt !== undefined) to = firstIndex(orders, (order) => order.created >= untilAt);
  for (const id of [beforeId, afterId]) {
    if (!id) continue;
    const edge = account.byId.get(id);
    if (edge === undefined) return refuse(orderNotFound(id));
    const index = firstIndex(orders, (order) => order.seq >= edge.seq);
    if (id === beforeId) to = index;
    else from = index + 1;
  }
  const classes = words(query['asset_class']);
  return ok({
    status,
    limit,
    ascending: direction === 'asc',
    nested: truthy(query['nested']),
    symbols: words(query['symbols']?.replaceAll('/', '')),
    classes: classes?.has('ALL') ? undefined : classes,
    side,
    from,
    to,
  });
}

function matches(order: Order, filter: Filter): boolean {
  // The legs of a multi-leg order are part of their parent, always; other members are listed flat unless nested.
  if (order.role === 'leg' || (filter.nested && order.parent !== null)) return false;
  if (filter.status !== 'all' && isDone(order) !== (filter.status === 'closed')) {
    const heads = filter.nested && order.legs.length > 0 && filter.status === 'open';
    if (!heads || !order.legs.some((leg) => !isDone(leg))) return false;
  }
  if (filter.side !== undefined && order.side !== filter.side) return false;
  if (filter.classes && !filter.classes.has(classOf(order).toUpperCase())) return false;
  if (!filter.symbols) return true;
  const names = [order, ...order.legs].map((each) => each.instrument?.symbol.replaceAll('/', '').toUpperCase());
  return names.some((name) => name !== undefined && filter.symbols?.has(name));
}

/** The orders to look at: for open ones the open set alone, so that a long history costs nothing. */
function candidates(
  account: Account,
  filter: Filter,
): { readonly list: readonly Order[]; readonly from: number; readonly to: number } {
  const { from, to } = filter;
  if (filter.status !== 'open') return { list: account.orders, from, to };
  const first = account.orders[from]?.seq ?? Number.POSITIVE_INFINITY;
  const last = account.orders[to - 1]?.seq ?? -1;
  // Nested, an order whose exits are open counts as open.
  const heads = filter.nested ? new Set([...account.open].map((order) => order.parent ?? order)) : account.open;
  const list = [...heads].filter((order) => order.seq >= first && order.seq <= last);
  if (filter.nested) list.sort((a, b) => a.seq - b.seq);
  return { list, from: 0, to: list.length };
}

export function listOrders(account: Account, query: Query): Result<readonly OrderJson[]> {
  const filter = read(account, query);
  if (!filter.ok) return filter;
  const { limit, ascending, nested } = filter.value;
  const { list, from, to } = candidates(account, filter.value);
  const page: OrderJson[] = [];
  for (let i = from; i < to && page.length < limit; i++) {
    const order = list[ascending ? i : to - 1 - (i - from)];
    if (order !== undefined && matches(order, filter.value)) page.push(orderJson(order, nested));
  }
  return ok(page);
}

const UUID = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i;

/** The order of a path id, which has to be a uuid. */
export function findOrder(account: Account, id: string): Result<Order> {
  const order = account.byId.get(id) ?? account.byId.get(id.toLowerCase());
  if (order !== undefined) return ok(order);
  return refuse(UUID.test(id) ? orderNotFound(id) : malformed('order_id is missing'));
}

export function getOrder(account: Account, id: string, query: Query): Result<OrderJson> {
  const order = findOrder(account, id);
  return order.ok ? ok(orderJson(order.value, truthy(query['nested']))) : order;
}

export function getByClientId(account: Account, clientId: string): Result<OrderJson> {
  const order = account.byClientId.get(clientId);
  return order === undefined ? refuse(orderNotFound(clientId)) : ok(orderJson(order, false));
}
