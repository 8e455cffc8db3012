/**
 * Account, positions and portfolio history as Alpaca's JSON. Complete objects: numbers are text, except in the portfolio
 * history, whose numbers are JSON numbers as Alpaca has them. Must never change anything.
 */
import { malformed, ok, refuse } from './errors.ts';
import { abs, div, divide, max, mul, ONE, text } from './fixed.ts';
import { availableQty, marketValue, power, priceOf } from './margin.ts';
import { type Account, multiplierOf, type Position } from './state.ts';
import { DAY, HOUR, iso, isoDate, MINUTE, parseInstant, SECOND } from './time.ts';
import type {
  AccountJson,
  Fixed,
  Instant,
  PortfolioHistoryJson,
  PositionJson,
  Query,
  Result,
  Session,
} from './types.ts';
import { configurationsJson } from './views.ts';
import type { World } from './world.ts';

export function accountJson(world: World, account: Account, at: Instant): AccountJson {
  const { valuation, buyingPower, nonMarginable } = power(world, account, at);
  const { equity, longValue, shortValue, multiplier } = valuation;
  const free = valuation.equity - valuation.initial;
  const regt = multiplier === 1n ? buyingPower : max(0n, free * 2n - account.reserved);
  const options = buyingPower < nonMarginable ? buyingPower : nonMarginable;
  const level = account.config.maxOptionsLevel;
  return {
    id: account.id,
    admin_configurations: {},
    user_configurations: null,
    account_number: account.number,
    status: 'ACTIVE',
    crypto_status: 'ACTIVE',
    crypto_tier: 1,
    options_approved_level: account.optionsLevel,
    options_trading_level: level === null ? account.optionsLevel : Math.min(level, account.optionsLevel),
    currency: 'USD',
    cash: text(account.cash),
    equity: text(equity),
    last_equity: text(account.lastEquity),
    portfolio_value: text(equity),
    buying_power: text(buyingPower),
    effective_buying_power: text(buyingPower),
    regt_buying_power: text(regt),
    non_marginable_buying_power: text(nonMarginable),
    options_buying_power: text(options),
    long_market_value: text(longValue),
    short_market_value: text(shortValue),
    position_market_value: text(longValue - shortValue),
    initial_margin: text(valuation.initial),
    maintenance_margin: text(valuation.maintenance),
    last_maintenance_margin: text(account.lastMaintenance),
    sma: '0',
    multiplier: String(multiplier),
    accrued_fees: '0',
    pending_transfer_in: '0',
    pending_transfer_out: '0',
    pending_reg_taf_fees: '0',
    intraday_adjustments: '0',
    balance_asof: account.balanceAsOf,
    created_at: iso(account.opened),
    trading_blocked: false,
    transfers_blocked: false,
    account_blocked: false,
    trade_suspended_by_user: account.config.suspendTrade,
    shorting_enabled: account.shorting && !account.config.noShorting && multiplier > 1n,
  };
}

/** value / of, as text; 0 where there is nothing to divide by. */
const ratio = (value: Fixed, of: Fixed): string => (of === 0n ? '0' : text(div(value, abs(of))));

export function positionJson(world: World, account: Account, position: Position, at: Instant): PositionJson {
  const { instrument, qty, cost } = position;
  const quote = world.market.quote(instrument.symbol, at);
  const price = priceOf(world, position, at);
  const previous = quote?.prevClose || price;
  const value = marketValue(position, price);
  const basis = divide(cost * multiplierOf(instrument), ONE);
  const gain = value - basis;
  // What was bought today has gained since it was bought, the rest since yesterday's close.
  const fresh = position.openedOn === world.market.tradingDay(at).date;
  const start = fresh ? basis : mul(qty * multiplierOf(instrument), previous);
  const option = instrument.kind === 'contract';
  const available = availableQty(account, instrument.symbol);
  return {
    asset_id: instrument.id,
    symbol: instrument.symbol.replaceAll('/', ''),
    exchange: option ? '' : instrument.exchange,
    asset_class: option ? 'us_option' : instrument.class,
    asset_marginable: option ? false : instrument.marginable,
    avg_entry_price: text(divide(cost, qty)),
    qty: text(qty),
    qty_available: text(qty < 0n ? -available : available),
    side: qty < 0n ? 'short' : 'long',
    market_value: text(value),
    cost_basis: text(basis),
    unrealized_pl: text(gain),
    unrealized_plpc: ratio(gain, basis),
    unrealized_intraday_pl: text(value - start),
    unrealized_intraday_plpc: ratio(value - start, start),
    current_price: text(price),
    lastday_price: text(previous),
    change_today: ratio(price - previous, previous),
  };
}

/** The position a path names: by symbol, by pair without slash, or by asset id. */
export function findPosition(account: Account, key: string): Position | undefined {
  const direct = account.positions.get(key);
  if (direct !== undefined) return direct;
  const plain = key.replaceAll('/', '').toUpperCase();
  for (const position of account.positions.values()) {
    const { id, symbol } = position.instrument;
    if (id === key || symbol.replaceAll('/', '') === plain) return position;
  }
  return undefined;
}

