/**
 * Stock data over REST: latest rows, snapshots, history, auctions (Alpaca docs: /v2/stocks).
 * Symbols that do not exist are absent from an answer, never an error.
 */
import { barsAtOnce, readTimeframe } from '../market/bars.ts';
import { dayText, newYorkDay, newYorkTime } from '../market/calendar.ts';
import type { Gate } from '../market/hours.ts';
import type { Instrument } from '../market/instrument.ts';
import type { Market } from '../market/market.ts';
import { quotes, type Stretch, trades } from '../market/tape.ts';
import {
  checkStock,
  microsOf,
  type Page,
  type PageQuery,
  page,
  pageQuery,
  type Read,
  rowsAtOnce,
  stretchOf,
  symbolsOf,
} from './data-query.ts';
import { bar, stamped, stockQuote, stockTrade, timeText, type Venue, venueOf } from './data-wire.ts';
import { type ApiAnswer, type ApiRequest, json, type Route, refusal } from './route.ts';

export interface DataPlan {
  /** False: the SIP feed of the last 15 minutes is refused with 403, and IEX is the default (Alpaca's Basic plan). Default true. */
  readonly realtimeSip?: boolean;
}

const QUARTER_HOUR = 900_000_000;
const LATEST_FEEDS = ['sip', 'iex', 'delayed_sip', 'boats', 'overnight', 'otc'];
const HISTORY_FEEDS = ['sip', 'iex', 'boats', 'otc'];

const RECENT_SIP = refusal(403, 42210000, 'subscription does not permit querying recent SIP data');

/** A stock that is there to be shown: its instrument, how its rows are marked, the hours of the feed. */
interface Shown {
  readonly symbol: string;
  readonly instrument: Instrument;
  readonly venue: Venue;
  readonly gate: Gate;
}

interface Latest {
  readonly shown: readonly Shown[];
  /** The moment that the feed shows. */
  readonly us: number;
}

