/**
 * The one closed table of error codes. Its order is their precedence: of several problems of one file, the one that
 * stands first here gives the answer its code. `docs/errors.md` is made from it. A code, once published, never changes
 * its meaning.
 */

export const ERROR_TYPES = [
  'validation_error',
  'duplicate_error',
  'configuration_error',
  'risk_error',
  'rate_limit_error',
  'connection_error',
  'in_doubt_error',
  'api_error',
  'internal_error',
] as const;
export type ErrorType = (typeof ERROR_TYPES)[number];

export interface ErrorEntry {
  readonly type: ErrorType;
  readonly meaning: string;
  readonly remedy: string;
  /** True: nothing was placed, so asking again (in a new file) cannot double anything. */
  readonly safeToResubmit: boolean;
  /** HTTP status for ways in over the network. */
  readonly status: number;
}

const kind =
  (type: ErrorType, safeToResubmit: boolean, usualStatus: number) =>
  (meaning: string, remedy: string, status = usualStatus): ErrorEntry => ({
    type,
    meaning,
    remedy,
    safeToResubmit,
    status,
  });
const invalid = kind('validation_error', true, 422);
const unset = kind('configuration_error', true, 503);
const denied = kind('risk_error', true, 403);
const refused = kind('api_error', true, 422);
const unsent = kind('connection_error', true, 503);

