/**
 * The halts in force, read from their folder whenever somebody asks: the folder is the truth, and looking costs a few
 * microseconds. Must never answer from memory of an earlier turn of the event loop, and never take a folder that it cannot read for one without halts.
 */
import type { Clock } from '../lib/clock.ts';
import { dirEntry, type Files } from '../lib/files.ts';
import { HALT_FILE, HALT_FOLDER, type Halt, type Haltable, haltAgainst, haltOf } from './halt.ts';

/** `unreadable`: whether anything is halted cannot be told now; nothing may be sent, and nothing is refused. */
export type HaltState =
  | {
      readonly kind: 'known';
      readonly halts: readonly Halt[] /** Notes of resumes that lie there. */;
      readonly notes: boolean;
    }
  | { readonly kind: 'unreadable'; readonly reason: string };

const MAX_BYTES = 4096;
const POLL_MS = 500;
/** Where the tower says which halts it has seen. */
export const ACKNOWLEDGED = 'data/halt.seen';
/** Notes of resumes, for the journal: hidden names, which are no halts. */
export const RESUMED_PREFIX = '.resumed-';

export class Halts {
  readonly #files: Files;
  readonly #clock: Clock;
  readonly #read = new Map<string, Halt>();
  #offs: (() => void)[] = [];
  /** What was seen in this turn of the event loop. */
  #lately: HaltState | null = null;
  #stopped = false;

  constructor(files: Files, clock: Clock) {
    this.#files = files;
    this.#clock = clock;
  }

  /** Looks. Throws only what is no fault of the disk. */
  state(): HaltState {
    const state = this.#look();
    if (this.#lately !== null) this.#lately = state;
    return state;
  }

  #look(): HaltState {
    let names: string[];
    let notes: boolean;
    try {
      const all = this.#files.list(HALT_FOLDER).map(({ name }) => name);
      names = all.filter((name) => !name.startsWith('.'));
      notes = names.length < all.length && all.some((name) => name.startsWith(RESUMED_PREFIX));
      if (this.#files.exists(HALT_FILE)) names.push(HALT_FILE);
    } catch (error) {
      if (!(error instanceof Error && 'code' in error)) throw error;
      return { kind: 'unreadable', reason: `${HALT_FOLDER} cannot be read (${String(error.code)})` };
    }
    if (names.length === 0) {
      this.#read.clear();
      return { kind: 'known', halts: [], notes };
    }
    for (const name of this.#read.keys()) if (!names.includes(name)) this.#read.delete(name);
    return { kind: 'known', halts: names.map((name) => this.#one(name)), notes };
  }

  /** What holds an order back now: a halt, `unreadable`, or null. */
  against(order: Haltable): Halt | 'unreadable' | null {
    return this.#against(this.state(), order);
  }

  /**
   * The same, with one look for all that is asked within a turn of the event loop: for whoever only spares an order the
   * way to its sending. Before a byte leaves, `against` is asked.
   */
  lately(order: Haltable): Halt | 'unreadable' | null {
    if (this.#lately === null) {
      this.#lately = this.#look();
      this.#clock.after(0, () => {
        this.#lately = null;
      });
    }
    return this.#against(this.#lately, order);
  }

  #against(state: HaltState, order: Haltable): Halt | 'unreadable' | null {
    return state.kind === 'unreadable' ? 'unreadable' : haltAgainst(state.halts, order);
  }

  /** The name has said all that matters: what else is in the file is read once it is there, and may be missing. */
  #one(name: string): Halt {
    const known = this.#read.get(name);
    if (known !== undefined) return known;
    let text: string | null = null;
    try {
      const peek = name === HALT_FILE ? null : this.#files.peek(HALT_FOLDER, dirEntry(name), MAX_BYTES);
      text = peek?.kind === 'file' ? Buffer.from(peek.bytes).toString('utf8') : null;
    } catch (error) {
      if (!(error instanceof Error && 'code' in error)) throw error;
    }
    const halt = haltOf(name, text);
    if (halt.at !== null) this.#read.set(name, halt);
    return halt;
  }

  /** Notes of resumes that nobody has journaled yet: name and text. */
  resumes(): readonly { readonly name: string; readonly text: string }[] {
    return this.#files
      .list(HALT_FOLDER)
      .filter(({ name }) => name.startsWith(RESUMED_PREFIX))
      .flatMap((entry) => {
        const peek = this.#files.peek(HALT_FOLDER, entry, MAX_BYTES);
        return peek.kind === 'file' ? [{ name: entry.name, text: Buffer.from(peek.bytes).toString('utf8') }] : [];
      });
  }

  forget(resume: string): void {
    this.#files.remove(`${HALT_FOLDER}/${resume}`);
  }

  /** Halts, unless there is such a halt already. */
  put(name: string, text: string): void {
    if (!this.#files.exists(`${HALT_FOLDER}/${name}`)) this.#files.stamp(`${HALT_FOLDER}/${name}`, text);
  }

  /** Says which halts were seen, in a file of fixed size that needs no space on the disk. */
  acknowledge(text: string): void {
    this.#files.stamp(ACKNOWLEDGED, text);
  }

  /** Calls `changed` when the folder has changed, soon after it did. */
  watch(changed: () => void): void {
    this.#offs.push(this.#watched(changed));
    const turn = (): void => {
      if (this.#stopped) return;
      changed();
      this.#offs[1] = this.#clock.after(POLL_MS, turn);
    };
    turn();
  }

  /** Where no watch is to be had, the looks from time to time and the one before each order are enough. */
  #watched(changed: () => void): () => void {
    try {
      return this.#files.watch(HALT_FOLDER, changed);
    } catch (error) {
      if (!(error instanceof Error && 'code' in error)) throw error;
      return () => {};
    }
  }

  stop(): void {
    this.#stopped = true;
    for (const off of this.#offs) off();
    this.#offs = [];
  }
}
