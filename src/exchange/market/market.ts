/**
 * The market of the embedded exchange: what exists, what it costs, when it trades. The one door to this folder.
 * Every answer is a function of the seed, the recording, the changes made by hand and the time that is asked about; the
 * market has no clock and stores no prices. Must never import the engine's code or the server.
 */
import { unreachable } from '../../lib/assert.ts';
import { canonical, isPlainDecimal } from '../../order/decimal.ts';
import type { Asset, Contract, Fixed, Instant, MarketView, Quote, Session, TradingDay } from '../engine/types.ts';
import { Bars } from './bars.ts';
import { type Day, dayText, hoursOf, LAST_DAY, newYorkDay, newYorkTime, nextTradingDay, phaseAt } from './calendar.ts';
import { type Gate, OpeningHours } from './hours.ts';
import { type Instrument, optionInstrument, pairInstrument, stockInstrument } from './instrument.ts';
import {
  contractOf,
  expiries,
  type ListedContract,
  occSymbol,
  strikes,
  symbolOfContractId,
  type Valuation,
  valuation,
} from './options.ts';
import { Prices } from './prices.ts';
import type { Recording } from './recording.ts';
import { markAt, type QuoteRow, quoteAt, type TradeRow, tradeAt } from './tape.ts';
import { type Listing, TEST_LISTING, UNIVERSE } from './universe.ts';

export interface MarketOptions {
  /** Decides every price. */
  readonly seed: string;
  /** True: the hours of the US markets are kept. False: open round the clock, weekends too. */
  readonly hours: boolean;
  /** Recorded quotes; symbols that it names follow it instead of the price process. */
  readonly recording?: Recording;
}

/** Something done to the market by hand. Plain JSON; prices are plain decimals in USD. */
export type MarketChange =
  /** The quote stays where it is put until `release`. */
  | { readonly kind: 'hold'; readonly symbol: string; readonly bid: string; readonly ask: string }
  /** The price jumps to a level and goes on moving from there. */
  | { readonly kind: 'move'; readonly symbol: string; readonly price: string }
  | { readonly kind: 'release'; readonly symbol: string }
  /** `code` and `reason` as the tape words them: H, T1, LUDP, … */
  | { readonly kind: 'halt'; readonly symbol: string; readonly code?: string; readonly reason?: string }
  | { readonly kind: 'resume'; readonly symbol: string }
  /** `numerator` new shares for `denominator` old ones. */
  | { readonly kind: 'split'; readonly symbol: string; readonly numerator: number; readonly denominator: number };

const micros = (at: Instant): number => Number(at / 1000n);
const instant = (us: number): Instant => BigInt(us) * 1000n;

export class Market implements MarketView {
  readonly keepsHours: boolean;
  readonly hours: OpeningHours;
  readonly bars: Bars;
  private readonly prices: Prices;
  private readonly recording: Recording;
  private readonly instruments = new Map<string, Instrument>();
  private readonly contracts = new Map<string, ListedContract>();
  private test: Instrument | undefined;
  private readonly closes = new Map<string, { readonly key: string; readonly price: number }>();

  constructor(options: MarketOptions) {
    this.keepsHours = options.hours;
    this.hours = new OpeningHours(this.keepsHours);
    this.bars = new Bars(this.hours);
    this.prices = new Prices(options.seed);
    this.recording = options.recording ?? new Map();
  }

  // --- what exists ---------------------------------------------------------------------------------------------------

  /** Every stock, fund and pair, sorted by class, exchange and symbol. */
  assets(): Iterable<Listing> {
    return UNIVERSE.listings.values();
  }

  listing(symbol: string): Listing | undefined {
    return UNIVERSE.listings.get(symbol);
  }

  asset(symbolOrId: string): Asset | undefined {
    const symbol = UNIVERSE.aliases.get(symbolOrId) ?? symbolOrId;
    return UNIVERSE.listings.get(symbol)?.asset;
  }

  contract(symbolOrId: string): Contract | undefined {
    return this.listed(symbolOrId)?.contract;
  }

  /** A contract by symbol or id, listed or expired. */
  listed(symbolOrId: string): ListedContract | undefined {
    const symbol = symbolOfContractId(symbolOrId) ?? symbolOrId;
    const known = this.contracts.get(symbol);
    if (known) return known;
    const found = contractOf(symbol);
    if (found) this.contracts.set(symbol, found);
    return found ?? undefined;
  }

