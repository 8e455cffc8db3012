/**
 * The routes of orders and positions (Alpaca docs: orders, positions). Only translates between HTTP and the engine.
 * Must never judge an order: refusals are the engine's words.
 */
import { parseNanos } from '../clock.ts';
import type { EngineApi } from '../engine/engine.ts';
import type { Body, OrderJson, Query, Refusal, Result } from '../engine/types.ts';
import { type ApiAnswer, type ApiRequest, json, type Route, refusal } from './route.ts';

export interface OrderRouteSettings {
  /** How long a new order stays invisible to look-ups, in nanoseconds of exchange time. */
  lookupLag(): bigint;
  /** What becomes of the order that is being placed: undefined for what the market makes of it. */
  fate(): 'rejected' | undefined;
}

export const notFound = (message: string): ApiAnswer => refusal(404, 40410000, message);

const refused = (error: Refusal): ApiAnswer => refusal(error.status, error.code, error.message, error.extra);

export const answerOf = (result: Result<unknown>): ApiAnswer =>
  result.ok ? json(200, result.value) : refused(result.error);

export const queryOf = (request: ApiRequest): Query => Object.fromEntries(request.query);

/** The account of a request to a route with `access: 'key'`. */
export function accountOf(request: ApiRequest): string {
  if (request.accountId === null) throw new TypeError(`${request.path} was served without an account`);
  return request.accountId;
}

/** Booleans as clients write them: alpaca-py sends `True`. */
const isTrue = (text: string | null | undefined): boolean => /^(true|1|t)$/i.test(text ?? '');

/** Finds every JSON number that is not alone, and now and then a text: looking at each value costs more than parsing. */
const MAY_HOLD_NUMBERS = /[:,[]\s*-?\d/;
const PLAIN = /^-?\d+(\.\d+)?$/;

/**
 * The JSON object in a body; null when it is no object. An empty body is an empty object. Numbers come as their source
 * text, so that no digit of a price is lost, or with `numbers: 'plain'` as numbers.
 */
function bodyOf(request: ApiRequest, numbers: 'text' | 'plain'): Body | null {
  if (request.body.trim() === '') return {};
  try {
    const plain = numbers === 'plain' || !MAY_HOLD_NUMBERS.test(request.body);
    const value: unknown = plain
      ? JSON.parse(request.body)
      : (JSON.parse as ParseWithSource)(request.body, numberAsText);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Body) : null;
  } catch {
    return null;
  }
}

type Reviver = (key: string, value: unknown, context: { readonly source?: string }) => unknown;
type ParseWithSource = (text: string, reviver: Reviver) => unknown;

const numberAsText: Reviver = (_key, value, { source }) =>
  typeof value === 'number' && source !== undefined && PLAIN.test(source) ? source : value;

const BAD_BODY = refusal(400, 40010000, 'request body format is invalid');

/** Runs `use` on the request's body, or answers 400 when it is no JSON object. */
export function withBody(
  request: ApiRequest,
  use: (body: Body) => ApiAnswer,
  numbers: 'text' | 'plain' = 'text',
): ApiAnswer {
  const body = bodyOf(request, numbers);
  return body === null ? BAD_BODY : use(body);
}

export function orderRoutes(engine: EngineApi, settings: OrderRouteSettings): Route[] {
  /** Whether an order can be seen yet: always, unless look-ups lag on request. */
  const visible = (order: OrderJson, at: bigint): boolean => {
    const lag = settings.lookupLag();
    return lag === 0n || (parseNanos(order.created_at) ?? 0n) + lag <= at;
  };
  const one = (result: Result<OrderJson>, name: string, at: bigint): ApiAnswer =>
    result.ok && !visible(result.value, at) ? notFound(`order not found for ${name}`) : answerOf(result);
  const at = { access: 'key', host: 'trading' } as const;
  const orderId = (request: ApiRequest): string => request.params['id'] ?? '';

  return [
    {
      ...at,
      method: 'POST',
      path: '/v2/orders',
      handle: (request) =>
        withBody(request, (body) => answerOf(engine.submit(accountOf(request), body, request.at, settings.fate()))),
    },
    {
      ...at,
      method: 'GET',
      path: '/v2/orders',
      handle: (request) => {
        const result = engine.orders(accountOf(request), queryOf(request));
        return result.ok
          ? json(
              200,
              result.value.filter((order) => visible(order, request.at)),
            )
          : refused(result.error);
      },
    },
    {
      ...at,
      method: 'GET',
      path: '/v2/orders::by_client_order_id',
      handle: (request) => {
        const id = request.query.get('client_order_id') ?? '';
        if (id === '') return refusal(422, 40010001, 'client_order_id is required');
        return one(engine.orderByClientId(accountOf(request), id), id, request.at);
      },
    },
    {
      ...at,
      method: 'GET',
      path: '/v2/orders/:id',
      handle: (request) =>
        one(engine.order(accountOf(request), orderId(request), queryOf(request)), orderId(request), request.at),
    },
    {
      ...at,
      method: 'PATCH',
      path: '/v2/orders/:id',
      handle: (request) =>
        withBody(request, (body) => answerOf(engine.replace(accountOf(request), orderId(request), body, request.at))),
    },
    {
      ...at,
      method: 'DELETE',
      path: '/v2/orders/:id',
      handle: (request) => noContent(engine.cancel(accountOf(request), orderId(request), request.at)),
    },
    {
      ...at,
      method: 'DELETE',
      path: '/v2/orders',
      handle: (request) => json(207, engine.cancelAll(accountOf(request), request.at)),
    },
  ];
}

const noContent = (result: Result<unknown>): ApiAnswer =>
  result.ok ? { status: 204, body: '' } : refused(result.error);

export function positionRoutes(engine: EngineApi): Route[] {
  const at = { access: 'key', host: 'trading' } as const;
  const symbol = (request: ApiRequest): string => request.params['symbol'] ?? '';
  return [
    {
      ...at,
      method: 'GET',
      path: '/v2/positions',
      handle: (request) => json(200, engine.positions(accountOf(request), request.at)),
    },
    {
      ...at,
      method: 'DELETE',
      path: '/v2/positions',
      handle: (request) =>
        json(207, engine.closeAll(accountOf(request), isTrue(request.query.get('cancel_orders')), request.at)),
    },
    {
      ...at,
      method: 'GET',
      path: '/v2/positions/:symbol',
      handle: (request) => answerOf(engine.position(accountOf(request), symbol(request), request.at)),
    },
    {
      ...at,
      method: 'DELETE',
      path: '/v2/positions/:symbol',
      handle: (request) =>
        answerOf(engine.closePosition(accountOf(request), symbol(request), queryOf(request), request.at)),
    },
    {
      ...at,
      method: 'POST',
      path: '/v2/positions/:symbol/exercise',
      handle: (request) => emptyOk(engine.exercise(accountOf(request), symbol(request), request.at)),
    },
    {
      ...at,
      method: 'POST',
      path: '/v2/positions/:symbol/do-not-exercise',
      handle: (request) => emptyOk(engine.doNotExercise(accountOf(request), symbol(request), request.at)),
    },
  ];
}

const emptyOk = (result: Result<unknown>): ApiAnswer => (result.ok ? { status: 200, body: '' } : refused(result.error));
