/** Payloads of the queries and of `cancelorder`. */
import { assert } from '../../lib/assert.ts';
import { agentId, alpacaOrderId, anyClientOrderId, choice, listLimit, maxAge, symbolList, time } from '../fields.ts';
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

/** How old the answer may be; every query takes it. */
const aged = { max_age_ms: maxAge.optional() };
const ageOf = (fields: { readonly max_age_ms?: number | undefined }): { readonly maxAgeMs: number | null } => ({
  maxAgeMs: fields.max_age_ms ?? null,
});

export const marketdata = form({ symbols: symbolList, data_type: dataType, ...aged });

export const marketDataRequest = (fields: FieldsOf<typeof marketdata>, envelope: Envelope): MarketDataRequest => ({
  ...envelope,
  ...ageOf(fields),
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

const ids = { alpaca_order_id: alpacaOrderId.optional(), client_order_id: anyClientOrderId.optional() };

export const cancelorder = form(ids, [oneId]);
export const orderstatus = form({ ...ids, ...aged }, [oneId]);

function orderRef(fields: FieldsOf<typeof cancelorder>): OrderRef {
  if (fields.alpaca_order_id !== undefined) return { alpacaOrderId: fields.alpaca_order_id };
  assert(fields.client_order_id !== undefined, 'an order is named by one of its ids');
  return { clientOrderId: fields.client_order_id };
}

export const orderStatusRequest = (fields: FieldsOf<typeof orderstatus>, envelope: Envelope): OrderStatusRequest => ({
  ...envelope,
  ...ageOf(fields),
  type: 'orderstatus',
  target: orderRef(fields),
});

export const cancelRequest = (fields: FieldsOf<typeof cancelorder>, envelope: Envelope): CancelRequest => ({
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
  ...aged,
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
    ...aged,
  },
  [timeOrder],
);

export const openOrdersRequest = (fields: FieldsOf<typeof openorders>, envelope: Envelope): OrderListRequest => ({
  ...envelope,
  ...ageOf(fields),
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
  ...ageOf(fields),
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

export const positions = form({
  asset_class: choice('choice', ['us_equity', 'us_option', 'crypto']).optional(),
  ...aged,
});

export const positionsRequest = (fields: FieldsOf<typeof positions>, envelope: Envelope): PositionsRequest => ({
  ...envelope,
  ...ageOf(fields),
  type: 'positions',
  assetClass: fields.asset_class ?? null,
});

export const accountinfo = form({ ...aged });

export const accountInfoRequest = (fields: FieldsOf<typeof accountinfo>, envelope: Envelope): AccountInfoRequest => ({
  ...envelope,
  ...ageOf(fields),
  type: 'accountinfo',
});
