/**
 * Writing to the journal by those who decide: every change is decided on the newest entry, and told to whoever listens.
 * Must never write what was decided on an older entry: a stale write is decided anew.
 */
import type { Clock } from '../lib/clock.ts';
import type { Failpoints } from '../lib/failpoint.ts';
import type { Applied, Change, Entry, Journal } from './journal.ts';

/** A change without the entry that it is for. */
export type Written = Pick<Change, 'patch' | 'events' | 'legs' | 'spends' | 'stage'>;

/** Whoever listens to what is written. */
interface Listener {
  /** An entry with a new answer is being committed. It may still be decided anew: nobody may be shown it. */
  upcoming(entry: Entry): void;
  /** An entry has changed, after its commit. */
  changed(entry: Entry): void;
}

export class Writer {
  readonly journal: Journal;
  readonly #clock: Clock;
  readonly #failpoints: Failpoints;
  readonly #listener: Listener;

  constructor(journal: Journal, clock: Clock, failpoints: Failpoints, listener: Listener) {
    this.journal = journal;
    this.#clock = clock;
    this.#failpoints = failpoints;
    this.#listener = listener;
  }

  /** Writes one change decided on `entry`. */
  async write(entry: Entry, written: Written): Promise<Applied> {
    const at = this.#clock.now();
    const applying = this.journal.apply([{ seq: entry.seq, rev: entry.rev, at, ...written }]);
    if (written.patch.answer !== undefined)
      this.#listener.upcoming({ ...entry, ...written.patch, version: entry.version + 1, answeredAt: at });
    const [applied] = await applying;
    if (applied === undefined) throw new Error('the journal answered nothing');
    if (applied.kind === 'applied') {
      if (written.stage === 'd5') this.#failpoints.hit('k19-d5-done');
      if (written.stage === 'd7') this.#failpoints.hit('k22-d7-done');
      this.#listener.changed(applied.entry);
    }
    return applied;
  }

  /**
   * Decides on the newest entry and writes, until the write is not stale. `decide` returns null when there is nothing to
   * write. Returns the entry as it stands afterwards.
   */
  async revise(seq: number, decide: (entry: Entry) => Written | null): Promise<Entry> {
    for (;;) {
      const entry = await this.journal.find({ seq });
      if (entry === null) throw new Error(`journal entry ${seq} is missing`);
      const written = decide(entry);
      if (written === null) return entry;
      const applied = await this.write(entry, written);
      if (applied.kind === 'applied') return applied.entry;
      if (applied.kind === 'seen') return entry;
    }
  }
}
