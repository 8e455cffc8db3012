/** Symbols of the three kinds of instrument. Grammar only: whether a symbol is listed is the exchange's to say. */
import { fromCompact } from './time.ts';

export type InstrumentKind = 'stock' | 'crypto' | 'option';

/** Tickers with up to two suffixes: `AAPL`, `BRK.B`, `BAC.PRL`. */
const STOCK = /^[A-Z][A-Z0-9]{0,6}(?:\.[A-Z0-9]{1,4}){0,2}$/;
/** Alpaca quotes coins in these currencies (Alpaca docs: crypto trading). The longest name is tried first. */
const QUOTES = ['USDT', 'USDC', 'USD', 'BTC'] as const;
const PAIR = new RegExp(`^([A-Z0-9]{2,10})/(${QUOTES.join('|')})$`);
const JOINED = new RegExp(`^([A-Z0-9]{2,10}?)(${QUOTES.join('|')})$`);
/** OCC without padding: root, YYMMDD, C or P, strike in thousandths with eight digits. */
const OPTION = /^([A-Z]{1,5}[A-Z0-9]?)(\d{6})([CP])(\d{8})$/;

export const isStockSymbol = (text: string): boolean => STOCK.test(text);

/** `BTC/USD` for `BTC/USD` and `BTCUSD`; null for anything else. */
export function cryptoPair(text: string): string | null {
  const parts = PAIR.exec(text) ?? JOINED.exec(text);
  return parts === null ? null : `${parts[1]}/${parts[2]}`;
}

export interface OptionContract {
  /** Root of the symbol: the underlying, with a digit for adjusted contracts. */
  readonly root: string;
  /** `YYMMDD`, a real date. */
  readonly expiry: string;
  readonly type: 'call' | 'put';
  /** Strike in thousandths of a dollar. */
  readonly strikeMills: number;
}

/** The parts of an OCC symbol, or null. Expired contracts are valid here. */
export function optionContract(text: string): OptionContract | null {
  const [, root = '', expiry = '', right, strike = ''] = OPTION.exec(text) ?? [];
  const strikeMills = Number(strike);
  if (strikeMills === 0 || fromCompact(`20${expiry}000000000000`) === null) return null;
  return { root, expiry, type: right === 'C' ? 'call' : 'put', strikeMills };
}

/** The kind that a symbol's form tells, or null. Tickers have at most five letters, so a joined pair of six or more is a coin. */
export function kindOf(symbol: string): InstrumentKind | null {
  if (optionContract(symbol) !== null) return 'option';
  if (symbol.includes('/') || symbol.length >= 6) {
    if (cryptoPair(symbol) !== null) return 'crypto';
  }
  return isStockSymbol(symbol) ? 'stock' : null;
}
