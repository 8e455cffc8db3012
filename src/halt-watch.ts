/**
 * The tower's side of a halt: notices that one has come or gone, says so to who waits for it, has what it concerns refused
 * or cancelled, and journals who did it. Must never be what holds an order back: that is looked up in the folder itself,
 * before each first byte.
 */
import { describeScope, type Halt, type Haltable, haltAgainst, haltName } from './halt/halt.ts';
import type { Halts } from './halt/halts.ts';
import type { Entry, Journal } from './journal/journal.ts';
import { type Clock, isoMicros } from './lib/clock.ts';

export interface HaltWatchOptions {
  readonly halts: Halts;
  readonly journal: Journal;
  readonly clock: Clock;
  notice(level: 'info' | 'warn' | 'error', text: string, remedy: string): void;
  /** Halts are new, or the tower has just started with them. */
  concern(halts: readonly Halt[]): Promise<void>;
  /** Orders that have left and are not answered. */
  onTheirWay(): readonly Haltable[];
  fatal(error: unknown): void;
}

/** How soon it is told that fewer are on their way: somebody waits for it at a terminal. */
const COUNT_AGAIN_MS = 10;

/** The halts of the journal: what it was told of those that stand, by the name of their file. */
const FACT = 'halts';

export class HaltWatch {
  readonly #o: HaltWatchOptions;
  #known: readonly Halt[] = [];
  #names = '';
  #counted = 0;
  #stopCounting = (): void => {};
  #work: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(options: HaltWatchOptions) {
    this.#o = options;
  }

  /** As last noticed: for people, and to cancel what comes to light later. */
  get known(): readonly Halt[] {
    return this.#known;
  }

  start(): void {
    this.#o.halts.watch(() => this.#look());
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#o.halts.stop();
    this.#stopCounting();
    await this.#work.catch(() => {});
  }

  #look(): void {
    if (this.#stopped) return;
    const { halts } = this.#o;
    const state = halts.state();
    if (state.kind === 'unreadable') return;
    const names = JSON.stringify(state.halts.map(({ name }) => name).sort());
    if (state.halts.length > 0 || names !== this.#names) this.#acknowledge(state.halts, names);
    if (names === this.#names && !state.notes) return;
    this.#names = names;
    const before = this.#known;
    this.#known = state.halts;
    const fresh = state.halts.filter(({ name }) => !before.some((one) => one.name === name));
    for (const halt of fresh) {
      const who = `${halt.by === null ? '' : ` by ${halt.by}`}${halt.reason === null ? '' : `: ${halt.reason}`}`;
      this.#o.notice('warn', `${words(halt)}${who}`, 'tower resume ends it');
    }
    for (const halt of before) {
      if (!state.halts.some(({ name }) => name === halt.name))
        this.#o.notice('info', `${describeScope(halt.scope)} is resumed`, '');
    }
    this.#work = this.#work
      .then(async () => {
        if (fresh.length > 0) await this.#o.concern(state.halts);
        await this.#journal(state.halts);
      })
      .catch((error: unknown) => {
        if (!this.#stopped) this.#o.fatal(error);
      });
  }

  /** The throttle has struck: only a person lets the agent go on. */
  runaway(entry: Entry): void {
    const reason = entry.answer !== null && 'error' in entry.answer ? entry.answer.error.message.slice(0, 200) : '';
    try {
      this.#o.halts.put(
        haltName({ kind: 'agent', agent: entry.agent }),
        JSON.stringify({ by: 'the tower', at: isoMicros(this.#o.clock.now()), reason }),
      );
    } catch (error) {
      if (!(error instanceof Error && 'code' in error)) throw error;
      const text = `agent ${entry.agent} has run away, and no file can be made to halt it`;
      this.#o.notice('error', text, `tower halt --agent ${entry.agent} --hard`);
    }
  }

  /**
   * Says what was seen, and how many of the orders that it concerns are on their way. An order passes its last look and is
   * written to its connection in one turn, so whatever is not counted here either was answered or will not leave.
   */
  #acknowledge(standing: readonly Halt[], names: string): void {
    const { halts, clock } = this.#o;
    this.#stopCounting();
    const count = this.#onTheirWay(standing);
    this.#counted = count;
    try {
      halts.acknowledge(`{"at":"${isoMicros(clock.now())}","halts":${names},"on_their_way":${count}}\n`);
    } catch (error) {
      // A disk that takes no byte must not keep the halt from holding.
      if (!(error instanceof Error && 'code' in error)) throw error;
    }
    if (count > 0) this.#stopCounting = clock.after(COUNT_AGAIN_MS, () => this.#countAgain(standing, names));
  }

  #onTheirWay(standing: readonly Halt[]): number {
    return this.#o.onTheirWay().filter((order) => haltAgainst(standing, order) !== null).length;
  }

  /** Whoever halts waits for the answers to what had left before. */
  #countAgain(standing: readonly Halt[], names: string): void {
    if (this.#stopped) return;
    const count = this.#onTheirWay(standing);
    if (count !== this.#counted) this.#acknowledge(standing, names);
    else this.#stopCounting = this.#o.clock.after(COUNT_AGAIN_MS, () => this.#countAgain(standing, names));
  }

  async #journal(halts: readonly Halt[]): Promise<void> {
    const { journal, clock } = this.#o;
    const known: Record<string, unknown> = JSON.parse((await journal.fact(FACT)) ?? '{}');
    const at = isoMicros(clock.now());
    for (const halt of halts) {
      if (Object.hasOwn(known, halt.name)) continue;
      known[halt.name] = { by: halt.by, at: halt.at, reason: halt.reason };
      const detail = JSON.stringify({ halt: halt.name, by: halt.by, at: halt.at ?? at, reason: halt.reason });
      await journal.setFact(FACT, JSON.stringify(known), { kind: 'halt', detail });
    }
    const notes = this.#notes();
    for (const name of Object.keys(known)) {
      if (halts.some((halt) => halt.name === name)) continue;
      delete known[name];
      if (notes.some(({ text }) => text.includes(JSON.stringify(name)))) continue;
      const detail = JSON.stringify({ resumes: [name], by: null, at, reason: null });
      await journal.setFact(FACT, JSON.stringify(known), { kind: 'resume', detail });
    }
    for (const { name, text } of notes) {
      await journal.setFact(FACT, JSON.stringify(known), {
        kind: 'resume',
        key: `resume:${name}`,
        detail: text.trim(),
      });
      this.#forget(name);
    }
  }

  #notes(): ReturnType<Halts['resumes']> {
    try {
      return this.#o.halts.resumes();
    } catch (error) {
      if (!(error instanceof Error && 'code' in error)) throw error;
      return [];
    }
  }

  #forget(name: string): void {
    try {
      this.#o.halts.forget(name);
    } catch (error) {
      if (!(error instanceof Error && 'code' in error)) throw error;
    }
  }
}

const words = (halt: Halt): string =>
  `${describeScope(halt.scope)} ${halt.reduceOnly ? 'may only reduce positions' : 'is halted'}${halt.cancels ? ', open orders are cancelled' : ''}`;
