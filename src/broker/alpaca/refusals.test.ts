/** Every refusal that Alpaca is known to give has a name that says what to do. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { refusalName, saysAlreadyCanceled, saysDuplicate } from './refusals.ts';

/** name → what Alpaca was seen or is documented to say, as `status text`. */
const TABLE: Readonly<Record<string, readonly string[]>> = {
  unauthorized: ['401 unauthorized.', '401 <html><title>401 Authorization Required</title></html>'],
  forbidden: ['403 forbidden.', '403 something nobody has heard of'],
  validation_failed: [
    '422 qty or notional is required',
    '422 only one of qty or notional is accepted',
    '422 qty must be > 0',
    '422 limit price must be > 0',
    '422 invalid side',
    '422 limit orders require a limit price',
    '422 client_order_id must be no more than 128 characters',
    '400 something nobody has heard of',
  ],
  invalid_order_type: [
    '422 invalid order type',
    '422 invalid options order_type',
    '422 invalid order type for crypto order',
    '422 complex orders not supported for options trading',
  ],
  invalid_time_in_force: ['422 invalid time_in_force', '422 invalid time in force', '422 invalid crypto time_in_force'],
  duplicate_client_order_id: ['422 client_order_id must be unique'],
  insufficient_buying_power: ['403 insufficient buying power'],
  insufficient_options_buying_power: [
    '403 insufficient options buying power (required: 500, available: 100)',
    '403 insufficient options buying power for cash-secured put (required: 15000, available: 100)',
  ],
  insufficient_qty: [
    '403 insufficient qty available for order (requested: 10, available: 5)',
    '403 insufficient underlying qty available for covered call (required: 100, available: 0)',
  ],
  insufficient_balance: ['403 insufficient balance for BTC (requested: 0.12, available: 0.119784)'],
  minimum_order_value: ['403 cost basis must be >= minimal amount of order 10', '422 notional must be >= 1.00'],
  wash_trade: ['403 potential wash trade detected. use complex orders'],
  opposite_side_order: [
    '403 cannot open a short sell while a long buy order is open',
    '403 cannot open a long buy while a short sell order is open',
    '403 unable to open new notional orders while having open closing position orders',
  ],
  not_shortable: [
    '403 account is not allowed to short',
    '422 asset "XYZ" cannot be sold short',
    '422 fractional orders cannot be sold short',
  ],
  not_fractionable: ['403 asset "XYZ" is not fractionable', '403 fractional trading is disabled for this account'],
  market_closed: [
    '403 opg orders must be submitted after 7:00pm and before 9:28am',
    '422 options market orders are only allowed during market hours',
  ],
  no_quote: ['403 order has been rejected due to no available quote for symbol. please reenter with a limit'],
  pattern_day_trading: ['403 trade denied due to pattern day trading protection'],
  subscription: ['403 subscription does not permit querying recent SIP data'],
  options_level: [
    '403 account not authorized to trade options',
    '403 account not eligible to trade long option contracts',
    '403 account not eligible to trade options: AAPL250321C00150000',
    '403 account not eligible to trade spreads or uncovered contracts',
    '403 account not eligible to trade uncovered option contracts',
    '403 account not eligible for level2 options trading',
  ],
  account_restricted: ['403 account is restricted to liquidation only', '403 account is not authorized to trade'],
  assignment_lock: ['403 active assignment lock on AAPL, cannot close all long options'],
  not_supported: ['403 submit mleg order is disabled', '403 cancel mleg order is disabled'],
  contract_expired: [
    '403 exceeded account limit for contracts expiring today (requested: 1, held+open: 2, limit: 2)',
    '422 contract "AAPL250321C00150000" expires soon, unable to open new positions',
    '422 contract "AAPL250321C00150000" is expired',
  ],
  not_tradable: [
    '422 asset MKR/USD is not active',
    '422 contract "AAPL250321C00150000" is not active',
    '422 contract "AAPL250321C00150000" is not tradable',
    '422 asset "XYZ" is not tradable',
  ],
  asset_not_found: [
    '422 asset "XYZ" not found',
    '422 asset not found for XYZ',
    '422 contract "XYZ" not found',
    '422 underlying asset "XYZ" not found',
    '422 invalid symbol',
    '422 invalid contract',
    '404 asset not found for XYZ',
    '404 symbol not found: XYZ',
    '404 option contract XYZ not found',
  ],
  sub_penny: [
    '422 invalid limit_price 290.123. sub-penny increment does not fulfill minimum pricing criteria',
    '422 notional value must be limited to 2 decimal places',
  ],
  position_intent_mismatch: ['422 position intent mismatch, inferred: sell_to_close, specified: sell_to_open'],
  position_intent_required: ['422 leg.0 position intent is required'],
  invalid_legs: [
    '422 mleg orders must have at least 2 legs and at most 4 legs',
    '422 equity legs are allowed only with a corresponding amount of call contracts',
    '422 rolling contracts ambiguity',
    '422 underlying asset mismatch: AAPL != TSLA',
    '422 symbol is not allowed for mleg order',
  ],
  exit_prices: [
    '422 take_profit.limit_price must be > stop_loss.stop_price',
    '422 take_profit.limit_price must be >= base_price + 0.01',
    '422 stop_loss.stop_price must be <= base_price - 0.01',
    '422 stop price must not be greater than base price / 1.001',
    '422 stop price must be less than current price',
  ],
  fractional_rules: ['422 fractional orders must be DAY orders', '422 fractional orders must be simple orders'],
  extended_hours_rules: [
    '422 extended hours order must be DAY or GTC limit orders',
    '422 extended hours is not supported for options trading',
  ],
  size_limit: ['422 options order notional is 9 must be <= 5', '422 options order qty must be <= 5'],
  not_cancelable: [
    '422 order is already in "filled" state',
    '422 leg order is already in filled state',
    '422 order pending cancel',
    '422 cannot replace order in filled status',
    '422 order already replaced',
    '422 order chain not fully replaced',
    '422 unable to replace order, order is not open',
  ],
  not_replaceable: [
    '422 order parameters are not changed',
    '422 qty must be > filled_qty',
    '422 qty cannot be changed for advanced orders',
  ],
  not_found: [
    '404 order not found for 61e69015-8549-4bfd-b9c3-01e75843f47d',
    '404 position does not exist',
    '404 position not found: XYZ',
  ],
  endpoint_not_found: ['404 endpoint not found'],
  method_not_allowed: ['405 method not allowed'],
  body_too_large: ['413 '],
  rate_limited: ['429 rate limit exceeded', '429 too many requests.'],
  broker_fault: ['500 internal server error', '503 service unavailable', '504 '],
  redirected: ['302 '],
};

