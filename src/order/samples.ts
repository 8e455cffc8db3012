/**
 * One valid order file of each type: what `tower samples` writes and what tests start from. Contracts are monthly ones of a
 * coming month, so the samples stay tradable. Must hold nothing that the parser would refuse.
 */
import { isoMicros, type Micros, micros } from '../lib/clock.ts';
import { type Mode, ORDER_TYPES, type OrderType } from './name.ts';

export interface Sample {
  readonly type: OrderType;
  readonly fileName: string;
  readonly clientOrderId: string;
  /** JSON text of the whole file. */
  readonly text: string;
}

/** In the order of `ORDER_TYPES`, one microsecond apart from `now` on; the later ones name orders of the earlier ones. */
export function samples(now: Micros, agent = 'sample', mode: Mode = 'paper'): readonly Sample[] {
  const stamp = (type: OrderType): string => compact(micros(now + ORDER_TYPES.indexOf(type)));
  const idOf = (type: OrderType): string => `${agent}_${stamp(type)}_${type}`;
  const contract = (strike: number): string => `AAPL${monthlyExpiry(now)}C${String(strike * 1000).padStart(8, '0')}`;
  const payloads: Readonly<Record<OrderType, object>> = {
    stockbuy: { symbol: 'AAPL', qty: '10', order_class: 'market', time_in_force: 'day' },
    stocksell: { symbol: 'MSFT', qty: '1', order_class: 'limit', limit_price: '750.00', time_in_force: 'gtc' },
    cryptobuy: { symbol: 'BTC/USD', qty: '0.01', order_class: 'market', time_in_force: 'gtc' },
    cryptosell: { symbol: 'BTC/USD', qty: '0.005', order_class: 'limit', limit_price: '250000', time_in_force: 'gtc' },
    optionsingle: {
      symbol: contract(270),
      qty: '1',
      side: 'buy',
      order_class: 'limit',
      limit_price: '5.50',
      time_in_force: 'day',
      position_intent: 'buy_to_open',
    },
    optionmulti: {
      order_class: 'mleg',
      type: 'limit',
      limit_price: '4.00',
      qty: '1',
      time_in_force: 'day',
      legs: [
        { symbol: contract(260), side: 'buy', ratio_qty: '1', position_intent: 'buy_to_open' },
        { symbol: contract(280), side: 'sell', ratio_qty: '1', position_intent: 'sell_to_open' },
      ],
    },
    marketdata: { symbols: ['AAPL', 'BTC/USD', contract(270)], data_type: 'quote' },
    orderstatus: { client_order_id: idOf('stockbuy') },
    openorders: { status: 'open', limit: 100 },
    allorders: { status: 'all', limit: 50, direction: 'desc', agent },
    positions: { asset_class: 'us_equity' },
    accountinfo: {},
    cancelorder: { client_order_id: idOf('stocksell') },
  };
  return ORDER_TYPES.map((type) => {
    const clientOrderId = idOf(type);
    const file = { agent_id: agent, client_order_id: clientOrderId, order_type: type, mode, payload: payloads[type] };
    const fileName = `${mode}_${agent}_${type}_${stamp(type)}.json`;
    return { type, fileName, clientOrderId, text: `${JSON.stringify(file, null, 2)}\n` };
  });
}

/** `20260213143022123456` */
const compact = (at: Micros): string => isoMicros(at).replace(/\D/g, '');

const DAY_MS = 86_400_000;
/** In March, April and June the third Friday can be a holiday, and the contracts then end on the Thursday. */
const UNSURE_MONTHS: readonly number[] = [2, 3, 5];

/** `YYMMDD` of the first third Friday, at least 30 days ahead, that is surely a trading day. */
function monthlyExpiry(now: Micros): string {
  const today = new Date(now / 1000);
  for (let ahead = 1; ; ahead++) {
    const first = new Date(Date.UTC(today.getUTCFullYear(), today.getUTCMonth() + ahead, 1));
    const third = new Date(first.getTime() + (((5 - first.getUTCDay() + 7) % 7) + 14) * DAY_MS);
    const soon = third.getTime() - today.getTime() < 30 * DAY_MS;
    if (!soon && !UNSURE_MONTHS.includes(third.getUTCMonth()))
      return third.toISOString().slice(2, 10).replaceAll('-', '');
  }
}
