/**
 * When each kind of instrument trades, in either way to run the exchange: with the market's hours, or open round the
 * clock. Pure; the memory inside only saves time.
 */
import { type Day, hoursOf, newYorkDay, newYorkTime } from './calendar.ts';

/**
 * `regular`: pre-market to after-hours. `overnight`: the same and the nights between. `option`: the core session.
 * `always`: coins, on UTC days.
 */
export type Gate = 'regular' | 'overnight' | 'option' | 'always';

const DAY_US = 86_400_000_000;
const EVENING = 1200;

type Window = readonly [from: number, until: number];

/** The opening hours by which the whole market goes. Times in microseconds since 1970 UTC. */
export class OpeningHours {
  /** False: everything is open at all times. */
  readonly kept: boolean;
  private readonly memory = new Map<Gate, Window>();

  constructor(kept: boolean) {
    this.kept = kept;
  }

  /** The calendar day of a time: New York's for stocks and options, UTC's for coins. */
  dayAt(gate: Gate, us: number): Day {
    return gate === 'always' ? Math.floor(us / DAY_US) : newYorkDay(us / 1000);
  }

  /** First and last microsecond (exclusive) of trading on a day; null when there is none. */
  window(gate: Gate, day: Day): Window | null {
    if (gate === 'always') return [day * DAY_US, (day + 1) * DAY_US];
    if (!this.kept) return [newYorkTime(day, 0) * 1000, newYorkTime(day + 1, 0) * 1000];
    const hours = hoursOf(day);
    if (!hours) return null;
    if (gate === 'option') return [newYorkTime(day, hours.open) * 1000, newYorkTime(day, hours.close) * 1000];
    const from = gate === 'overnight' ? newYorkTime(day - 1, EVENING) : newYorkTime(day, hours.sessionOpen);
    return [from * 1000, newYorkTime(day, hours.sessionClose) * 1000];
  }

  /** The part of a day that its daily bar covers: the core session of stocks and options. */
  barWindow(gate: Gate, day: Day): Window | null {
    return this.window(gate === 'always' ? 'always' : 'option', day);
  }

  /** The last time up to `us` at which trading was open: `us` itself, or the end of the session before. */
  lastOpen(gate: Gate, us: number): number {
    if (!this.kept || gate === 'always') return us;
    const known = this.memory.get(gate);
    if (known && us >= known[0] && us < known[1]) return us;
    for (let day = this.dayAt(gate, us) + 1; day >= 0; day--) {
      const window = this.window(gate, day);
      if (window && us >= window[0]) {
        if (us < window[1]) {
          this.memory.set(gate, window);
          return us;
        }
        return window[1] - 1;
      }
    }
    return us;
  }
}
