/**
 * State as Alpaca's JSON: orders, positions, configurations. Complete objects: every key is there, numbers are text,
 * unset fields are null. Must never change anything.
 */
import { divide, text } from './fixed.ts';
import type { Configurations, Order } from './state.ts';
import { iso } from './time.ts';
import type { ConfigurationsJson, Fixed, Instant, OrderJson } from './types.ts';

const time = (at: Instant | null): string | null => (at === null ? null : iso(at));
const number = (value: Fixed | null): string | null => (value === null ? null : text(value));
const NO_ASSET = '00000000-0000-0000-0000-000000000000';

/** Average price of the fills, null before the first. Scale 18 ÷ scale 9 = scale 9. */
const averagePrice = (order: Order): Fixed | null =>
  order.filledQty === 0n ? null : divide(order.filledCost, order.filledQty);

/** `simple` is shown as an empty text, except for options (Alpaca's OpenAPI examples). */
function classOf(order: Order): string {
  if (order.class !== 'simple') return order.class;
  return order.instrument?.kind === 'contract' ? 'simple' : '';
}

/**
 * The order as Alpaca shows it. `nested`: with its legs (a multi-leg order always has them). `stream`: as in
 * trade_updates, which differ in the parent of a multi-leg order and know when a cancel was asked for.
 */
export function orderJson(order: Order, nested: boolean, stream = false): OrderJson {
  const { instrument, role } = order;
  const strategy = role === 'strategy';
  const leg = role === 'leg';
  const type = leg ? '' : order.type;
  const created = iso(order.created);
  const showLegs = order.legs.length > 0 && (nested || strategy);
  const json: { -readonly [Key in keyof OrderJson]: OrderJson[Key] } = {
    id: order.id,
    client_order_id: order.clientId,
    created_at: created,
    updated_at: order.updated === order.created ? created : iso(order.updated),
    submitted_at: created,
    filled_at: time(order.filledAt),
    expired_at: time(order.expiredAt),
    expires_at: time(order.expiresAt),
    canceled_at: time(order.canceledAt),
    failed_at: time(order.failedAt),
    replaced_at: time(order.replacedAt),
    replaced_by: order.replacedBy,
    replaces: order.replaces,
    asset_id: instrument?.id ?? (stream ? NO_ASSET : ''),
    symbol: instrument?.symbol ?? '',
    asset_class: instrument === null ? '' : instrument.kind === 'contract' ? 'us_option' : instrument.class,
    notional: number(order.notional),
    qty: number(order.qty),
    filled_qty: text(order.filledQty),
    filled_avg_price: number(averagePrice(order)),
    order_class: classOf(order),
    order_type: type,
    type,
    side: strategy && !stream ? '' : order.side,
    time_in_force: order.tif,
    limit_price: number(order.limit),
    stop_price: number(order.stop),
    status: order.status,
    extended_hours: order.extended,
    legs: showLegs ? order.legs.map((each) => orderJson(each, nested, stream)) : null,
    trail_percent: number(order.trailPercent),
    trail_price: number(order.trailPrice),
    hwm: number(order.hwm),
    subtag: null,
    source: null,
  };
  if (order.intent !== null) json.position_intent = order.intent;
  if (order.ratio !== null) json.ratio_qty = text(order.ratio);
  if (stream) json.cancel_requested_at = time(order.cancelRequestedAt);
  return json;
}

export const configurationsJson = (config: Configurations): ConfigurationsJson => ({
  suspend_trade: config.suspendTrade,
  no_shorting: config.noShorting,
  fractional_trading: config.fractionalTrading,
  disable_overnight_trading: config.disableOvernight,
  ptp_no_exception_entry: config.ptpNoException,
  max_margin_multiplier: `${config.maxMultiplier}`,
  max_options_trading_level: config.maxOptionsLevel,
  trade_confirm_email: config.confirmEmail,
});
