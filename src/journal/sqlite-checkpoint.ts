/**
 * When SQLite's log is copied into the database: in a pause, so that no order waits for it. Left to itself SQLite does it
 * inside a commit, every thousand pages, and about one order in a hundred pays for the others. Must never be needed for
 * durability: what is in the log is safe, and a copy that fails is made again.
 */
import type { Database } from 'better-sqlite3';
import type { Clock } from '../lib/clock.ts';

/** No commit for so many milliseconds is a pause. */
const PAUSE_MS = 5;
/** So many writes are worth a copy. Under a load that leaves short pauses it is as rare as SQLite's own would be. */
const WRITES = 400;
/** Without any pause the log is copied inside a commit after all, so that it does not grow for ever: 16 MB. */
const PAGES_AT_MOST = 4000;

export class Checkpoints {
  readonly #db: Database;
  readonly #clock: Clock;
  #writes = 0;
  #off: () => void = () => {};

  constructor(db: Database, clock: Clock) {
    this.#db = db;
    this.#clock = clock;
    db.pragma(`wal_autocheckpoint = ${PAGES_AT_MOST}`);
  }

  /** A commit of so many writes was made. */
  committed(writes: number): void {
    this.#writes += writes;
    this.#off();
    if (this.#writes >= WRITES) this.#off = this.#clock.after(PAUSE_MS, () => this.#copy());
  }

  stop(): void {
    this.#off();
  }

  #copy(): void {
    this.#writes = 0;
    try {
      this.#db.pragma('wal_checkpoint(PASSIVE)');
    } catch {
      // The log still has everything; if the disk is at fault, the next commit fails and ends the process.
    }
  }
}