  /** The contracts of an underlying that expire between two days (inclusive), as listed on `today`, in the order of their symbols. */
  *chain(underlying: string, today: Day, from: Day, to: Day): Generator<ListedContract> {
    const listing = UNIVERSE.listings.get(underlying);
    if (!listing?.options) return;
    for (const expiry of expiries(underlying, today, from, to)) {
      for (const type of ['call', 'put'] as const) {
        for (const strike of strikes(listing)) {
          const found = this.listed(occSymbol({ root: underlying, expiry, type, strike }));
          if (found) yield found;
        }
      }
    }
  }

  /** True from the end of the expiry day's session on. */
  expired(contract: ListedContract, at: Instant): boolean {
    return micros(at) / 1000 >= newYorkTime(contract.occ.expiry, hoursOf(contract.occ.expiry)?.close ?? 960);
  }

  // --- what it costs -------------------------------------------------------------------------------------------------

  /** The instrument behind a symbol (pairs with their slash); undefined when there is none. */
  instrument(symbol: string): Instrument | undefined {
    const known = this.instruments.get(symbol);
    if (known) return known;
    const made = this.make(symbol);
    if (made) this.instruments.set(symbol, made);
    return made;
  }

  /** The symbol of the test feed, which trades round the clock and exists nowhere else (Alpaca docs: /v2/test). */
  testInstrument(): Instrument {
    this.test ??= stockInstrument(TEST_LISTING, this.prices, undefined);
    return this.test;
  }

  private make(symbol: string): Instrument | undefined {
    const listing = UNIVERSE.listings.get(symbol);
    const recorded = this.recording.get(symbol);
    if (listing) {
      if (listing.asset.status === 'inactive') return undefined;
      return listing.asset.class === 'crypto'
        ? pairInstrument(listing, this.prices, recorded)
        : stockInstrument(listing, this.prices, recorded);
    }
    const contract = this.listed(symbol);
    const underlying = contract ? this.instrument(contract.occ.root) : undefined;
    const root = contract ? UNIVERSE.listings.get(contract.occ.root) : undefined;
    return contract && underlying && root ? optionInstrument(root, contract.occ, symbol, underlying) : undefined;
  }

  quote(symbol: string, at: Instant): Quote | undefined {
    const instrument = this.instrument(symbol);
    const us = micros(at);
    const quote = instrument ? quoteAt(instrument, this.hours, us) : null;
    const trade = instrument ? tradeAt(instrument, this.hours, us) : null;
    if (!instrument || !quote) return undefined;
    return {
      bid: BigInt(quote.bid),
      ask: BigInt(quote.ask),
      bidSize: toFixed(quote.bidSize),
      askSize: toFixed(quote.askSize),
      last: BigInt(trade?.price ?? 0),
      prevClose: BigInt(this.previousClose(instrument, us)),
    };
  }

  /** The last quote of a symbol, with its time; `gate` narrows it to a venue's hours. */
  quoteRow(symbol: string, at: Instant, gate?: Gate): QuoteRow | null {
    const instrument = this.instrument(symbol);
    return instrument ? quoteAt(instrument, this.hours, micros(at), gate ?? instrument.gate) : null;
  }

  /** The last trade of a symbol, with its time. */
  tradeRow(symbol: string, at: Instant, gate?: Gate): TradeRow | null {
    const instrument = this.instrument(symbol);
    return instrument ? tradeAt(instrument, this.hours, micros(at), gate ?? instrument.gate) : null;
  }

  /** Value, implied volatility and greeks of a contract on the price of its underlying at a time. */
  valuation(contract: ListedContract, at: Instant): Valuation | null {
    const root = UNIVERSE.listings.get(contract.occ.root);
    const underlying = this.instrument(contract.occ.root);
    if (!root || !underlying) return null;
    const us = this.hours.lastOpen('option', micros(at));
    return valuation(root, contract.occ, underlying.price(us / 1000), us / 1000);
  }

