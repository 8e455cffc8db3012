/**
 * Bars over any interval: timeframes as Alpaca writes them, and their bars put together from minutes. Only minutes that
 * are over count, so a bar of the running day is what has happened of it. Must never invent a bar in which nothing traded.
 */
import { type Day, newYorkTime, weekday } from './calendar.ts';
import type { OpeningHours } from './hours.ts';
import type { Instrument } from './instrument.ts';
import { type BarRow, coarseBar, HISTORY_START, join, MINUTE, minuteBar, type Stretch } from './tape.ts';

export type Timeframe =
  | { readonly unit: 'minute'; readonly count: number }
  | { readonly unit: 'day' | 'week' | 'month'; readonly count: number };

const TIMEFRAME = /^(\d{1,2})(Min|T|Hour|H|Day|D|Week|W|Month|M)$/;

/** Reads `5Min`, `1H`, `1Day`, `1W`, `3M`; null for anything that Alpaca refuses (Alpaca docs: historical bars). */
export function readTimeframe(text: string): Timeframe | null {
  const match = TIMEFRAME.exec(text);
  const count = Number(match?.[1]);
  switch (match?.[2]) {
    case 'Min':
    case 'T':
      return count >= 1 && count <= 59 ? { unit: 'minute', count } : null;
    case 'Hour':
    case 'H':
      return count >= 1 && count <= 23 ? { unit: 'minute', count: count * 60 } : null;
    case 'Day':
    case 'D':
      return count === 1 ? { unit: 'day', count } : null;
    case 'Week':
    case 'W':
      return count === 1 ? { unit: 'week', count } : null;
    case 'Month':
    case 'M':
      return [1, 2, 3, 4, 6, 12].includes(count) ? { unit: 'month', count } : null;
    default:
      return null;
  }
}

const MINUTES = { minute: 1, day: 1440, week: 7 * 1440, month: 30 * 1440 } as const;

/** How many bars of a timeframe may be made in one go, so that nobody waits longer than about a second. */
export const barsAtOnce = ({ unit, count }: Timeframe): number => Math.floor(1_500_000 / (MINUTES[unit] * count));

/** Keeps finished daily bars of one market, because each is the sum of a day of minutes. */
export class Bars {
  private readonly hours: OpeningHours;
  private readonly days = new Map<string, BarRow | null>();

  constructor(hours: OpeningHours) {
    this.hours = hours;
  }

  /**
   * The bars of a stretch that are known at `now`, in the stretch's order. `adjusted`: earlier prices are made comparable
   * across splits up to `now`.
   */
  list(instrument: Instrument, frame: Timeframe, stretch: Stretch, now: number, adjusted: boolean): BarRow[] {
    const { gate } = instrument;
    const from = Math.max(stretch.from, HISTORY_START);
    const to = Math.min(stretch.to, now);
    const lastDay = this.hours.dayAt(gate, to);
    const rows: BarRow[] = [];
    let day = periodStart(frame, this.hours.dayAt(gate, from));
    const firstDay = day;
    if (stretch.descending) day = periodStart(frame, lastDay);
    while (stretch.descending ? day >= firstDay : day <= lastDay) {
      const batch =
        frame.unit === 'minute'
          ? this.intraday(instrument, day, frame.count, { ...stretch, from, to }, now, adjusted)
          : this.period(instrument, frame, day, now, adjusted);
      const wanted = batch.filter((bar) => bar.at >= from && bar.at <= to);
      if (stretch.descending) wanted.reverse();
      for (const bar of wanted) {
        rows.push(bar);
        if (rows.length >= stretch.limit) return rows;
      }
      day = stretch.descending ? periodStart(frame, day - 1) : periodEnd(frame, day);
    }
    return rows;
  }

  /**
   * Makes the days that `list` will put its bars together from, in the same order, a day at a time: at most as many as are
   * made in one go. Bars of minutes are not kept, and nothing is made for them.
   */
  *prepare(instrument: Instrument, frame: Timeframe, stretch: Stretch, now: number, adjusted: boolean): Generator<Day> {
    if (frame.unit === 'minute') return;
    const { gate } = instrument;
    const first = periodStart(frame, this.hours.dayAt(gate, Math.max(stretch.from, HISTORY_START)));
    const end = periodEnd(frame, periodStart(frame, this.hours.dayAt(gate, Math.min(stretch.to, now))));
    const last = Math.min(end - 1, this.hours.dayAt(gate, now));
    let left = Math.min(last - first + 1, stretch.limit * (MINUTES[frame.unit] / MINUTES.day) * frame.count);
    for (let n = 0; n <= last - first && left > 0; n++) {
      const day = stretch.descending ? last - n : first + n;
      if (!this.daily(instrument, day, now, adjusted)) continue;
      left--;
      yield day;
    }
  }

  /** The last finished minute that traded, looking back at most a few sessions. */
  latestMinute(instrument: Instrument, now: number): BarRow | null {
    const day = this.hours.dayAt(instrument.gate, now);
    for (let back = 0; back < 6; back++) {
      const window = this.hours.window(trading(instrument), day - back);
      if (!window) continue;
      const end = Math.min(now, window[1]);
      for (let at = Math.floor(end / MINUTE) * MINUTE - MINUTE; at >= window[0]; at -= MINUTE) {
        const bar = minuteBar(instrument, at);
        if (bar) return bar;
      }
    }
    return null;
  }

