/**
 * Alpaca's orders, accounts and events as the tower reads them: tolerant of unknown fields, unknown statuses and numbers
 * sent as numbers, strict about identity. Must never drop or reformat a digit of the JSON that agents will see.
 */
import type { Account, BrokerOrder, TradeUpdate } from '../broker.ts';
import { decimalText, filledText, isObject, type JsonObject, textOf, writeJson } from './wire-json.ts';

/** Legs have no legs of their own at Alpaca; the bound only keeps a hostile answer from recursing. */
const MAX_DEPTH = 4;

/**
 * The order in a parsed value; null when the identity (`id`, `client_order_id`, `status`) or a leg's is missing or
 * `filled_qty` is no number. `json` is the text to keep where it is known verbatim, else the value is written again.
 */
export function readOrder(value: unknown, json?: string, depth = 0): BrokerOrder | null {
  if (!isObject(value) || depth > MAX_DEPTH) return null;
  const id = filledText(value['id']);
  const clientOrderId = filledText(value['client_order_id']);
  const status = filledText(value['status']);
  const filledQty = decimalText(value['filled_qty'] ?? '0');
  if (id === null || clientOrderId === null || status === null || filledQty === null) return null;
  const legs = readOrders(value['legs'] ?? [], depth + 1);
  if (legs === null) return null;
  const submittedAt = filledText(value['submitted_at']) ?? filledText(value['created_at']) ?? '';
  return {
    json: json ?? writeJson(value),
    id,
    clientOrderId,
    status,
    filledQty,
    submittedAt,
    updatedAt: filledText(value['updated_at']) ?? submittedAt,
    legs,
    replacedBy: filledText(value['replaced_by']),
  };
}

/** Every order of a parsed array; null when it is no array or one of them cannot be read. */
export function readOrders(value: unknown, depth = 0): readonly BrokerOrder[] | null {
  if (!Array.isArray(value)) return null;
  const orders: BrokerOrder[] = [];
  for (const item of value as readonly unknown[]) {
    const order = readOrder(item, undefined, depth);
    if (order === null) return null;
    orders.push(order);
  }
  return orders;
}

/** The `data` of a trade_updates message (Alpaca docs: websocket streaming); null when event or order cannot be read. */
export function readUpdate(data: unknown): TradeUpdate | null {
  if (!isObject(data)) return null;
  const event = filledText(data['event']);
  const order = readOrder(data['order']);
  if (event === null || order === null) return null;
  return {
    event,
    executionId: filledText(data['execution_id']),
    timestamp: filledText(data['timestamp']) ?? filledText(data['at']) ?? order.updatedAt,
    order,
    price: decimalText(data['price']),
    qty: decimalText(data['qty']),
    json: writeJson(data),
  };
}

/** GET /v2/account; null when the account number or the status is missing. */
export function readAccount(value: unknown, json: string): Account | null {
  if (!isObject(value)) return null;
  const accountNumber = filledText(value['account_number']);
  const status = filledText(value['status']);
  if (accountNumber === null || status === null) return null;
  const blocked = ['trading_blocked', 'account_blocked', 'trade_suspended_by_user'].some((key) => isTrue(value, key));
  return { json, accountNumber, status, blocked };
}

const isTrue = (value: JsonObject, key: string): boolean => value[key] === true || textOf(value[key]) === 'true';
