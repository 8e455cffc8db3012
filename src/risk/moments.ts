/**
 * Moments in order, so that those since a moment are counted without being looked at one by one. Pure. A clock that was set
 * back gives moments that are not the newest: each is put where it belongs.
 */

/** What is too old is let go when it is at least so many. */
const WORTH_IT = 1024;

export class Moments {
  #times: number[] = [];

  get isEmpty(): boolean {
    return this.#times.length === 0;
  }

  add(at: number): void {
    const last = this.#times.at(-1);
    if (last === undefined || last <= at) this.#times.push(at);
    else this.#times.splice(this.#after(at), 0, at);
  }

  /** How many are later than `at`. */
  since(at: number): number {
    return this.#times.length - this.#after(at);
  }

  /** The first that is later than `at`; null for none. */
  firstSince(at: number): number | null {
    return this.#times[this.#after(at)] ?? null;
  }

  /** Those up to `at` are not asked for any more. Cheap enough to be said each time. */
  forget(at: number): void {
    const old = this.#after(at);
    if (old === this.#times.length) this.#times = [];
    else if (old >= WORTH_IT && old * 2 >= this.#times.length) this.#times = this.#times.slice(old);
  }

  /** How many are not later than `at`. */
  #after(at: number): number {
    let [from, to] = [0, this.#times.length];
    while (from < to) {
      const middle = (from + to) >> 1;
      if ((this.#times[middle] ?? at) > at) to = middle;
      else from = middle + 1;
    }
    return from;
  }
}