for (const [name, texts] of Object.entries(TABLE)) {
  test(name, () => {
    for (const text of texts) {
      const [status = '', ...words] = text.split(' ');
      assert.equal(refusalName(Number(status), words.join(' ')), name, text);
    }
  });
}

test('a duplicate id is recognised by its text in several wordings, never by another text of the same code', () => {
  for (const text of [
    'client_order_id must be unique',
    'Client order ID already exists',
    'duplicate client_order_id',
    'client order id is a duplicate',
  ]) {
    assert.equal(saysDuplicate(422, text), true, text);
  }
  assert.equal(saysDuplicate(403, 'client_order_id must be unique'), false);
  for (const text of [
    'client_order_id must be no more than 128 characters',
    'failed to parse after',
    'watchlist name must be unique',
    'order is already in "filled" state',
  ]) {
    assert.equal(saysDuplicate(422, text), false, text);
  }
});

test('only a canceled or pending order makes a refused cancel a success', () => {
  for (const text of [
    'order is already in "canceled" state',
    'order is already in "pending_cancel" state',
    'order pending cancel',
  ]) {
    assert.equal(saysAlreadyCanceled(text), true, text);
  }
  for (const state of ['filled', 'expired', 'rejected', 'replaced']) {
    assert.equal(saysAlreadyCanceled(`order is already in "${state}" state`), false, state);
  }
});
