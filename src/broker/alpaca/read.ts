/**
 * Alpaca's orders, accounts and events as the tower reads them: tolerant of unknown fields, unknown statuses and numbers
 * sent as numbers, strict about identity. Must never drop or reformat a digit of the JSON that agents will see.
 */
import { isJsonObject, type JsonObject, type JsonValue, stringifyLossless } from '../../lib/json.ts';
import type { Account, Activity, BrokerExecution, BrokerOrder, Position, TradeUpdate } from '../broker.ts';
import { decimalText, textOf } from './wire-json.ts';

/** Legs have no legs of their own at Alpaca; the bound only keeps a hostile answer from recursing. */
const MAX_DEPTH = 4;

/**
 * The order in a parsed value; null when the identity (`id`, `client_order_id`, `status`) or a leg's is missing or
 * `filled_qty` is no number. `json` is the text to keep where it is known verbatim, else the value is written again.
 */
export function readOrder(value: JsonValue | undefined, json?: string, depth = 0): BrokerOrder | null {
  if (!isJsonObject(value) || depth > MAX_DEPTH) return null;
  const id = textOf(value['id']);
  const clientOrderId = textOf(value['client_order_id']);
  const status = textOf(value['status']);
  const filledQty = decimalText(value['filled_qty'] ?? '0');
  if (id === null || clientOrderId === null || status === null || filledQty === null) return null;
  const legs = readOrders(value['legs'] ?? [], depth + 1);
  if (legs === null) return null;
  const submittedAt = textOf(value['submitted_at']) ?? textOf(value['created_at']) ?? '';
  return {
    json: json ?? stringifyLossless(value),
    id,
    clientOrderId,
    status,
    filledQty,
    submittedAt,
    updatedAt: textOf(value['updated_at']) ?? submittedAt,
    legs,
    replacedBy: textOf(value['replaced_by']),
  };
}

/** Every order of a parsed array; null when it is no array or one of them cannot be read. */
export function readOrders(value: JsonValue | undefined, depth = 0): readonly BrokerOrder[] | null {
  if (!Array.isArray(value)) return null;
  const orders: BrokerOrder[] = [];
  for (const item of value) {
    const order = readOrder(item, undefined, depth);
    if (order === null) return null;
    orders.push(order);
  }
  return orders;
}

/** The `data` of a trade_updates message (Alpaca docs: websocket streaming); null when event or order cannot be read. */
export function readUpdate(data: JsonValue | undefined): TradeUpdate | null {
  if (!isJsonObject(data)) return null;
  const event = textOf(data['event']);
  const order = readOrder(data['order']);
  if (event === null || order === null) return null;
  return {
    event,
    executionId: textOf(data['execution_id']),
    timestamp: textOf(data['timestamp']) ?? textOf(data['at']) ?? order.updatedAt,
    order,
    price: decimalText(data['price']),
    qty: decimalText(data['qty']),
    executions: readExecutions(event, data),
    json: stringifyLossless(data),
  };
}

/** Multi-leg fills tell of each leg in `legs`, and of what it has filled in the order's legs. */
function readExecutions(event: string, data: JsonObject): readonly BrokerExecution[] {
  const { order, legs } = data;
  if ((event !== 'fill' && event !== 'partial_fill') || !isJsonObject(order)) return [];
  const at = data['timestamp'] ?? data['at'];
  const found = Array.isArray(legs)
    ? legs.map((leg) => {
        const known = isJsonObject(leg) ? legOf(order, leg['order_id']) : undefined;
        return isJsonObject(leg) && known !== undefined ? readExecution(leg, known, leg['timestamp'] ?? at) : null;
      })
    : [readExecution(data, order, at)];
  const whole = found.filter((execution) => execution !== null);
  return whole.length === found.length ? whole : [];
}

function legOf(order: JsonObject, id: JsonValue | undefined): JsonObject | undefined {
  const { legs } = order;
  return Array.isArray(legs) ? legs.filter((leg) => isJsonObject(leg)).find((leg) => leg['id'] === id) : undefined;
}

function readExecution(data: JsonObject, order: JsonObject, when: JsonValue | undefined): BrokerExecution | null {
  return executionOf({
    orderId: textOf(order['id']),
    symbol: textOf(order['symbol']),
    side: textOf(order['side']),
    qty: decimalText(data['qty']),
    price: decimalText(data['price']),
    filledQty: decimalText(order['filled_qty']),
    at: textOf(when),
  });
}

type Parts = { readonly [K in keyof BrokerExecution]: string | null };

/** Null when a part is missing. A short sale is a sale. */
function executionOf({ orderId, symbol, side, qty, price, filledQty, at }: Parts): BrokerExecution | null {
  if (orderId === null || symbol === null || symbol === '' || side === null || at === null) return null;
  if (qty === null || price === null || filledQty === null) return null;
  return { orderId, symbol, side: side === 'buy' ? 'buy' : 'sell', qty, price, filledQty, at };
}

/** GET /v2/account/activities; null when a row has no id, type or time. A fill that is not whole has no execution. */
export function readActivities(value: JsonValue | undefined): readonly Activity[] | null {
  if (!Array.isArray(value)) return null;
  const activities: Activity[] = [];
  for (const row of value) {
    const activity = isJsonObject(row) ? readActivity(row) : null;
    if (activity === null) return null;
    activities.push(activity);
  }
  return activities;
}

function readActivity(row: JsonObject): Activity | null {
  const id = textOf(row['id']);
  const type = textOf(row['activity_type']);
  const date = textOf(row['date']);
  const at =
    textOf(row['transaction_time']) ?? textOf(row['created_at']) ?? (date === null ? null : `${date}T00:00:00Z`);
  if (id === null || type === null || at === null) return null;
  const symbol = textOf(row['symbol']);
  const [qty, price] = [decimalText(row['qty']), decimalText(row['price'])];
  const execution =
    type === 'FILL'
      ? executionOf({
          orderId: textOf(row['order_id']),
          symbol,
          side: textOf(row['side']),
          qty,
          price,
          filledQty: decimalText(row['cum_qty']),
          at,
        })
      : null;
  return {
    id,
    type,
    at,
    date,
    status: textOf(row['status']),
    execution,
    symbol,
    qty,
    price,
    netAmount: decimalText(row['net_amount']),
    description: textOf(row['description']) ?? '',
  };
}

/** GET /v2/account; null when the account number or the status is missing. */
export function readAccount(value: JsonValue | undefined, json: string): Account | null {
  if (!isJsonObject(value)) return null;
  const accountNumber = textOf(value['account_number']);
  const status = textOf(value['status']);
  if (accountNumber === null || status === null) return null;
  const blocked = ['trading_blocked', 'account_blocked', 'trade_suspended_by_user'].some((key) => isTrue(value, key));
  return { json, accountNumber, status, blocked };
}

const isTrue = (value: JsonObject, key: string): boolean => value[key] === true || value[key] === 'true';

/** GET /v2/positions; null when it is no array of objects with an asset class. */
export function readPositions(value: JsonValue | undefined): readonly Position[] | null {
  if (!Array.isArray(value)) return null;
  const positions: Position[] = [];
  for (const row of value) {
    const assetClass = isJsonObject(row) ? textOf(row['asset_class']) : null;
    if (assetClass === null) return null;
    positions.push({ json: stringifyLossless(row), assetClass });
  }
  return positions;
}
