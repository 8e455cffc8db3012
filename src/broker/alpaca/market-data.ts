/**
 * Market data: which requests a query needs (one per kind of instrument, however many symbols), and Alpaca's answers in
 * the contract's shape. Must never round: prices keep the digits that Alpaca wrote.
 */
import { isJsonObject, type JsonObject, type JsonValue } from '../../lib/json.ts';
import type { MarketDataRequest } from '../../order/request.ts';
import type { MarketDataAnswer, MarketDataPart } from '../broker.ts';
import { decimalText, textOf } from './wire-json.ts';

type Kind = MarketDataPart['kind'];
type DataType = MarketDataPart['dataType'];

const OCC = /^[A-Z0-9]{1,6}[0-9]{6}[CP][0-9]{8}$/;
/** A pair without its slash. No listed share has six or more letters, and Alpaca quotes coins in these four (Alpaca docs: crypto). */
const PAIR = /^([A-Z]{2,})(USDT|USDC|USD|BTC)$/;
const SHORTEST_PAIR = 6;

/** What a symbol names, and its spelling at the data endpoint of that kind: the crypto endpoint demands the slash. */
export function instrumentOf(symbol: string): { readonly kind: Kind; readonly symbol: string } {
  const upper = symbol.toUpperCase();
  if (upper.includes('/')) return { kind: 'crypto', symbol: upper };
  if (OCC.test(upper)) return { kind: 'option', symbol: upper };
  const pair = upper.length >= SHORTEST_PAIR ? PAIR.exec(upper) : null;
  return pair ? { kind: 'crypto', symbol: `${pair[1]}/${pair[2]}` } : { kind: 'stock', symbol: upper };
}

export function marketDataPlan({
  symbols,
  dataType,
}: Pick<MarketDataRequest, 'symbols' | 'dataType'>): readonly MarketDataPart[] {
  const parts = new Map<Kind, Map<string, string>>();
  for (const asked of symbols) {
    const { kind, symbol } = instrumentOf(asked);
    const part = parts.get(kind) ?? new Map<string, string>();
    parts.set(kind, part.set(asked, symbol));
  }
  return [...parts].map(([kind, part]) => ({ kind, dataType, symbols: part }));
}

/** Path with query, relative to the data host (Alpaca docs: market data API). */
export function marketDataPath({ kind, dataType, symbols }: MarketDataPart): string {
  const list = encodeURIComponent([...new Set(symbols.values())].join(','));
  switch (kind) {
    case 'stock':
      return `/v2/stocks/${dataType}s/latest?symbols=${list}`;
    case 'crypto':
      return `/v1beta3/crypto/us/latest/${dataType}s?symbols=${list}`;
    case 'option':
      // There is no "latest bars" for contracts; the snapshot carries the newest minute bar of up to 1,000 in one page.
      return dataType === 'bar'
        ? `/v1beta1/options/snapshots?symbols=${list}&limit=1000`
        : `/v1beta1/options/${dataType}s/latest?symbols=${list}`;
  }
}

/** Alpaca's field → the contract's. The timestamp `t` is common to all. */
const FIELDS: Readonly<Record<DataType, Readonly<Record<string, string>>>> = {
  quote: { bid_price: 'bp', bid_size: 'bs', ask_price: 'ap', ask_size: 'as' },
  bar: { open: 'o', high: 'h', low: 'l', close: 'c', volume: 'v', vwap: 'vw', trade_count: 'n' },
  trade: { price: 'p', size: 's' },
};

/** The answer to `part`; null when the body has not the shape of its endpoint. Fields that Alpaca left out are null. */
export function readMarketData(
  { kind, dataType, symbols }: MarketDataPart,
  body: JsonValue | undefined,
): MarketDataAnswer | null {
  const snapshots = kind === 'option' && dataType === 'bar';
  const rows = isJsonObject(body) ? body[snapshots ? 'snapshots' : `${dataType}s`] : null;
  if (!isJsonObject(rows)) return null;
  const answer = new Map<string, Readonly<Record<string, string | null>>>();
  for (const [asked, symbol] of symbols) {
    const row = Object.hasOwn(rows, symbol) ? rows[symbol] : null;
    const data = snapshots && isJsonObject(row) ? row['minuteBar'] : row;
    if (isJsonObject(data)) answer.set(asked, shape(FIELDS[dataType], data));
  }
  return answer;
}

/** The quote of a message of the data stream. */
export const quoteOf = (row: JsonObject): Record<string, string | null> => shape(FIELDS.quote, row);

function shape(fields: Readonly<Record<string, string>>, data: JsonObject): Record<string, string | null> {
  const numbers = Object.entries(fields).map(([name, key]) => [name, decimalText(data[key])] as const);
  return { ...Object.fromEntries(numbers), timestamp: textOf(data['t']) };
}