const TABLE = {
  // The file as an object
  file_type: invalid(
    'The entry is not a regular file (a link, a folder, a FIFO, a socket).',
    'Write a regular file.',
    400,
  ),
  file_links: invalid('The file has more than one hard link.', 'Write a file of its own; do not link it.', 400),
  file_owner: invalid(
    'The file belongs to a user who may not write for this agent.',
    'Write as the user of the agent.',
    403,
  ),
  signature: invalid(
    'The file is not signed as the settings ask for, or the signature does not fit its bytes.',
    'Sign the bytes of the file with the key of the agent; docs/order-format.md says how.',
    403,
  ),
  file_unreadable: invalid('The file cannot be opened or read.', 'Give the tower the right to read it.', 400),
  file_too_large: invalid('The file has more than 65,536 bytes.', 'One request per file; keep `meta` small.', 413),
  file_name: invalid(
    'The file name is not `{mode}_{agentid}_{ordertype}_{timestamp}.json`.',
    'Build the name from the four parts; the timestamp has 20 digits, UTC.',
    400,
  ),
  file_empty: invalid('The file holds no byte.', 'Write one JSON object to a temporary name, then rename.', 400),
  // Bytes and JSON
  encoding: invalid('The bytes are not UTF-8 text without a byte order mark.', 'Write plain UTF-8.', 400),
  json_incomplete: invalid(
    'The text ends before the object does, and the file no longer grows.',
    'Write to a temporary name, then rename.',
    400,
  ),
  json_root: invalid('The file holds something other than one JSON object.', 'Write one object in { }.', 400),
  json_syntax: invalid('The text is not JSON.', 'Write it with a JSON library.', 400),
  json_trailing: invalid('There is more text after the object.', 'One request per file.', 400),
  json_depth: invalid('Objects and arrays are nested more than 8 deep.', 'Nest less.', 400),
  json_keys: invalid(
    'An object has more than 64 keys, or an array more than 512 items.',
    'Send what the format knows.',
    400,
  ),
  json_string: invalid(
    'A string is too long, or holds a control character, a bidirectional override or half a character.',
    'Write printable text without line breaks.',
    400,
  ),
  json_duplicate_key: invalid('A key appears twice in one object.', 'Write each key once.', 400),
  field_forbidden: invalid('The field may not appear in an order file.', 'Leave it out.', 403),
  // Envelope
  mode_mismatch: invalid('`mode` differs from the file name.', 'Say the same mode twice.'),
  agent_mismatch: invalid(
    '`agent_id` differs from the file name, or the file name from the folder that it came through.',
    'Use your own agent id in both places, and your own folder.',
    403,
  ),
  order_type_mismatch: invalid('`order_type` differs from the file name.', 'Write the same type in both places.'),
  client_order_id_mismatch: invalid(
    '`client_order_id` is not `{agentid}_{timestamp}_{ordertype}` of the file name.',
    'Derive it from the file name.',
  ),
  field_unknown: invalid('The field is not known at this place.', 'Use the known name; nothing is guessed.'),
  field_missing: invalid('A required field is missing.', 'Add it.'),
  type_of_field: invalid('The value has the wrong JSON type.', 'Write the type that the format asks for.'),
  request_order_id: invalid('`request_order_id` is not 1 to 128 printable characters.', 'Shorten or clean it.'),
  send_by: invalid(
    '`send_by` is not a real RFC 3339 time with zone, or has passed.',
    'Write for example 2026-02-13T14:30:00Z.',
  ),
  meta: invalid('`meta` is not a flat object of strings and numbers of at most 4 KiB.', 'Flatten or shorten it.'),
  // Payload
  number_format: invalid(
    'The value is not a plain decimal of at most 12 digits before and 9 after the point.',
    'Write 1000 or "0.5": no sign, exponent, blank, separator or leading zero.',
  ),
  symbol_format: invalid(
    'The symbol has the wrong form for this order type.',
    'Upper-case ASCII as the exchange lists it; nothing is repaired.',
  ),
  symbols: invalid('The list of symbols is empty, too long, or names one twice.', 'Name 1 to 100 distinct symbols.'),
  side: invalid('`side` is neither `buy` nor `sell`.', 'Write buy or sell.'),
  order_class: invalid('`order_class` is missing or not possible for this order type.', 'Use a listed value.'),
  order_kind: invalid('`type` of a multi-leg order is neither `limit` nor `market`.', 'Write limit or market.'),
  tif: invalid('`time_in_force` is missing or unknown.', 'Use a listed value.'),
  choice: invalid('The value is not one of the listed ones.', 'Use a listed value.'),
  tif_combination: invalid(
    'This `time_in_force` is not possible with the rest of the order.',
    'Use one that the format allows for this order.',
  ),
  qty_or_notional: invalid('Not exactly one of `qty` and `notional` is given.', 'Give one of the two.'),
  qty_range: invalid('`qty` is not greater than zero.', 'Write a quantity above 0.'),
  qty_precision: invalid('`qty` has more than 9 decimals.', 'Round it.'),
  qty_fractional: invalid('A fraction is not possible for this order.', 'Use a whole number, or a simple day order.'),
  notional: invalid(
    '`notional` is below 1 USD, has more than 2 decimals, or is not possible for this order.',
    'Use whole cents from 1.00 on, or `qty`.',
  ),
  price_missing: invalid('A price that this order needs is missing.', 'Add it.'),
  price_forbidden: invalid('A price is given that this order does not use.', 'Leave it out, or change `order_class`.'),
  price_range: invalid('The price or percentage is out of range.', 'Write a value in the range.'),
  price_tick: invalid('The price is finer than the tick.', 'Two decimals from 1.00 on, four below; two for options.'),
  price_combination: invalid(
    'The prices given do not make one complete order.',
    'Give exactly the prices of the `order_class`.',
  ),
  extended_hours: invalid(
    '`extended_hours` is possible only for simple limit orders with day or gtc.',
    'Make it such an order, or leave it out.',
  ),
  bracket: invalid(
    'The exits (`take_profit`, `stop_loss`) do not fit the order or one another.',
    'See the rules of the exits.',
  ),
  intent: invalid(
    '`position_intent` contradicts `side`.',
    'buy goes with buy_to_open or buy_to_close, sell with sell_to_….',
  ),
  mleg: invalid(
    'The legs do not make one multi-leg order.',
    '2 to 4 distinct contracts of one underlying, ratios without a common divisor.',
  ),
  order_ref: invalid(
    'Not exactly one valid `alpaca_order_id` or `client_order_id` is given.',
    'Name the order by one of its ids.',
  ),
  limit_range: invalid('`limit` is not a whole number from 1 to 500.', 'Write 1 to 500.'),
  time_format: invalid('The value is not a real RFC 3339 time with zone.', 'Write for example 2026-02-13T14:30:00Z.'),
  time_range: invalid('`after` is not before `until`.', 'Swap or widen them.'),
  agent_format: invalid('The agent id is not 1 to 20 of a-z and 0-9.', 'Write the id as in file names.'),
  // The tower
  duplicate: kind(
    'duplicate_error',
    false,
    409,
  )(
    'This `client_order_id` was used before; the repeat is never sent.',
    'Read the first answer; for a new order take a new timestamp.',
  ),
  account_changed: unset(
    'The request belongs to an account that the tower has left.',
    'Ask again in a new file, if it is still wanted.',
  ),
  live_disabled: unset('Live trading is not switched on.', 'The owner sets `live: true` in the settings.'),
  no_keys: unset('There are no keys for this mode.', 'The owner adds the keys to `.env`.'),
  keys_refused: unset('Alpaca refused the keys of this mode.', 'The owner checks the keys.'),
  broker_misconfigured: unset('The broker endpoint does not answer as Alpaca does.', 'The owner checks the base URL.'),
  agent_not_allowed: denied(
    'The settings do not let this agent do that.',
    'The owner changes the settings of the agent.',
  ),
  halted: denied(
    'A person has halted trading, of everything, of the agent or of the symbol; only cancels and queries pass.',
    'Wait until it is resumed; nothing that was refused is sent later.',
    503,
  ),
  reduce_only: denied(
    'A person lets pass only what makes positions smaller.',
    'Send only orders that close what is held, or wait until it is resumed.',
    503,
  ),
  quota: denied(
    'More files of the agent are waiting than it may have at a time.',
    'Wait for answers before you ask for more.',
    429,
  ),
  risk_restricted: denied(
    'The symbol, the asset class or the side is not among those that may be traded.',
    'Trade what is allowed; the limits are in the details.',
  ),
  risk_hours: denied('Orders are taken only at certain hours.', 'Send it again within the hours.'),
  risk_closed: denied(
    'The market is closed, and the order would wait for two days or more.',
    'Send it again when the market is about to open.',
  ),
  risk_qty: denied('The quantity of the order is above the limit.', 'Ask for less.'),
  risk_value: denied('The value of the order is above the limit.', 'Ask for less.'),
  price_reference: denied(
    'The order can be judged only by a market price, and there is no fresh and sound quote.',
    'Send it again when the market is quoted, or give a limit price.',
    503,
  ),
  risk_collar: denied('The price is far worse than the market.', 'Correct the price.'),
  risk_rate: denied(
    'The agent or the account has sent as many orders as the limits allow.',
    'Wait, then send again.',
    429,
  ),
  risk_orders: denied(
    'As many orders are open, waiting or in doubt as the limits allow.',
    'Wait until some have ended, or cancel some.',
  ),
  risk_duplicate: denied(
    'The agent has sent the same order a moment ago under another id.',
    'If it is meant, send it again later.',
    409,
  ),
  risk_in_doubt: denied('An order of the agent for this symbol and side is in doubt.', 'Wait for its answer.', 409),
  risk_repeat: denied(
    'The agent sends orders for one symbol and side faster than the limits allow, and is halted.',
    'A person looks at the agent, then resumes it.',
    429,
  ),
  risk_position: denied('The position could grow beyond its limit.', 'Ask for less, or reduce it first.'),
  risk_exposure: denied('All positions together could grow beyond their limit.', 'Ask for less, or reduce some first.'),
  risk_agent_day: denied('The orders of the day are worth what the limits allow.', 'Wait for the next day (UTC).'),
  risk_loss: denied('The loss limit of the day is reached.', 'Only reduce positions until the next day (UTC).'),
  risk_short: denied('More would be sold than the book holds.', 'Sell at most what is held and in no open order.'),
  risk_allotment: denied('The allotment of the agent does not suffice.', 'Ask for less, or sell first.'),
  risk_wash: denied(
    'An open order of this account on the opposite side is in the way.',
    'Wait until it has ended.',
    409,
  ),
  risk_held: denied('Another open order holds the quantity.', 'Wait until it has ended, or sell less.', 409),
  not_owner: denied('The order belongs to another agent.', 'Cancel your own orders; a controller may cancel others.'),
  cancelled_unsent: denied(
    'The order was cancelled before it was sent.',
    'Send a new order if it is still wanted.',
    409,
  ),
  send_by_passed: unsent('`send_by` passed before the order was sent.', 'Send a new one with a later `send_by`.'),
  budget_spent: kind(
    'rate_limit_error',
    true,
    429,
  )('The request budget was spent until `send_by`.', 'Ask less often, or give a later `send_by`.'),
  unreachable: unsent('Alpaca could not be reached until `send_by`; nothing was sent.', 'Send again later.'),
  not_executed: unsent(
    'A look-up proved that the order never reached Alpaca.',
    'Send a new order if it is still wanted.',
  ),
  in_doubt: kind(
    'in_doubt_error',
    false,
    202,
  )(
    'The order may have reached Alpaca; it is being looked up.',
    'Wait: this answer changes when there is proof. Do not send it again.',
  ),
  // Alpaca said no. The broker's own words are in the details.
  insufficient_buying_power: refused('The buying power does not suffice.', 'Ask for less, or free buying power.', 403),
  insufficient_options_buying_power: refused(
    'The options buying power does not suffice.',
    'Ask for less, or free buying power.',
    403,
  ),
  insufficient_qty: refused('Less is available than the order sells or must cover.', 'Sell at most what is free.', 403),
  insufficient_balance: refused('The coin or cash balance does not suffice.', 'Ask for less.', 403),
  minimum_order_value: refused('The order is worth less than the minimum.', 'Ask for more.', 403),
  size_limit: refused('The order is larger than Alpaca takes.', 'Ask for less.'),
  wash_trade: refused(
    'An open order on the opposite side could trade with this one.',
    'Cancel it first, or use exits instead.',
    403,
  ),
  opposite_side_order: refused('An open order on the opposite side forbids this one.', 'Cancel it first.', 403),
  not_shortable: refused('The account or the asset cannot be sold short.', 'Sell only what is held.', 403),
  not_fractionable: refused('The asset or the account cannot trade fractions.', 'Use a whole `qty`.', 403),
  fractional_rules: refused('A fractional order breaks a rule of fractional trading.', 'Send a simple day order.'),
  extended_hours_rules: refused('The order is not possible in extended hours.', 'Send a limit order with day or gtc.'),
  market_closed: refused(
    'The order is not possible at this time of day.',
    'Send it within the hours that Alpaca names.',
  ),
  no_quote: refused('There is no quote for a market order.', 'Send a limit order.', 403),
  pattern_day_trading: refused(
    'Refused by the former pattern day trader rule.',
    'Wait, or hold the position overnight.',
    403,
  ),
  subscription: refused('The data subscription does not cover this.', 'The owner changes the subscription.', 403),
  asset_not_found: refused('Alpaca does not know the symbol or contract.', 'Check the symbol.'),
  not_tradable: refused('The asset or contract is not tradable now.', 'Choose another one.'),
  contract_expired: refused('The option contract has expired or expires too soon.', 'Choose a later one.'),
  assignment_lock: refused('An assignment is being settled on the contract.', 'Wait until it is.', 403),
  options_level: refused(
    'The account may not trade this kind of option order.',
    'The owner raises the options level.',
    403,
  ),
  not_supported: refused('Alpaca has switched this kind of order off.', 'Send another kind.', 403),
  position_intent_mismatch: refused('`position_intent` contradicts the position.', 'Leave it out, or correct it.'),
  position_intent_required: refused('Alpaca wants a `position_intent` here.', 'Add it.'),
  invalid_legs: refused('The legs do not make an order that Alpaca takes.', 'Correct the legs.'),
  invalid_order_type: refused('The kind of order is not possible for this asset.', 'Change `order_class`.'),
  invalid_time_in_force: refused('`time_in_force` is not possible for this order.', 'Change it.'),
  sub_penny: refused('A price or amount is finer than the increment.', 'Round it.'),
  exit_prices: refused(
    'The exits or the stop do not fit the current price.',
    'Move them away from it: what sells at a loss stands below the price, what buys at a loss above it.',
  ),
  account_restricted: refused(
    'The account may not trade, or only to close positions.',
    'The owner speaks to Alpaca.',
    403,
  ),
  forbidden: refused('Alpaca forbids the request for a reason of its own.', 'Read its message in the details.', 403),
  duplicate_client_order_id: refused(
    'Alpaca has seen this `client_order_id` before.',
    'Look the order up by it; take a new timestamp for a new one.',
  ),
  rejected_after_acceptance: refused('Alpaca took the order and rejected it later.', 'Read the order in the details.'),
  not_cancelable: refused('The order can no longer be cancelled.', 'Nothing to do: look at its status.'),
  cancel_pending: refused(
    'The cancel was sent and is not confirmed yet: the order may still fill.',
    'Look at the order: its own answer tells how it ends.',
    504,
  ),
  conflict_at_broker: kind(
    'api_error',
    false,
    409,
  )(
    'Alpaca holds another order under this `client_order_id`.',
    'A person must look at the account: somebody else has used the id.',
  ),
  not_replaceable: refused('The order can no longer be changed like this.', 'Cancel it and send a new one.'),
  not_found: refused('Alpaca does not know it.', 'Check the id.', 404),
  endpoint_not_found: refused('Alpaca does not know the endpoint.', 'The owner checks the base URL.', 404),
  unauthorized: refused('Alpaca refused the keys.', 'The owner checks the keys.', 401),
  rate_limited: refused('Alpaca counts too many requests of this account.', 'Send again later.', 429),
  redirected: refused(
    'The endpoint answers with a redirect, which is never followed.',
    'The owner checks the base URL.',
    502,
  ),
  method_not_allowed: refused('Alpaca does not know the method of the request.', 'Tell the operator.', 502),
  body_too_large: refused('Alpaca found the request too large.', 'Ask for less at once.', 413),
  broker_fault: refused('Alpaca answered with a fault of its own.', 'Send again later.', 502),
  validation_failed: refused('Alpaca refused the request for a reason of its own.', 'Read its message in the details.'),
  // The tower's own fault
  internal: kind(
    'internal_error',
    false,
    500,
  )(
    'A fault of the tower; the request is journaled and nothing is lost.',
    'Tell the operator; look the order up before you send it again.',
  ),
} as const satisfies Record<string, ErrorEntry>;