  /** The close of the trading day before `us`, made comparable across splits since. Billionths of a USD; 0: unknown. */
  private previousClose(instrument: Instrument, us: number): number {
    const day = this.hours.dayAt(instrument.gate, us);
    const key = `${day} ${instrument.script.version}`;
    const known = this.closes.get(instrument.symbol);
    if (known?.key === key) return known.price;
    let price = 0;
    for (let back = 1; back < 12; back++) {
      const window = this.hours.barWindow(instrument.gate, day - back);
      if (!window) continue;
      const mark = markAt(instrument, window[1]);
      const split = instrument.script.splitsBetween(window[1], us);
      price = Number.isNaN(mark) ? 0 : Math.round(mark * split);
      break;
    }
    this.closes.set(instrument.symbol, { key, price });
    return price;
  }

  // --- when it trades ------------------------------------------------------------------------------------------------

  halted(symbol: string, at: Instant): boolean {
    return this.instrument(symbol)?.script.halted(micros(at)) !== undefined;
  }

  session(at: Instant): Session {
    return this.keepsHours ? phaseAt(micros(at) / 1000).phase : 'core';
  }

  tradingDay(at: Instant): TradingDay {
    const ms = micros(at) / 1000;
    let day = newYorkDay(ms);
    let hours = hoursOf(day);
    while (!hours || newYorkTime(day, hours.sessionClose) <= ms) {
      day = nextTradingDay(day);
      hours = hoursOf(day);
      if (day > LAST_DAY) hours = { open: 570, close: 960, sessionOpen: 240, sessionClose: 1200 };
    }
    const time = (minutes: number): Instant => instant(newYorkTime(day, minutes) * 1000);
    return {
      date: dayText(day),
      preOpen: time(hours.sessionOpen),
      open: time(hours.open),
      close: time(hours.close),
      postClose: time(hours.sessionClose),
    };
  }

  // --- what people do to it --------------------------------------------------------------------------------------------

  /**
   * Changes the market from `at` on. Changes must come in the order of time; a new market that is told the same ones is
   * the same market. Answers why a change cannot be made, or null.
   */
  apply(change: MarketChange, at: Instant): string | null {
    const instrument = this.instrument(change.symbol);
    if (!instrument) return `symbol is ${JSON.stringify(change.symbol)}; it must be one that the exchange quotes`;
    const us = micros(at);
    const { script } = instrument;
    switch (change.kind) {
      case 'hold': {
        const [bid, ask] = [billionths(change.bid), billionths(change.ask)];
        if (bid === null) return `bid is ${JSON.stringify(change.bid)}; ${PLAIN_PRICE}`;
        if (ask === null) return `ask is ${JSON.stringify(change.ask)}; ${PLAIN_PRICE}`;
        if (bid > ask) return `bid is ${change.bid}; it must not be above the ask of ${change.ask}`;
        script.hold(us, bid, ask);
        return null;
      }
      case 'move': {
        const wanted = billionths(change.price);
        if (wanted === null || wanted === 0) return `price is ${JSON.stringify(change.price)}; ${PLAIN_PRICE}, not 0`;
        if (!(instrument.price(us / 1000) > 0)) return `symbol is ${change.symbol}, which has no price to move from`;
        script.release(us);
        script.multiply(us, wanted / (instrument.price(us / 1000) * 1e9), false);
        return null;
      }
      case 'release':
        script.release(us);
        return null;
      case 'halt':
        script.halt(us, change.code ?? 'T1', change.reason ?? 'Halt - News Pending');
        return null;
      case 'resume':
        script.resume(us);
        return null;
      case 'split': {
        const { numerator, denominator } = change;
        if (![numerator, denominator].every((count) => Number.isSafeInteger(count) && count > 0))
          return `split is ${numerator} for ${denominator}; both must be whole numbers above 0`;
        const factor = denominator / numerator;
        const held = script.held(us);
        script.multiply(us, factor, true);
        if (held) script.hold(us, Math.round(held.bid * factor), Math.round(held.ask * factor));
        return null;
      }
      default:
        return unreachable(change);
    }
  }
}

const PLAIN_PRICE = 'it must be a plain decimal in USD, 0 or more, below 10 million';

/** Billionths of a plain decimal of at most 7 digits before and 9 after the point; null for anything else. */
function billionths(text: string): number | null {
  const [whole = '', decimals = ''] = isPlainDecimal(text) ? canonical(text).split('.') : [];
  return /^\d{1,7}$/.test(whole) && decimals.length <= 9 ? Number(whole + decimals.padEnd(9, '0')) : null;
}

/** Sizes have at most four decimals. */
const toFixed = (size: number): Fixed => BigInt(Math.round(size * 10_000)) * 100_000n;