export const accountConfigurations = (account: Account) => configurationsJson(account.config);

// --------------------------------------------------------------------------------------------------- portfolio history

const FRAMES: Readonly<Record<string, Instant>> = {
  '1Min': MINUTE,
  '5Min': 5n * MINUTE,
  '15Min': 15n * MINUTE,
  '1H': HOUR,
  '1D': DAY,
};
const UNITS: Readonly<Record<string, Instant>> = { D: DAY, W: 7n * DAY, M: 30n * DAY, A: 365n * DAY };

/** The sessions of which a history within days tells (OpenAPI: intraday_reporting). */
const REPORTED: Readonly<Record<string, readonly Session[]>> = {
  market_hours: ['core'],
  extended_hours: ['pre', 'core', 'post'],
  continuous: ['pre', 'core', 'post', 'overnight', 'closed'],
};

const toNumber = (value: Fixed): number => Number(text(value));

function periodOf(source: string): Instant | undefined {
  const found = /^([1-9][0-9]{0,3})([DWMA])$/.exec(source);
  const unit = UNITS[found?.[2] ?? ''];
  return found && unit ? BigInt(found[1] ?? '1') * unit : undefined;
}

/** GET /v2/account/portfolio/history: the last known equity at the end of each window, left-labelled. */
export function portfolioHistory(
  world: World,
  account: Account,
  query: Query,
  at: Instant,
): Result<PortfolioHistoryJson> {
  const period = periodOf(query['period'] || '1M');
  if (period === undefined) return refuse(malformed('invalid period'));
  const times: Partial<Record<'start' | 'end', Instant>> = {};
  for (const key of ['start', 'end'] as const) {
    const source = query[key];
    if (!source) continue;
    const instant = parseInstant(source);
    if (instant === undefined) return refuse(malformed(`invalid ${key}: ${JSON.stringify(source)}, send RFC 3339`));
    times[key] = instant;
  }
  if (times.start !== undefined && times.end !== undefined && query['period']) {
    return refuse(malformed('only two of start, end and period are accepted'));
  }
  const end = times.end ?? (times.start !== undefined && query['period'] ? times.start + period : at);
  const start = times.start ?? end - period;
  const span = end - start;
  const name = query['timeframe'] || (span < 7n * DAY ? '1Min' : span < 30n * DAY ? '15Min' : '1D');
  const frame = FRAMES[name];
  if (frame === undefined) return refuse(malformed('invalid timeframe'));
  if (end <= start || span / frame > 50_000n) return refuse(malformed('invalid start, end or period'));
  if (frame < DAY && span > 31n * DAY) return refuse(malformed('only timeframe 1D is accepted beyond 30 days'));
  const extended = (query['extended_hours'] ?? '').toLowerCase() === 'true';
  const sessions = REPORTED[query['intraday_reporting'] || (extended ? 'extended_hours' : 'market_hours')];
  if (sessions === undefined) return refuse(malformed('invalid intraday_reporting'));
  const reset = query['pnl_reset'] || 'per_day';
  if (reset !== 'per_day' && reset !== 'no_reset') return refuse(malformed('invalid pnl_reset'));

  const timestamp: number[] = [];
  const equity: number[] = [];
  const opened = account.opened;
  const samples = account.samples;
  let next = 0;
  let current = samples[0]?.[1] ?? account.cash;
  const now = power(world, account, at).valuation.equity;
  const first = start > opened ? start : opened;
  for (let sample = samples[next]; sample !== undefined && sample[0] <= first; sample = samples[++next]) {
    current = sample[1];
  }
  const reference = toNumber(current);
  // Gains within days start anew from the equity at which the trading day before ended.
  const daily = frame < DAY && reset === 'per_day';
  const base: number[] = [];
  let today = world.market.tradingDay(first).date;
  let dayBase = reference;
  for (let from = (first / frame) * frame; from <= end && from <= at; from += frame) {
    const { date } = world.market.tradingDay(from);
    if (daily && date !== today && from > first) {
      today = date;
      dayBase = toNumber(current);
    }
    for (let sample = samples[next]; sample !== undefined && sample[0] < from + frame; sample = samples[++next]) {
      current = sample[1];
    }
    // An hour in which the market opens or closes counts as open.
    const told =
      frame >= DAY || [from, from + frame - 1n].some((edge) => sessions.includes(world.market.session(edge)));
    if (!told) continue;
    const value = from + frame > at ? now : current;
    timestamp.push(Number(from / SECOND));
    equity.push(toNumber(value));
    base.push(dayBase);
  }
  const gains = equity.map((value, i) => ({ value, of: base[i] ?? reference }));
  return ok({
    timestamp,
    equity,
    profit_loss: gains.map(({ value, of }) => Number((value - of).toFixed(4))),
    profit_loss_pct: gains.map(({ value, of }) => (of === 0 ? 0 : Number((value / of - 1).toFixed(6)))),
    base_value: reference,
    base_value_asof: isoDate(first),
    timeframe: name,
  });
}
