/**
 * What Alpaca refuses of options, single-leg and multi-leg.
 * Must never be read as complete: errors.test.ts says what is left out and why.
 */
import { configure, forbidden, malformed, own, type Row, refused, without } from './refusals.ts';
import type { Json, Reply, World } from './world.ts';

/** A call and a put on AAPL a month out, near 200. */
const CALL = 'AAPL261218C00200000';
const CALL_ABOVE = 'AAPL261218C00210000';
const PUT = 'AAPL261218P00200000';
const OPTION = { symbol: CALL, qty: '1', side: 'buy', type: 'limit', limit_price: '1.00', time_in_force: 'day' };
const option =
  (changes: Json, ...dropped: readonly string[]) =>
  (world: World): Reply =>
    world.order(without({ ...OPTION, ...changes }, ...dropped));
const leg = (symbol: string, side: string, intent: string | null, ratio = '1'): Json => ({
  symbol,
  side,
  ratio_qty: ratio,
  ...(intent === null ? {} : { position_intent: intent }),
});
const VERTICAL = [leg(CALL, 'buy', 'buy_to_open'), leg(CALL_ABOVE, 'sell', 'sell_to_open')];
const MLEG = {
  order_class: 'mleg',
  qty: '1',
  type: 'limit',
  limit_price: '1.00',
  time_in_force: 'day',
  legs: VERTICAL,
};
const mleg =
  (changes: Json, ...dropped: readonly string[]) =>
  (world: World): Reply =>
    world.order(without({ ...MLEG, ...changes }, ...dropped));

const NIGHT = '2026-11-23T13:00:00Z';

export const OPTION_ROWS: readonly Row[] = [
  malformed('symbol is not allowed for mleg order', mleg({ symbol: 'AAPL' })),
  forbidden('account not authorized to trade options', (world) => {
    configure(world, { max_options_trading_level: 0 });
    return option({})(world);
  }),
  forbidden('account not eligible to trade long option contracts', (world) => {
    configure(world, { max_options_trading_level: 1 });
    return option({})(world);
  }),
  forbidden('account not eligible to trade spreads or uncovered contracts', (world) => {
    configure(world, { max_options_trading_level: 2 });
    return mleg({})(world);
  }),
  forbidden('account not eligible to trade uncovered option contracts', option({ side: 'sell' })),
  forbidden(
    /^insufficient options buying power \(required: \d+, available: [\d.]+\)$/,
    option({ qty: '1000', limit_price: '5' }),
    { extra: ['options_buying_power', 'cost_basis'] },
  ),
  forbidden(
    'insufficient underlying qty available for covered call (required: 200, available: 100)',
    (world) => {
      own(world, 'AAPL', '100');
      return option({ side: 'sell', qty: '2' })(world);
    },
    { extra: ['available_qty', 'required_qty', 'symbol', 'underlying_asset_id'] },
  ),
  forbidden(
    /^insufficient options buying power for cash-secured put \(required: 200000, available: [\d.]+\)$/,
    option({ symbol: PUT, side: 'sell', qty: '10' }),
    { extra: ['buying_power', 'required_options_buying_power'] },
  ),
  refused(
    'complex orders not supported for options trading',
    option({ order_class: 'oto', take_profit: { limit_price: '9' } }),
  ),
  refused(
    `contract "AAPL261127C00200000" expires soon, unable to open new positions`,
    option({ symbol: 'AAPL261127C00200000' }),
    {
      hours: true,
      at: '2026-11-27T17:45:00Z',
    },
  ),
  refused('contract "AAPL261120C00200000" is expired', option({ symbol: 'AAPL261120C00200000' })),
  refused('contract "ZZZZ261218C00200000" not found', option({ symbol: 'ZZZZ261218C00200000' })),
  refused('extended hours is not supported for options trading', option({ extended_hours: true })),
  refused('invalid order type for options trading', option({ type: 'trailing_stop', trail_price: '1' }, 'limit_price')),
  refused('invalid options order_type', mleg({ type: 'stop', stop_price: '1' }, 'limit_price')),
  refused('notional orders are not supported for options trading', option({ notional: '100' }, 'qty')),
  refused('options market orders are only allowed during market hours', option({ type: 'market' }, 'limit_price'), {
    hours: true,
    at: NIGHT,
  }),
  refused('options order qty must be <= 10000', option({ qty: '10001', limit_price: '0.01' })),
  refused('order_time_in_force provided not supported for options trading', option({ time_in_force: 'ioc' })),
  refused(
    'position intent mismatch, inferred: buy_to_open, specified: buy_to_close',
    option({ position_intent: 'buy_to_close' }),
  ),
  refused('qty must be integer for options trading', option({ qty: '1.5' })),
  refused(
    'asset not found for ZZZZ261218C00200000',
    mleg({ legs: [VERTICAL[0], leg('ZZZZ261218C00200000', 'sell', 'sell_to_open')] }),
  ),
  refused('invalid limit price', mleg({ limit_price: '1.005' })),
  refused('invalid time in force', mleg({ time_in_force: 'fok' })),
  refused('leg.1 position intent is required', mleg({ legs: [VERTICAL[0], { symbol: CALL_ABOVE, ratio_qty: '1' }] })),
  refused('limit price is only valid for limit orders', mleg({ type: 'market' })),
  refused('limit price is required for limit orders', mleg({}, 'limit_price')),
  refused(
    /^underlying asset mismatch: AAPL != MSFT$/,
    mleg({ legs: [VERTICAL[0], leg('MSFT261218C00500000', 'sell', 'sell_to_open')] }),
  ),
  refused('mleg orders must have at least 2 legs and at most 4 legs', mleg({ legs: [VERTICAL[0]] })),
];
