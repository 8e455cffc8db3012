/**
 * Crypto data over REST (Alpaca docs: /v1beta3/crypto). Needs no key. Pairs are written with their slash.
 */
import { readTimeframe } from '../market/bars.ts';
import type { Instrument } from '../market/instrument.ts';
import type { Market } from '../market/market.ts';
import { quotes, type Stretch, trades } from '../market/tape.ts';
import { checkPair, microsOf, page, pageQuery, type Read, rowsAtOnce, symbolsOf } from './data-query.ts';
import { checkTimeframe } from './data-stocks.ts';
import { bar, cryptoQuote, cryptoTrade, orderbook, stamped } from './data-wire.ts';
import { type ApiAnswer, type ApiRequest, json, type Route, refusal } from './route.ts';

const LOCATIONS = ['us', 'us-1', 'us-2', 'eu-1', 'bs-1'];
const DAY_US = 86_400_000_000;

export function cryptoRoutes(market: Market): Route[] {
  const shown = (request: ApiRequest): Read<ReadonlyMap<string, Instrument>> => {
    const loc = request.params['loc'] ?? '';
    if (!LOCATIONS.includes(loc)) return { refused: refusal(400, null, `invalid location: ${loc}`) };
    const symbols = symbolsOf(request, checkPair);
    if ('refused' in symbols) return symbols;
    return {
      value: new Map(
        symbols.value.flatMap((symbol) => {
          const instrument = market.instrument(symbol);
          return instrument ? [[symbol, instrument] as const] : [];
        }),
      ),
    };
  };

  const latest = (path: string, key: string, row: (instrument: Instrument, at: bigint) => object | null): Route =>
    route(path, (request) => {
      const read = shown(request);
      if ('refused' in read) return read.refused;
      const rows = [...read.value].flatMap(([symbol, instrument]) => {
        const value = row(instrument, request.at);
        return value ? [[symbol, value] as const] : [];
      });
      return json(200, { [key]: Object.fromEntries(rows) });
    });

  const history = (
    name: string,
    list: (
      instrument: Instrument,
      stretch: Stretch,
      request: ApiRequest,
    ) => readonly { readonly at: number; readonly shape: object }[],
    check: (request: ApiRequest) => ApiAnswer | null = () => null,
  ): Route =>
    route(`/v1beta3/crypto/:loc/${name}`, (request) => {
      const read = shown(request);
      if ('refused' in read) return read.refused;
      const refused = check(request);
      if (refused) return refused;
      const now = microsOf(request.at);
      const query = pageQuery(request, [...read.value.keys()], Math.floor(now / DAY_US) * DAY_US, now);
      if ('refused' in query) return query.refused;
      const { rows, next } = page(
        query.value,
        (symbol, stretch) => {
          const instrument = read.value.get(symbol);
          return instrument ? list(instrument, stretch, request) : [];
        },
        rowsAtOnce(request),
      );
      const lists = [...rows].map(([symbol, found]) => [symbol, found.map((row) => row.shape)] as const);
      return json(200, { [name]: Object.fromEntries(lists), next_page_token: next });
    });

  const { hours } = market;
  const quoteJson = ({ symbol }: Instrument, at: bigint) => {
    const row = market.quoteRow(symbol, at);
    return row && stamped(row.at, cryptoQuote(row));
  };
  const tradeJson = ({ symbol }: Instrument, at: bigint) => {
    const row = market.tradeRow(symbol, at);
    return row && stamped(row.at, cryptoTrade(row));
  };
  const barJson = (instrument: Instrument, at: bigint) => {
    const row = market.bars.latestMinute(instrument, microsOf(at));
    return row && stamped(row.at, bar(row));
  };
  const bookJson = (instrument: Instrument, at: bigint) => {
    const row = market.quoteRow(instrument.symbol, at);
    return row && stamped(row.at, orderbook(row, instrument.step(row.ask / 1e9)));
  };
  const snapshotJson = (instrument: Instrument, at: bigint) => {
    const [day, previous] = market.bars.latestDays(instrument, microsOf(at));
    return {
      dailyBar: day && stamped(day.at, bar(day)),
      latestQuote: quoteJson(instrument, at),
      latestTrade: tradeJson(instrument, at),
      minuteBar: barJson(instrument, at),
      prevDailyBar: previous && stamped(previous.at, bar(previous)),
    };
  };

  return [
    latest('/v1beta3/crypto/:loc/latest/quotes', 'quotes', quoteJson),
    latest('/v1beta3/crypto/:loc/latest/trades', 'trades', tradeJson),
    latest('/v1beta3/crypto/:loc/latest/bars', 'bars', barJson),
    latest('/v1beta3/crypto/:loc/latest/orderbooks', 'orderbooks', bookJson),
    latest('/v1beta3/crypto/:loc/snapshots', 'snapshots', snapshotJson),
    history('quotes', (instrument, stretch) =>
      quotes(instrument, hours, stretch).map((row) => ({ at: row.at, shape: stamped(row.at, cryptoQuote(row)) })),
    ),
    history('trades', (instrument, stretch) =>
      trades(instrument, hours, stretch).map((row) => ({ at: row.at, shape: stamped(row.at, cryptoTrade(row)) })),
    ),
    history(
      'bars',
      (instrument, stretch, request) => {
        const frame = readTimeframe(request.query.get('timeframe') ?? '');
        if (!frame) return [];
        const rows = market.bars.list(instrument, frame, stretch, microsOf(request.at), false);
        return rows.map((row) => ({ at: row.at, shape: stamped(row.at, bar(row)) }));
      },
      checkTimeframe,
    ),
  ];
}

const route = (path: string, handle: (request: ApiRequest) => ApiAnswer): Route => ({
  method: 'GET',
  path,
  access: 'open',
  host: 'data',
  handle,
});
