/**
 * Questions that many ask: the same one is on its way once, and its answer is kept for whoever accepts its age. Must
 * never give an answer whose request left before the asker's need, so whoever joins one under way is as well served as by
 * a request of his own.
 */
import type { Outcome } from '../broker/broker.ts';
import { type Moment, meets, type Need } from './moment.ts';

export interface Said<T> {
  readonly value: T;
  /** When the request left that brought it. */
  readonly moment: Moment;
}

/** What an answer took: nothing, waiting for somebody else's request, or a request of its own. */
export type Effort = 'held' | 'joined' | 'asked';

export type Shown<T> = { readonly said: Said<T>; readonly effort: Effort } | { readonly failed: Outcome<T> | null };

/** Asks the broker; calls `leaves` as the request leaves. Null when the tower stops, or nobody waits any more. */
export type Question<T> = (leaves: () => Moment) => Promise<Outcome<T> | null>;

interface Pending<T> {
  /** Null while it waits for the budget: whoever asks now is served by it, whatever he needs. */
  leftAt: Moment | null;
  readonly done: Promise<Shown<T>>;
}

export class Shared<T> {
  readonly #leaves: () => Moment;
  readonly #most: number;
  readonly #held = new Map<string, Said<T>>();
  readonly #pending = new Map<string, Pending<T>[]>();

  /** Keeps the newest answer to each of the `most` questions that were answered last. */
  constructor(leaves: () => Moment, most: number) {
    this.#leaves = leaves;
    this.#most = most;
  }

  /** The newest answer that is kept, however old. */
  peek(key: string): Said<T> | null {
    return this.#held.get(key) ?? null;
  }

  async ask(key: string, need: Need, question: Question<T>): Promise<Shown<T>> {
    const held = this.#held.get(key);
    if (held !== undefined && meets(held.moment, need)) return { said: held, effort: 'held' };
    const under = this.#pending.get(key)?.find(({ leftAt }) => leftAt === null || meets(leftAt, need));
    if (under === undefined) return this.#start(key, question);
    const shown = await under.done;
    return 'said' in shown ? { said: shown.said, effort: 'joined' } : shown;
  }

  #start(key: string, question: Question<T>): Promise<Shown<T>> {
    const all = this.#pending.get(key) ?? [];
    const pending: Pending<T> = {
      leftAt: null,
      done: Promise.resolve()
        .then(() =>
          this.#run(key, question, (moment) => {
            pending.leftAt = moment;
          }),
        )
        .finally(() => {
          all.splice(all.indexOf(pending), 1);
          if (all.length === 0) this.#pending.delete(key);
        }),
    };
    all.push(pending);
    this.#pending.set(key, all);
    return pending.done;
  }

  async #run(key: string, question: Question<T>, left: (moment: Moment) => void): Promise<Shown<T>> {
    let moment: Moment | null = null;
    const outcome = await question(() => {
      moment = this.#leaves();
      left(moment);
      return moment;
    });
    if (outcome?.kind !== 'done' || moment === null) return { failed: outcome };
    const said = { value: outcome.value, moment };
    this.keep(key, said);
    return { said, effort: 'asked' };
  }

  /** Takes in an answer, whoever has asked for it. */
  keep(key: string, said: Said<T>): void {
    const before = this.#held.get(key);
    // A slow answer may come after a later one.
    if (before !== undefined && before.moment.step > said.moment.step) return;
    this.#held.delete(key);
    this.#held.set(key, said);
    const oldest = this.#held.keys().next().value;
    if (this.#held.size > this.#most && oldest !== undefined) this.#held.delete(oldest);
  }
}