export function stockRoutes(market: Market, plan: DataPlan = {}): Route[] {
  const realtime = plan.realtimeSip ?? true;

  const show = (symbols: readonly string[], feed: string): Shown[] =>
    symbols.flatMap((symbol) => {
      const listing = market.listing(symbol);
      const instrument = listing?.asset.class === 'us_equity' ? market.instrument(symbol) : undefined;
      if (!listing || !instrument) return [];
      if (feed === 'otc' && listing.asset.exchange !== 'OTC') return [];
      const gate: Gate = feed === 'boats' || feed === 'overnight' ? 'overnight' : 'regular';
      return [{ symbol, instrument, venue: venueOf(listing.asset.exchange, feed), gate }];
    });

  const latest = (request: ApiRequest): Read<Latest> => {
    const symbols = symbolsOf(request, checkStock);
    if ('refused' in symbols) return symbols;
    const feed = request.query.get('feed') ?? (realtime ? 'sip' : 'iex');
    if (!LATEST_FEEDS.includes(feed)) return { refused: refusal(400, null, `invalid feed: ${feed}`) };
    if (feed === 'sip' && !realtime) return { refused: RECENT_SIP };
    const now = microsOf(request.at);
    return { value: { shown: show(symbols.value, feed), us: feed === 'delayed_sip' ? now - QUARTER_HOUR : now } };
  };

  const at = (us: number): bigint => BigInt(us) * 1000n;
  const quoteJson = ({ symbol, venue, gate }: Shown, us: number) => {
    const row = market.quoteRow(symbol, at(us), gate);
    return row && stamped(row.at, stockQuote(row, venue));
  };
  const tradeJson = ({ symbol, venue, gate }: Shown, us: number) => {
    const row = market.tradeRow(symbol, at(us), gate);
    return row && stamped(row.at, stockTrade(row, venue));
  };
  const barJson = ({ instrument }: Shown, us: number) => {
    const row = market.bars.latestMinute(instrument, us);
    return row && stamped(row.at, bar(row));
  };
  const snapshotJson = (shown: Shown, us: number) => {
    const [day, previous] = market.bars.latestDays(shown.instrument, us);
    return {
      dailyBar: day && stamped(day.at, bar(day)),
      latestQuote: quoteJson(shown, us),
      latestTrade: tradeJson(shown, us),
      minuteBar: barJson(shown, us),
      prevDailyBar: previous && stamped(previous.at, bar(previous)),
    };
  };

  /** The two routes of one kind of latest row: for many symbols, and for the one of the path. */
  const latestRoutes = (plural: string, single: string, row: (shown: Shown, us: number) => object | null): Route[] => [
    route(`/v2/stocks/${plural}/latest`, (request) => {
      const read = latest(request);
      if ('refused' in read) return read.refused;
      const { shown, us } = read.value;
      const rows = shown.flatMap((one) => {
        const value = row(one, us);
        return value ? [[one.symbol, value] as const] : [];
      });
      return json(200, { [plural]: Object.fromEntries(rows), ...currency(request) });
    }),
    route(`/v2/stocks/:symbol/${plural}/latest`, (request) => {
      const read = latest(request);
      if ('refused' in read) return read.refused;
      const [one] = read.value.shown;
      const value = one && row(one, read.value.us);
      if (!one || !value) return nothing(request, single);
      return json(200, { symbol: one.symbol, [single]: value, ...currency(request) });
    }),
  ];

  /** The two routes of one kind of history. */
  const historyRoutes = (
    name: string,
    list: (
      shown: Shown,
      stretch: Stretch,
      request: ApiRequest,
    ) => readonly { readonly at: number; readonly shape: object }[],
    check: (request: ApiRequest) => ApiAnswer | null = () => null,
    ahead: Route['ahead'] = () => [],
  ): Route[] => {
    const handle = (request: ApiRequest): ApiAnswer => {
      const refused = check(request);
      if (refused) return refused;
      const read = history(request, (shown, stretch) => list(shown, stretch, request));
      if ('refused' in read) return read.refused;
      const { rows, next } = read.value;
      const lists = [...rows].map(([symbol, found]) => [symbol, found.map((row) => row.shape)] as const);
      const one = request.params['symbol'];
      const body =
        one === undefined ? { [name]: Object.fromEntries(lists) } : { symbol: one, [name]: lists[0]?.[1] ?? [] };
      return json(200, { ...body, next_page_token: next, ...currency(request) });
    };
    return [`/v2/stocks/${name}`, `/v2/stocks/:symbol/${name}`].map((path) => ({ ...route(path, handle), ahead }));
  };

  /** What a history was asked for, and the stocks that there are. */
  const asked = (
    request: ApiRequest,
  ): Read<{ readonly query: PageQuery; readonly shown: ReadonlyMap<string, Shown> }> => {
    const symbols = symbolsOf(request, checkStock);
    if ('refused' in symbols) return symbols;
    const feed = request.query.get('feed') ?? 'sip';
    if (!HISTORY_FEEDS.includes(feed)) return { refused: refusal(400, null, `invalid feed: ${feed}`) };
    const now = microsOf(request.at);
    const delayed = feed === 'sip' && !realtime;
    const latestKnown = delayed ? now - QUARTER_HOUR : now;
    const query = pageQuery(request, symbols.value, newYorkTime(newYorkDay(latestKnown / 1000), 0) * 1000, now);
    if ('refused' in query) return query;
    if (delayed && request.query.has('end') && query.value.to > latestKnown) return { refused: RECENT_SIP };
    const bounded = { ...query.value, to: Math.min(query.value.to, latestKnown) };
    return { value: { query: bounded, shown: new Map(show(symbols.value, feed).map((one) => [one.symbol, one])) } };
  };

  const history = <Row extends { readonly at: number }>(
    request: ApiRequest,
    list: (shown: Shown, stretch: Stretch) => readonly Row[],
  ): Read<Page<Row>> => {
    const read = asked(request);
    if ('refused' in read) return read;
    const { query, shown } = read.value;
    return {
      value: page(
        query,
        (symbol, stretch) => {
          const one = shown.get(symbol);
          return one ? list(one, stretch) : [];
        },
        rowsAtOnce(request),
      ),
    };
  };

  const isAdjusted = (request: ApiRequest): boolean => /split|all/.test(request.query.get('adjustment') ?? 'raw');

  /** The days of the bars of a page. */
  function* daysOf(request: ApiRequest): Generator<unknown> {
    const frame = readTimeframe(request.query.get('timeframe') ?? '');
    const read = asked(request);
    if (!frame || 'refused' in read) return;
    const { query, shown } = read.value;
    let left = barsAtOnce({ unit: 'day', count: 1 });
    for (const symbol of query.symbols) {
      const one = shown.get(symbol);
      if (!one || (query.start && symbol < query.start.symbol)) continue;
      const begun = query.start?.symbol === symbol ? query.start.at : null;
      const stretch = stretchOf(query, begun, query.limit + 1);
      for (const day of market.bars.prepare(
        one.instrument,
        frame,
        stretch,
        microsOf(request.at),
        isAdjusted(request),
      )) {
        yield day;
        if (left-- === 0) return;
      }
    }
  }

  const { hours } = market;
  return [
    ...latestRoutes('quotes', 'quote', quoteJson),
    ...latestRoutes('trades', 'trade', tradeJson),
    ...latestRoutes('bars', 'bar', barJson),
    route('/v2/stocks/snapshots', (request) => {
      const read = latest(request);
      if ('refused' in read) return read.refused;
      const { shown, us } = read.value;
      return json(200, Object.fromEntries(shown.map((one) => [one.symbol, snapshotJson(one, us)])));
    }),
    route('/v2/stocks/:symbol/snapshot', (request) => {
      const read = latest(request);
      if ('refused' in read) return read.refused;
      const [one] = read.value.shown;
      return one
        ? json(200, { symbol: one.symbol, ...snapshotJson(one, read.value.us) })
        : nothing(request, 'snapshot');
    }),
    ...historyRoutes('quotes', ({ instrument, venue, gate }, stretch) =>
      quotes(instrument, hours, stretch, gate).map((row) => ({
        at: row.at,
        shape: stamped(row.at, stockQuote(row, venue)),
      })),
    ),
    ...historyRoutes('trades', ({ instrument, venue, gate }, stretch) =>
      trades(instrument, hours, stretch, gate).map((row) => ({
        at: row.at,
        shape: stamped(row.at, stockTrade(row, venue)),
      })),
    ),
    ...historyRoutes(
      'bars',
      ({ instrument }, stretch, request) => {
        const frame = readTimeframe(request.query.get('timeframe') ?? '');
        if (!frame) return [];
        const rows = market.bars.list(instrument, frame, stretch, microsOf(request.at), isAdjusted(request));
        return rows.map((row) => ({ at: row.at, shape: stamped(row.at, bar(row)) }));
      },
      checkTimeframe,
      daysOf,
    ),
    ...historyRoutes('auctions', (shown, stretch, request) => auctions(market, shown, stretch, microsOf(request.at))),
    route('/v2/stocks/meta/exchanges', () => json(200, EXCHANGES)),
    route('/v2/stocks/meta/conditions/:ticktype', ({ params }) =>
      json(200, params['ticktype'] === 'quote' ? QUOTE_CONDITIONS : TRADE_CONDITIONS),
    ),
  ];
}