export type ErrorCode = keyof typeof TABLE;

/** Every code in order of precedence. */
export const ERRORS: ReadonlyMap<ErrorCode, ErrorEntry> = new Map(
  Object.entries(TABLE).map(([code, entry]) => [code as ErrorCode, entry]),
);

const PRECEDENCE: ReadonlyMap<string, number> = new Map([...ERRORS.keys()].map((code, rank) => [code, rank]));

type CodesOf<T extends ErrorType> = { [C in ErrorCode]: (typeof TABLE)[C]['type'] extends T ? C : never }[ErrorCode];
/** The refusals of Alpaca that are known by name. The broker may name more: such an answer is still an `api_error`. */
export type ApiErrorName = CodesOf<'api_error'> | (string & {});

/** One thing that is wrong with a file. */
export interface Problem {
  readonly code: ErrorCode;
  /** Path in the file (`payload.legs[0].side`), or `file_name`; null for the file as a whole. */
  readonly field: string | null;
  readonly message: string;
  /** The value found: printable ASCII, at most 64 characters; null when there is none or it must not be shown. */
  readonly got: string | null;
  readonly allowed: string | null;
  readonly hint: string | null;
}

interface ErrorDetails {
  readonly field: string | null;
  readonly got: string | null;
  readonly allowed: string | null;
  readonly hint: string | null;
  readonly safe_to_resubmit: boolean;
  /** Further JSON values: the broker's words, the first request of a duplicate, limits. */
  readonly [more: string]: unknown;
}

