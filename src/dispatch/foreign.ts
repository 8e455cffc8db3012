/**
 * Tells people that another program spends the account's requests. The budget yields to it by itself; must never hold
 * anything up.
 */
import type { Host } from '../journal/journal.ts';
import type { Clock } from '../lib/clock.ts';
import type { Mode } from '../order/name.ts';
import type { Desk } from './desk.ts';

/** Requests that are worth a word, as a share of the limit and at least so many: below it may be a miscount. */
const SHARE = 0.05;
const LEAST = 5;
const AGAIN_MS = 600_000;

export class ForeignTraffic {
  readonly #mode: Mode;
  readonly #clock: Clock;
  readonly #notice: Desk['notice'];
  readonly #toldAt = new Map<Host, number>();

  constructor(mode: Mode, clock: Clock, notice: Desk['notice']) {
    this.#mode = mode;
    this.#clock = clock;
    this.#notice = notice;
  }

  /** So many requests were counted by a host and not made here. */
  heard(host: Host, count: number, perMinute: number): void {
    if (count <= Math.max(LEAST, SHARE * perMinute)) return;
    const now = this.#clock.monotonic();
    if (now < (this.#toldAt.get(host) ?? Number.NEGATIVE_INFINITY) + AGAIN_MS) return;
    this.#toldAt.set(host, now);
    const setting = host === 'trading' ? 'budget.per_minute' : 'budget.data_per_minute';
    this.#notice(
      'warn',
      `foreign traffic: another program spends the ${host} requests of the ${this.#mode} account, at least ${count} in this minute; the tower yields to it`,
      `give the other program an account of its own, or lower ${setting}`,
    );
  }
}