/** Opening and closing auction of each finished day, on the listing exchange. */
function auctions(market: Market, { instrument, venue }: Shown, stretch: Stretch, now: number) {
  const days = market.bars.list(instrument, { unit: 'day', count: 1 }, stretch, now, false);
  return days.flatMap((row) => {
    const day = newYorkDay(row.at / 1000);
    const window = market.hours.barWindow(instrument.gate, day);
    if (!window || window[1] > now) return [];
    const size = Math.round(row.volume * 0.01);
    const auction = (c: string, price: number, us: number) => ({
      c,
      p: price / 1e9,
      s: size,
      t: timeText(us),
      x: venue.code,
    });
    const shape = {
      d: dayText(day),
      o: [auction('O', row.open, window[0])],
      c: [auction('M', row.close, window[1])],
    };
    return [{ at: row.at, shape }];
  });
}

/** The refusal of a timeframe that Alpaca does not know, or null. */
export function checkTimeframe(request: ApiRequest): ApiAnswer | null {
  const text = request.query.get('timeframe');
  if (text === null || text === '') return refusal(400, null, 'timeframe is required');
  return readTimeframe(text) ? null : refusal(400, null, `invalid timeframe: ${text}`);
}

const route = (path: string, handle: (request: ApiRequest) => ApiAnswer): Route => ({
  method: 'GET',
  path,
  access: 'key',
  host: 'data',
  handle,
});

/** The answer about one symbol that has nothing to show. */
const nothing = (request: ApiRequest, what: string): ApiAnswer =>
  refusal(404, null, `no ${what} found for ${request.params['symbol'] ?? ''}`);

const currency = (request: ApiRequest): { readonly currency?: string } => {
  const asked = request.query.get('currency');
  return asked === null ? {} : { currency: asked };
};

const EXCHANGES = {
  A: 'NYSE American (AMEX)',
  B: 'NASDAQ OMX BX',
  C: 'National Stock Exchange',
  D: 'FINRA ADF',
  N: 'New York Stock Exchange',
  P: 'NYSE Arca',
  Q: 'NASDAQ OMX',
  U: 'OTC Bulletin Board',
  V: 'IEX',
};

const TRADE_CONDITIONS = {
  '@': 'Regular Sale',
  I: 'Odd Lot Trade',
  M: 'Market Center Official Close',
  O: 'Market Center Opening Trade',
};
const QUOTE_CONDITIONS = { R: 'Regular, Two-Sided Open Quote' };