/** The `error` object of a response. */
export interface OrderError {
  readonly type: ErrorType;
  readonly code: ApiErrorName;
  readonly message: string;
  readonly details: ErrorDetails;
}

export interface ErrorParts {
  readonly field?: string | null;
  readonly got?: string | null;
  readonly allowed?: string | null;
  readonly hint?: string | null;
  /** Added to `details` as they are. */
  readonly more?: Readonly<Record<string, unknown>>;
}

/** An error with a code of the table. Without a hint the table's remedy is the hint. */
export function orderError(code: ErrorCode, message: string, parts: ErrorParts = {}): OrderError {
  return withEntry(code, ERRORS.get(code) ?? TABLE.internal, message, parts);
}

/** Alpaca's refusal under its readable name, known to the table or not. */
export function apiError(name: ApiErrorName, message: string, parts: ErrorParts = {}): OrderError {
  const known = ERRORS.get(name as ErrorCode);
  return withEntry(name, known?.type === 'api_error' ? known : TABLE.validation_failed, message, parts);
}

function withEntry(code: ApiErrorName, entry: ErrorEntry, message: string, parts: ErrorParts): OrderError {
  const details: ErrorDetails = {
    field: parts.field ?? null,
    got: parts.got ?? null,
    allowed: parts.allowed ?? null,
    hint: parts.hint ?? entry.remedy,
    safe_to_resubmit: entry.safeToResubmit,
    ...parts.more,
  };
  return { type: entry.type, code, message, details };
}

const PROBLEMS_SHOWN = 20;

/**
 * The error of a file with one or more problems: the first by precedence is the headline, at most 20 are listed.
 * `more` is added to the details.
 */
export function problemsError(problems: readonly Problem[], more: Readonly<Record<string, unknown>> = {}): OrderError {
  const rank = (problem: Problem): number => PRECEDENCE.get(problem.code) ?? PRECEDENCE.size;
  const sorted = problems.toSorted((a, b) => rank(a) - rank(b));
  const first = sorted[0];
  if (first === undefined) throw new RangeError('an error needs a problem');
  const { code, message, field, got, allowed, hint } = first;
  return orderError(code, message, {
    field,
    got,
    allowed,
    hint,
    more: { problems: sorted.slice(0, PROBLEMS_SHOWN), ...more },
  });
}
