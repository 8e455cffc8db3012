/** Payloads of the queries and of `cancelorder`. */
import { assert } from '../../lib/assert.ts';
import { agentId, alpacaOrderId, anyClientOrderId, choice, listLimit, symbolList, time } from '../fields.ts';
import { type FieldsOf, form, type Rule } from '../form.ts';
import type {
  AccountInfoRequest,
  CancelRequest,
  Envelope,
  MarketDataRequest,
  OrderListRequest,
  OrderRef,
  OrderStatusRequest,
  PositionsRequest,
} from '../request.ts';

const dataType = choice('choice', ['quote', 'bar', 'trade']);

export const marketdata = form({ symbols: symbolList, data_type: dataType });

export const marketDataRequest = (fields: FieldsOf<typeof marketdata>, envelope: Envelope): MarketDataRequest => ({
  ...envelope,
  type: 'marketdata',
  symbols: fields.symbols,
  dataType: fields.data_type,
});

const oneId: Rule<object> = {
  text: 'Exactly one of `alpaca_order_id` and `client_order_id`.',
  check(_fields, { given, refuse }) {
    const count = Number(given('alpaca_order_id')) + Number(given('client_order_id'));
    if (count === 0)
      refuse('order_ref', 'client_order_id', 'or alpaca_order_id is required', { allowed: 'exactly one' });
    if (count === 2)
      refuse('order_ref', 'client_order_id', 'and alpaca_order_id are both given; exactly one is needed');
  },
};

/** `orderstatus` and `cancelorder`. */
export const oneOrder = form(
  { alpaca_order_id: alpacaOrderId.optional(), client_order_id: anyClientOrderId.optional() },
  [oneId],
);

function orderRef(fields: FieldsOf<typeof oneOrder>): OrderRef {
  if (fields.alpaca_order_id !== undefined) return { alpacaOrderId: fields.alpaca_order_id };
  assert(fields.client_order_id !== undefined, 'an order is named by one of its ids');
  return { clientOrderId: fields.client_order_id };
}

export const orderStatusRequest = (fields: FieldsOf<typeof oneOrder>, envelope: Envelope): OrderStatusRequest => ({
  ...envelope,
  type: 'orderstatus',
  target: orderRef(fields),
});

export const cancelRequest = (fields: FieldsOf<typeof oneOrder>, envelope: Envelope): CancelRequest => ({
  ...envelope,
  type: 'cancelorder',
  target: orderRef(fields),
});

const status = choice('choice', ['open', 'closed', 'all']);
const DEFAULT_LIMIT = 100;

export const openorders = form({
  status: status.optional(),
  limit: listLimit.optional(),
  symbols: symbolList.optional(),
  agent: agentId.optional(),
});

const timeOrder: Rule<{ after?: { at: number } | undefined; until?: { at: number } | undefined }> = {
  text: '`after` is before `until`; both are exclusive and mean the time of submission.',
  check({ after, until }, { refuse }) {
    if (after !== undefined && until !== undefined && after.at >= until.at)
      refuse('time_range', 'after', 'must be before until');
  },
};

export const allorders = form(
  {
    status: status.optional(),
    limit: listLimit.optional(),
    after: time('time_format').optional(),
    until: time('time_format').optional(),
    direction: choice('choice', ['asc', 'desc']).optional(),
    symbols: symbolList.optional(),
    side: choice('side', ['buy', 'sell']).optional(),
    agent: agentId.optional(),
  },
  [timeOrder],
);

export const openOrdersRequest = (fields: FieldsOf<typeof openorders>, envelope: Envelope): OrderListRequest => ({
  ...envelope,
  type: 'openorders',
  status: fields.status ?? 'open',
  limit: fields.limit ?? DEFAULT_LIMIT,
  symbols: fields.symbols ?? [],
  ofAgent: fields.agent ?? null,
  after: null,
  until: null,
  direction: 'desc',
  side: null,
});

export const allOrdersRequest = (fields: FieldsOf<typeof allorders>, envelope: Envelope): OrderListRequest => ({
  ...envelope,
  type: 'allorders',
  status: fields.status ?? 'all',
  limit: fields.limit ?? DEFAULT_LIMIT,
  symbols: fields.symbols ?? [],
  ofAgent: fields.agent ?? null,
  after: fields.after?.text ?? null,
  until: fields.until?.text ?? null,
  direction: fields.direction ?? 'desc',
  side: fields.side ?? null,
});

export const positions = form({ asset_class: choice('choice', ['us_equity', 'us_option', 'crypto']).optional() });

export const positionsRequest = (fields: FieldsOf<typeof positions>, envelope: Envelope): PositionsRequest => ({
  ...envelope,
  type: 'positions',
  assetClass: fields.asset_class ?? null,
});

export const accountinfo = form({});

export const accountInfoRequest = (_fields: object, envelope: Envelope): AccountInfoRequest => ({
  ...envelope,
  type: 'accountinfo',
});
