/**
 * Every refusal of the exchange, in Alpaca's words: HTTP status, code, message and further keys of the body.
 * Alpaca promises status and code; clients read the messages all the same, so they are kept to the letter.
 * Must never hold a rule: who refuses what is decided where the rule lives.
 */
import { text } from './fixed.ts';
import type { Fixed, OrderStatus, Refusal, Result } from './types.ts';

export const ok = <T>(value: T): Result<T> => ({ ok: true, value });
export const refuse = <T = never>(error: Refusal): Result<T> => ({ ok: false, error });

/** The JSON body of a refusal. */
export const bodyOf = (error: Refusal): Record<string, unknown> => ({
  ...error.extra,
  code: error.code,
  message: error.message,
});

type Extra = Readonly<Record<string, unknown>>;
const make = (status: number, code: number, message: string, extra?: Extra): Refusal =>
  extra ? { status, code, message, extra } : { status, code, message };

/** 422 40010001: the request is malformed. */
export const malformed = (message: string): Refusal => make(422, 40010001, message);
/** 422 42210000: the request is well formed and cannot be done. */
export const unprocessable = (message: string, extra?: Extra): Refusal => make(422, 42210000, message, extra);
/** 403 40310000: this account may not do it now. */
export const forbidden = (message: string, extra?: Extra): Refusal => make(403, 40310000, message, extra);
/** 404 40410000. */
export const notFound = (message: string): Refusal => make(404, 40410000, message);

export const orderNotFound = (id: string): Refusal => notFound(`order not found for ${id}`);
export const positionDoesNotExist = (): Refusal => notFound('position does not exist');
export const positionNotFound = (symbol: string): Refusal => notFound(`position not found: ${symbol}`);
export const symbolNotFound = (symbol: string): Refusal => notFound(`symbol not found: ${symbol}`);

export const bracketNeedsTakeProfit = (): Refusal =>
  make(400, 40010001, 'bracket orders require take_profit.limit_price');

export const assetNotFound = (symbol: string): Refusal => unprocessable(`asset "${symbol}" not found`);
export const assetNotActive = (symbol: string): Refusal => malformed(`asset ${symbol} is not active`);
export const assetNotTradable = (symbol: string): Refusal => unprocessable(`asset "${symbol}" is not tradable`);
export const cannotSellShort = (symbol: string): Refusal => unprocessable(`asset "${symbol}" cannot be sold short`);

export const subPenny = (field: string, price: Fixed): Refusal =>
  unprocessable(`invalid ${field} ${text(price)}. sub-penny increment does not fulfill minimum pricing criteria`);

export const insufficientBuyingPower = (buyingPower: Fixed, costBasis: Fixed): Refusal =>
  forbidden('insufficient buying power', { buying_power: text(buyingPower), cost_basis: text(costBasis) });

export const insufficientQty = (
  symbol: string,
  requested: Fixed,
  available: Fixed,
  existing: Fixed,
  held: Fixed,
  related: readonly string[],
): Refusal =>
  forbidden(`insufficient qty available for order (requested: ${text(requested)}, available: ${text(available)})`, {
    available: text(available),
    existing_qty: text(existing),
    held_for_orders: text(held),
    related_orders: related,
    symbol,
  });

export const insufficientBalance = (coin: string, requested: Fixed, available: Fixed, balance: Fixed): Refusal =>
  forbidden(`insufficient balance for ${coin} (requested: ${text(requested)}, available: ${text(available)})`, {
    available: text(available),
    balance: text(balance),
    symbol: coin,
  });

export const belowMinimum = (minimum: 1 | 10): Refusal =>
  forbidden(`cost basis must be >= minimal amount of order ${minimum}`);

export const washTrade = (existing: string, kind: 'market/stop' | 'limit'): Refusal =>
  forbidden('potential wash trade detected. use complex orders', {
    existing_order_id: existing,
    reject_reason: `opposite side ${kind} order exists`,
  });

export const noQuote = (): Refusal =>
  forbidden('order has been rejected due to no available quote for symbol. please reenter with a limit');

export const insufficientOptionsPower = (required: Fixed, available: Fixed): Refusal =>
  forbidden(`insufficient options buying power (required: ${text(required)}, available: ${text(available)})`, {
    options_buying_power: text(available),
    cost_basis: text(required),
  });

export const insufficientForPut = (required: Fixed, available: Fixed): Refusal =>
  forbidden(
    `insufficient options buying power for cash-secured put (required: ${text(required)}, available: ${text(available)})`,
    { buying_power: text(available), required_options_buying_power: text(required) },
  );

export const insufficientForCall = (symbol: string, underlyingId: string, required: Fixed, available: Fixed): Refusal =>
  forbidden(
    `insufficient underlying qty available for covered call (required: ${text(required)}, available: ${text(available)})`,
    {
      available_qty: text(available),
      required_qty: text(required),
      symbol,
      underlying_asset_id: underlyingId,
    },
  );

export const uncovered = (): Refusal => forbidden('account not eligible to trade uncovered option contracts');

export const intentMismatch = (inferred: string, specified: string): Refusal =>
  unprocessable(`position intent mismatch, inferred: ${inferred}, specified: ${specified}`);

export const alreadyInState = (status: OrderStatus): Refusal => unprocessable(`order is already in "${status}" state`);
export const legAlreadyInState = (status: OrderStatus): Refusal =>
  unprocessable(`leg order is already in ${status} state`);
export const cannotReplaceIn = (status: OrderStatus): Refusal =>
  unprocessable(`cannot replace order in ${status} status`);
