/**
 * Clock and calendar of the trading host, in their older and newer form (Alpaca docs: /v2 and /v3 clock and calendar).
 * An exchange that is open round the clock says that it is open; the calendar is that of the US markets either way.
 */
import {
  type Day,
  dayText,
  FIRST_DAY,
  type Hours,
  hoursOf,
  LAST_DAY,
  newYorkDay,
  newYorkText,
  newYorkTime,
  nextClose,
  nextOpen,
  phaseAt,
  settlementDay,
} from '../market/calendar.ts';
import type { Market } from '../market/market.ts';
import { microsOf, type Read, readTime } from './data-query.ts';
import { timeText } from './data-wire.ts';
import { type ApiAnswer, type ApiRequest, json, type Route, refusal } from './route.ts';

const clockTime = (minutes: number, separator: string): string =>
  `${String(Math.floor(minutes / 60)).padStart(2, '0')}${separator}${String(minutes % 60).padStart(2, '0')}`;

/** New York time of an instant, with its fraction of a second. */
function stampText(at: bigint): string {
  const fraction = String(at % 1_000_000_000n)
    .padStart(9, '0')
    .replace(/0+$/, '');
  return newYorkText(Number(at / 1_000_000n), fraction === '' ? '' : `.${fraction}`);
}

/** A day of the query, also given as a time; `fallback` when absent. */
function dayParameter(query: URLSearchParams, name: string, fallback: Day): Read<Day> {
  const text = query.get(name);
  if (text === null || text === '') return { value: fallback };
  const us = readTime(text);
  if (us === null) return { refused: refusal(400, 40010000, `invalid ${name}: ${text} is not YYYY-MM-DD`) };
  return { value: Math.floor(us / 86_400_000_000) };
}

function* tradingDays(from: Day, to: Day): Generator<readonly [Day, Hours]> {
  for (let day = Math.max(from, FIRST_DAY); day <= Math.min(to, LAST_DAY); day++) {
    const hours = hoursOf(day);
    if (hours) yield [day, hours];
  }
}

export function calendarRoutes(market: Market): Route[] {
  return [
    route('/v2/clock', ({ at }) => {
      const ms = microsOf(at) / 1000;
      return json(200, {
        timestamp: stampText(at),
        is_open: market.session(at) === 'core',
        next_open: newYorkText(nextOpen(ms)),
        next_close: newYorkText(nextClose(ms)),
      });
    }),
    route('/v2/calendar', ({ query }) => {
      const from = dayParameter(query, 'start', FIRST_DAY);
      if ('refused' in from) return from.refused;
      const to = dayParameter(query, 'end', LAST_DAY);
      if ('refused' in to) return to.refused;
      const settlement = query.get('date_type')?.toUpperCase() === 'SETTLEMENT';
      const rows: object[] = [];
      for (const [day, hours] of tradingDays(settlement ? from.value - 10 : from.value, to.value)) {
        const settled = settlementDay(day);
        if (settlement && (settled < from.value || settled > to.value)) continue;
        rows.push({
          date: dayText(day),
          open: clockTime(hours.open, ':'),
          close: clockTime(hours.close, ':'),
          session_open: clockTime(hours.sessionOpen, ''),
          session_close: clockTime(hours.sessionClose, ''),
          settlement_date: dayText(settled),
        });
      }
      return json(200, rows);
    }),
    route('/v3/clock', (request) => clockV3(market, request)),
    route('/v3/calendar/:market', (request) => calendarV3(request)),
  ];
}

function clockV3(market: Market, { query, at }: ApiRequest): ApiAnswer {
  const text = query.get('time');
  const us = text ? readTime(text.replace(/ (\d{2}:?\d{2})$/, '+$1')) : microsOf(at);
  if (us === null) return refusal(400, 40010000, `invalid time: ${text} is not RFC 3339`);
  const names = (query.get('markets') || 'NYSE').split(',').map((name) => name.trim().toUpperCase());
  const unknown = names.find((name) => !MARKETS.has(name));
  if (unknown !== undefined) return refusal(400, 40010000, `invalid market: ${unknown}`);
  const ms = us / 1000;
  const { phase, until } = phaseAt(ms);
  const open = market.session(BigInt(us) * 1000n) === 'core';
  return json(200, {
    clocks: names.map((name) => ({
      market: MARKETS.get(name),
      timestamp: text ? newYorkText(ms) : stampText(at),
      is_market_day: !market.keepsHours || hoursOf(newYorkDay(ms)) !== null,
      next_market_open: newYorkText(nextOpen(ms)),
      next_market_close: newYorkText(nextClose(ms)),
      phase: shownPhase(open, phase),
      phase_until: newYorkText(open && phase !== 'core' ? nextClose(ms) : until),
    })),
  });
}

/** The newer clock knows no nights: they are closed. */
function shownPhase(open: boolean, phase: string): string {
  if (open) return 'core';
  return phase === 'overnight' ? 'closed' : phase;
}

function calendarV3({ params, query, at }: ApiRequest): ApiAnswer {
  const name = (params['market'] ?? '').toUpperCase();
  const market = MARKETS.get(name);
  if (!market) return refusal(400, 40010000, `invalid market: ${params['market']}`);
  const from = dayParameter(query, 'start', newYorkDay(microsOf(at) / 1000));
  if ('refused' in from) return from.refused;
  const to = dayParameter(query, 'end', from.value + 7);
  if ('refused' in to) return to.refused;
  const utc = query.get('timezone') === 'UTC';
  const time = (day: Day, minutes: number): string => {
    const ms = newYorkTime(day, minutes);
    return utc ? timeText(ms * 1000) : newYorkText(ms);
  };
  const calendar = [...tradingDays(from.value, to.value)].map(([day, hours]) => ({
    date: dayText(day),
    core_start: time(day, hours.open),
    core_end: time(day, hours.close),
    pre_start: time(day, hours.sessionOpen),
    pre_end: time(day, hours.open),
    post_start: time(day, hours.close),
    post_end: time(day, hours.sessionClose),
    settlement_date: dayText(settlementDay(day)),
  }));
  return json(200, { market, calendar });
}

/** The US markets, by any of their names. They share one calendar here. */
const MARKETS: ReadonlyMap<string, object> = new Map(
  [
    ['NYSE', 'XNYS', 'New York Stock Exchange'],
    ['NASDAQ', 'XNAS', 'NASDAQ'],
    ['IEX', 'IEXG', 'Investors Exchange'],
    ['BOATS', 'OCEA', 'Blue Ocean ATS'],
    ['OPRA', 'OPRA', 'Options Price Reporting Authority'],
    ['OTC', 'OTCM', 'OTC Markets'],
  ].flatMap(([acronym = '', mic = '', name]) => {
    const market = { acronym, mic, name, timezone: 'America/New_York' };
    return [acronym, mic].map((key) => [key, market] as const);
  }),
);

const route = (path: string, handle: (request: ApiRequest) => ApiAnswer): Route => ({
  method: 'GET',
  path,
  access: 'key',
  host: 'trading',
  handle,
});
