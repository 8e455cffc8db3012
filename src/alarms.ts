/**
 * What is told unasked about orders that are in order: an order that waits for days, an agent that cancels without end. Must
 * never hold anything up, nor tell one agent of another.
 */
import { requestOf } from './admit.ts';
import type { Notices } from './ingress/notices.ts';
import type { Entry } from './journal/journal.ts';
import type { Clock } from './lib/clock.ts';
import { isTrade } from './order/request.ts';
import { waitsForDays } from './risk/hours.ts';
import type { LimitRules } from './risk/limits.ts';
import { sessionOf } from './risk/measure.ts';

export interface AlarmOptions {
  readonly clock: Clock;
  readonly limits: LimitRules;
  /** Told to the owner. */
  notice(level: 'warn', text: string, remedy: string): void;
  /** Told to agents, as long as it holds. */
  readonly told: Pick<Notices, 'tell' | 'drop'>;
}

const MINUTE_MS = 60_000;

export class Alarms {
  readonly #o: AlarmOptions;
  /** When each agent has cancelled in the last minute (monotonic), and when the owner was last told of it. */
  readonly #cancels = new Map<string, { times: number[]; toldAt: number }>();
  /** Orders that wait for days, and whose agents know it. */
  readonly #waiting = new Set<number>();

  constructor(options: AlarmOptions) {
    this.#o = options;
  }

  /** A request was taken in. */
  taken(entry: Entry): void {
    const most = this.#o.limits.cancelsAlarm;
    if (entry.type !== 'cancelorder' || most === null) return;
    const now = this.#o.clock.monotonic();
    const own = this.#cancels.get(entry.agent) ?? { times: [], toldAt: Number.NEGATIVE_INFINITY };
    own.times = own.times.filter((at) => at > now - MINUTE_MS).slice(-most);
    own.times.push(now);
    this.#cancels.set(entry.agent, own);
    for (const [agent, { times }] of this.#cancels)
      if ((times.at(-1) ?? 0) <= now - MINUTE_MS) this.#cancels.delete(agent);
    if (own.times.length <= most || now - own.toldAt < MINUTE_MS) return;
    own.toldAt = now;
    this.#o.notice(
      'warn',
      `agent ${entry.agent} has sent more than ${most} cancels within a minute`,
      `look at what it does; tower halt --agent ${entry.agent} stops its orders, cancels always pass (limits.cancels_alarm)`,
    );
  }

  /** A request has changed. Alpaca accepts what it does not route yet, since the market is closed (Alpaca docs: orders). */
  changed(entry: Entry): void {
    const isAccepted = entry.state === 'working' && entry.brokerStatus === 'accepted';
    const key = `market_closed:${entry.clientOrderId}`;
    if (this.#waiting.has(entry.seq)) {
      if (!isAccepted && this.#waiting.delete(entry.seq)) this.#o.told.drop(entry.agent, key);
      return;
    }
    if (!isAccepted || this.#o.limits.marketClosed !== 'warn') return;
    const now = this.#o.clock.now();
    // What needs no request comes first: at night every order is accepted like that.
    const request = waitsForDays('regular', now) ? requestOf(entry) : null;
    if (request === null || !isTrade(request) || !waitsForDays(sessionOf(request), now)) return;
    this.#waiting.add(entry.seq);
    const text = `${entry.clientOrderId} waits for the market, which is closed for two days or more`;
    this.#o.notice('warn', text, 'cancel it when it is not meant to trade then');
    this.#o.told.tell(entry.agent, key, {
      code: 'market_closed',
      file: null,
      message: text,
      hint: 'Cancel it if it shall not trade then.',
    });
  }
}
