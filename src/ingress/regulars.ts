/**
 * Which names have a line of their own in the folder that agents share: those that the settings list, and a bounded number of
 * others that have been served for a while. Everybody else is a stranger, and strangers share one line: names cost nothing,
 * so whoever makes up a thousand of them must not get a thousand turns. Must never let a stranger take the place of somebody
 * who uses his.
 */
import type { Clock } from '../lib/clock.ts';
import type { AgentId } from '../order/name.ts';

/** Served again so long after the first time, a name is no stranger any more. */
const TRIED_MS = 10_000;
/** Names that are not listed and have a line of their own, at most. */
const MOST = 64;
/** Not served for so long, it gives its place up to the next. */
const IDLE_MS = 3_600_000;
/** Strangers whose first time is remembered; the oldest are forgotten first. */
const MOST_STRANGERS = 4096;

export class Regulars {
  readonly #clock: Clock;
  readonly #isListed: (agent: string) => boolean;
  /** Name → when it was served last; the first of the map is idle for longest. */
  readonly #regulars = new Map<AgentId, number>();
  /** Name → when it was served first. */
  readonly #strangers = new Map<AgentId, number>();

  constructor(clock: Clock, isListed: (agent: string) => boolean) {
    this.#clock = clock;
    this.#isListed = isListed;
  }

  has(agent: AgentId): boolean {
    return this.#isListed(agent) || this.#regulars.has(agent);
  }

  /** A file under this name was taken. */
  served(agent: AgentId): void {
    if (this.#isListed(agent)) return;
    const now = this.#clock.monotonic();
    if (this.#regulars.delete(agent)) {
      this.#regulars.set(agent, now);
      return;
    }
    const since = this.#strangers.get(agent);
    if (since === undefined) this.#meet(agent, now);
    else if (now - since >= TRIED_MS && this.#hasRoom(now)) {
      this.#strangers.delete(agent);
      this.#regulars.set(agent, now);
    }
  }

  #meet(agent: AgentId, now: number): void {
    this.#strangers.set(agent, now);
    const [oldest] = this.#strangers.keys();
    if (this.#strangers.size > MOST_STRANGERS && oldest !== undefined) this.#strangers.delete(oldest);
  }

  #hasRoom(now: number): boolean {
    if (this.#regulars.size < MOST) return true;
    const [idle] = this.#regulars;
    return idle !== undefined && now - idle[1] > IDLE_MS && this.#regulars.delete(idle[0]);
  }
}
