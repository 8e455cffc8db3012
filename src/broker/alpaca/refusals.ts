/**
 * Readable names for Alpaca's refusals, judged by HTTP status first and by fragments of the text second. Alpaca keeps
 * status and text apart from the numeric code (one code stands for a dozen reasons, and its prefix may contradict the
 * status), so the code is never looked at. Must never decide whether an order exists: that is the client's work.
 */

type Row = readonly [fragment: RegExp, name: string];

/** First match wins; the special stands before the general. */
const FORBIDDEN: readonly Row[] = [
  [/options buying power/, 'insufficient_options_buying_power'],
  [/buying power/, 'insufficient_buying_power'],
  [/insufficient (?:underlying )?qty/, 'insufficient_qty'],
  [/insufficient balance/, 'insufficient_balance'],
  [/minimal amount of order/, 'minimum_order_value'],
  [/wash trade/, 'wash_trade'],
  [/cannot open a (?:short sell|long buy)|opposite side|closing position orders/, 'opposite_side_order'],
  [/not allowed to short|cannot be sold short/, 'not_shortable'],
  [/not fractionable|fractional trading/, 'not_fractionable'],
  [/must be submitted after|market hours|market is closed/, 'market_closed'],
  [/no available quote/, 'no_quote'],
  [/pattern day trad/, 'pattern_day_trading'],
  [/subscription/, 'subscription'],
  [/contracts? expiring|expires soon|is expired/, 'contract_expired'],
  [/assignment lock/, 'assignment_lock'],
  [/mleg order is disabled/, 'not_supported'],
  [/not (?:eligible|authorized) to trade .*(?:option|contract|spread)|not eligible for level/, 'options_level'],
  [/liquidation only|not authorized to trade|restricted|blocked/, 'account_restricted'],
];

const UNPROCESSABLE: readonly Row[] = [
  [/client_order_id must be unique/, 'duplicate_client_order_id'],
  [
    /already in .*state|pending cancel|cannot replace|already replaced|not fully replaced|unable to replace/,
    'not_cancelable',
  ],
  [/parameters are not changed|must be > filled_qty|cannot be changed/, 'not_replaceable'],
  [/position intent mismatch/, 'position_intent_mismatch'],
  [/position intent is required/, 'position_intent_required'],
  [/sub-?penny|2 decimal places|price increment|minimum price varian/, 'sub_penny'],
  [/expires soon|is expired/, 'contract_expired'],
  [/not (?:tradable|active)/, 'not_tradable'],
  [/sold short|not shortable/, 'not_shortable'],
  [/market hours|market is closed/, 'market_closed'],
  [/(?:asset|contract|symbol).* not found|invalid (?:symbol|contract)/, 'asset_not_found'],
  [/base.?price|current price|must be > stop_loss/, 'exit_prices'],
  [/fractional/, 'fractional_rules'],
  [/extended hours/, 'extended_hours_rules'],
  [/notional must be >=|minimal amount/, 'minimum_order_value'],
  [/must be <=/, 'size_limit'],
  [/time.?in.?force/, 'invalid_time_in_force'],
  [/order.?type|complex orders not supported/, 'invalid_order_type'],
  [/\bm?legs?\b|rolling contracts|underlying asset mismatch/, 'invalid_legs'],
];

const NOT_FOUND: readonly Row[] = [
  [/endpoint/, 'endpoint_not_found'],
  [/(?:asset|symbol|contract).* not found|(?:asset|symbol) not found/, 'asset_not_found'],
];

const match = (rows: readonly Row[], text: string): string | null =>
  rows.find(([fragment]) => fragment.test(text))?.[1] ?? null;

/** Name of the refusal `status` with Alpaca's `message` (any casing). Total: an unheard-of text gets its status's name. */
export function refusalName(status: number, message: string): string {
  const text = message.toLowerCase();
  switch (status) {
    case 401:
      return 'unauthorized';
    case 403:
      return match(FORBIDDEN, text) ?? match(UNPROCESSABLE, text) ?? 'forbidden';
    case 404:
      return match(NOT_FOUND, text) ?? 'not_found';
    case 405:
      return 'method_not_allowed';
    case 413:
      return 'body_too_large';
    case 429:
      return 'rate_limited';
    default:
      if (status >= 300 && status < 400) return 'redirected';
      if (status >= 500) return 'broker_fault';
      return match(UNPROCESSABLE, text) ?? match(FORBIDDEN, text) ?? 'validation_failed';
  }
}

/** Alpaca's answer to a client_order_id that some order of this account already has. Not proof that it is this order. */
export const saysDuplicate = (status: number, message: string): boolean =>
  status === 422 &&
  /client_?\s?order_?\s?id.*\b(?:unique|duplicate|already|exists)|\bduplicate\b.*client/i.test(message);

/** A cancel that came second: the order is canceled or being canceled, which is what was asked for. */
export const saysAlreadyCanceled = (message: string): boolean =>
  /already in "?'?(?:canceled|cancelled|pending_cancel)\b|pending.cancel/i.test(message);