  /** The bar of the day at `now`, or of the last day that has one, and the bar of the day before it. */
  latestDays(instrument: Instrument, now: number): readonly [latest: BarRow | null, previous: BarRow | null] {
    const found: BarRow[] = [];
    const today = this.hours.dayAt(instrument.gate, now);
    for (let day = today; day > today - 12 && found.length < 2; day--) {
      const bar = this.daily(instrument, day, now, false);
      if (bar) found.push(bar);
    }
    return [found[0] ?? null, found[1] ?? null];
  }

  /** The bar of one calendar day as known at `now`. */
  daily(instrument: Instrument, day: Day, now: number, adjusted: boolean): BarRow | null {
    const window = this.hours.barWindow(instrument.gate, day);
    if (!window || window[0] >= now || window[0] < HISTORY_START) return null;
    const split = adjusted ? instrument.script.splitsBetween(window[0], now) : 1;
    const over = window[1] <= now;
    const key = `${instrument.symbol} ${instrument.script.version} ${day} ${split}`;
    const known = over ? this.days.get(key) : undefined;
    if (known !== undefined) return known;
    const start = dayStart(instrument, day);
    let bar: BarRow | null = null;
    // Options are too many and too dear to value minute by minute: their days are made of quarter hours.
    const step = instrument.kind === 'option' ? 15 : 1;
    const end = Math.min(window[1], now);
    let part: BarRow | null = null;
    for (let at = window[0]; at + MINUTE <= end; at += step * MINUTE) {
      const minutes = Math.min(step, Math.floor((end - at) / MINUTE));
      part = step === 1 ? minuteBar(instrument, at, split, part) : coarseBar(instrument, at, minutes);
      if (part) bar = bar ? join(bar, part) : { ...part, at: start };
    }
    if (over) {
      if (this.days.size > 100_000) this.days.clear();
      this.days.set(key, bar);
    }
    return bar;
  }

  private intraday(
    instrument: Instrument,
    day: Day,
    minutes: number,
    { from, to, limit, descending }: Stretch,
    now: number,
    adjusted: boolean,
  ): BarRow[] {
    const window = this.hours.window(trading(instrument), day);
    if (!window) return [];
    const start = dayStart(instrument, day);
    const length = minutes * MINUTE;
    const bucket = (at: number): number => start + Math.floor((at - start) / length) * length;
    const split = adjusted ? instrument.script.splitsBetween(window[0], now) : 1;
    const rows: BarRow[] = [];
    const end = Math.min(window[1], now, bucket(to) + length);
    let minute: BarRow | null = null;
    for (let at = Math.max(window[0], bucket(from)); at + MINUTE <= end; at += MINUTE) {
      minute = minuteBar(instrument, at, split, minute);
      if (!minute) continue;
      const last = rows.at(-1);
      if (last && last.at === bucket(at)) rows[rows.length - 1] = join(last, minute);
      else if (!descending && rows.length > limit) break;
      else rows.push({ ...minute, at: bucket(at) });
    }
    return rows;
  }

  private period(instrument: Instrument, frame: Timeframe, first: Day, now: number, adjusted: boolean): BarRow[] {
    let bar: BarRow | null = null;
    const end = Math.min(periodEnd(frame, first), this.hours.dayAt(instrument.gate, now) + 1);
    for (let day = first; day < end; day++) {
      const next = this.daily(instrument, day, now, adjusted);
      if (next) bar = bar ? join(bar, next) : { ...next, at: dayStart(instrument, first) };
    }
    return bar ? [bar] : [];
  }
}

/** Minute bars of stocks cover pre-market to after-hours; the nights belong to another venue. */
const trading = (instrument: Instrument): Instrument['gate'] =>
  instrument.gate === 'overnight' ? 'regular' : instrument.gate;

/** Midnight of a day: UTC for coins, New York for everything else. */
const dayStart = (instrument: Instrument, day: Day): number =>
  instrument.gate === 'always' ? day * 86_400_000_000 : newYorkTime(day, 0) * 1000;

/** First day of the period to which a day belongs. Weeks begin on Monday, months in steps from January. */
function periodStart(frame: Timeframe, day: Day): Day {
  if (frame.unit === 'week') return day - ((weekday(day) + 6) % 7);
  if (frame.unit !== 'month') return day;
  const date = new Date(day * 86_400_000);
  const month = Math.floor(date.getUTCMonth() / frame.count) * frame.count;
  return Date.UTC(date.getUTCFullYear(), month, 1) / 86_400_000;
}

/** First day after the period that begins on `first`. */
function periodEnd(frame: Timeframe, first: Day): Day {
  if (frame.unit === 'week') return first + 7;
  if (frame.unit !== 'month') return first + 1;
  const date = new Date(first * 86_400_000);
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + frame.count, 1) / 86_400_000;
}
