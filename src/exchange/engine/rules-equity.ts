/**
 * What Alpaca accepts for stocks and ETFs: types, time in force, fractions, extended hours, price increments, auctions,
 * prices of advanced orders (Alpaca docs: orders, fractional trading). Judges one draft against its asset and the hour.
 * Must never look at an account: buying power and positions are judged in admission.ts.
 */
import { forbidden, malformed, subPenny, unprocessable } from './errors.ts';
import { CENT, isWhole, ONE, text } from './fixed.ts';
import type { Draft } from './request.ts';
import { MINUTE } from './time.ts';
import type { Asset, Fixed, Instant, MarketView, Quote, Refusal } from './types.ts';

/** Whole cents from 1.00 on, hundredths of a cent below. */
export function breaksPennyRule(price: Fixed): boolean {
  return price % (price >= ONE ? CENT : CENT / 100n) !== 0n;
}

/** The name of the first price with too many decimals, and the price. */
function tooFine(draft: Draft): readonly [string, Fixed] | undefined {
  const { limit, stop, trailPrice, takeProfit, stopLoss } = draft;
  if (limit !== null && draft.class !== 'oco' && breaksPennyRule(limit)) return ['limit_price', limit];
  if (stop !== null && breaksPennyRule(stop)) return ['stop_price', stop];
  if (trailPrice !== null && breaksPennyRule(trailPrice)) return ['trail_price', trailPrice];
  if (takeProfit && breaksPennyRule(takeProfit.limit)) return ['take_profit.limit_price', takeProfit.limit];
  if (stopLoss === null) return undefined;
  if (breaksPennyRule(stopLoss.stop)) return ['stop_loss.stop_price', stopLoss.stop];
  if (stopLoss.limit !== null && breaksPennyRule(stopLoss.limit)) return ['stop_loss.limit_price', stopLoss.limit];
  return undefined;
}

export const isFractional = (draft: Pick<Draft, 'qty' | 'notional'>): boolean =>
  draft.notional !== null || (draft.qty !== null && !isWhole(draft.qty));

/** `opg` and `cls` have windows: not between their cut-off and 19:00 New York. */
function outsideAuctionWindow(draft: Draft, market: MarketView, at: Instant): Refusal | undefined {
  if ((draft.tif !== 'opg' && draft.tif !== 'cls') || !market.keepsHours) return undefined;
  const day = market.tradingDay(at);
  // 19:00 is an hour before the end of extended trading.
  const reopens = day.postClose - 60n * MINUTE;
  const cutOff = draft.tif === 'opg' ? day.open - 2n * MINUTE : day.close - 10n * MINUTE;
  if (at < cutOff || at >= reopens) return undefined;
  const until = draft.tif === 'opg' ? '9:28am' : '3:55pm';
  return forbidden(`${draft.tif} orders must be submitted after 7:00pm and before ${until}`);
}

function timeInForce(draft: Draft, asset: Asset): Refusal | undefined {
  const { tif, type } = draft;
  if (draft.class !== 'simple' && tif !== 'day' && tif !== 'gtc') {
    return unprocessable(`${draft.class} orders must be DAY or GTC orders`);
  }
  if (tif === 'day' || tif === 'gtc') return undefined;
  if (asset.exchange === 'OTC') return malformed('invalid time_in_force');
  if (type !== 'market' && type !== 'limit') return malformed('invalid time_in_force');
  return undefined;
}

function fractions(draft: Draft, asset: Asset, fractionalTrading: boolean): Refusal | undefined {
  if (!isFractional(draft)) return undefined;
  if (!fractionalTrading) return forbidden('fractional trading is disabled for this account');
  if (!asset.fractionable) return forbidden(`asset "${asset.symbol}" is not fractionable`);
  if (draft.class !== 'simple') return unprocessable('fractional orders must be simple orders');
  if (draft.tif !== 'day') return unprocessable('fractional orders must be DAY orders');
  if (draft.type === 'trailing_stop') return unprocessable('fractional orders cannot be trailing stop orders');
  if (draft.notional !== null) {
    if (draft.notional % CENT !== 0n) return unprocessable('notional value must be limited to 2 decimal places');
    if (draft.notional < ONE) return malformed('notional must be >= 1.00');
  }
  return undefined;
}

/** take_profit and stop_loss must lie on the right sides of the entry (`base_price` goes into the body). */
function exits(draft: Draft, quote: Quote | undefined): Refusal | undefined {
  const { takeProfit, stopLoss } = draft;
  if (draft.class === 'simple') return undefined;
  // The exits of an oco close the position: a selling oco is judged as the exits of a buy.
  const long = draft.class === 'oco' ? draft.side === 'sell' : draft.side === 'buy';
  const sign = long ? 1n : -1n;
  if (takeProfit && stopLoss && sign * (takeProfit.limit - stopLoss.stop) <= 0n) {
    return unprocessable(`take_profit.limit_price must be ${long ? '>' : '<'} stop_loss.stop_price`);
  }
  if (stopLoss?.limit != null && sign * (stopLoss.stop - stopLoss.limit) < 0n) {
    return unprocessable(`stop_loss.limit_price must be ${long ? '<=' : '>='} stop_loss.stop_price`);
  }
  const market = quote?.last || null;
  const base = draft.class === 'oco' ? market : (draft.limit ?? draft.stop ?? market);
  if (base === null) return undefined;
  const extra = { base_price: text(base) };
  if (stopLoss) {
    if (draft.class === 'oco' && long && stopLoss.stop * 1001n > base * 1000n) {
      return unprocessable('stop price must not be greater than base price / 1.001', extra);
    }
    if (sign * (base - stopLoss.stop) < CENT) {
      return unprocessable(`stop_loss.stop_price must be ${long ? '<= base_price -' : '>= base_price +'} 0.01`, extra);
    }
  }
  if (takeProfit && sign * (takeProfit.limit - base) < CENT) {
    return unprocessable(`take_profit.limit_price must be ${long ? '>= base_price +' : '<= base_price -'} 0.01`, extra);
  }
  return undefined;
}

export function equityRules(
  draft: Draft,
  asset: Asset,
  quote: Quote | undefined,
  market: MarketView,
  fractionalTrading: boolean,
  at: Instant,
): Refusal | undefined {
  const broken = fractions(draft, asset, fractionalTrading) ?? timeInForce(draft, asset);
  if (broken) return broken;
  if (draft.extended) {
    const plain = draft.type === 'limit' && (draft.tif === 'day' || draft.tif === 'gtc');
    if (!plain || draft.class !== 'simple') {
      return unprocessable('extended hours order must be DAY or GTC limit orders');
    }
    if (isFractional(draft) && !asset.attributes.includes('fractional_eh_enabled')) {
      return unprocessable(`asset "${asset.symbol}" does not support fractional orders in extended hours`);
    }
  }
  if (asset.attributes.includes('ipo') && draft.type !== 'limit' && !quote?.last) {
    return unprocessable('only limit orders are accepted before the first trade of an IPO');
  }
  const fine = tooFine(draft);
  if (fine) return subPenny(...fine);
  const closed = outsideAuctionWindow(draft, market, at);
  if (closed) return closed;
  if (draft.class === 'simple' && draft.type === 'stop' && draft.side === 'sell' && quote && quote.last > 0n) {
    if (draft.stop !== null && draft.stop >= quote.last) {
      return unprocessable('stop price must be less than current price');
    }
  }
  return exits(draft, quote);
}
