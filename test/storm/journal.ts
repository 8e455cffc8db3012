/**
 * The real journal on a database in memory that outlives the tower's runs; crashes and I/O errors strike at its commits.
 * Must never roll back what a commit has returned for, except when the storm says that the journal itself was lost.
 */
import Sqlite, { type Database, type Statement } from 'better-sqlite3';
import type { Journal } from '../../src/journal/journal.ts';
import { SqliteJournal } from '../../src/journal/sqlite.ts';
import { chance, type Random, seededRandom } from '../../src/lib/random.ts';
import { Injected, type Life } from './life.ts';

export class JournalBox {
  #db: Database = new Sqlite(':memory:');
  #copy: Buffer | null = null;

  /** For the oracle, which reads with its own statements. */
  get db(): Database {
    return this.#db;
  }

  get hasCopy(): boolean {
    return this.#copy !== null;
  }

  /**
   * Commits of migrations draw from a stream of their own, and count as one call together: one migration more must not
   * change what happens to the seeds.
   */
  open(life: Life, random: Random, faults: () => number, storm: Random): Journal {
    const phase: Phase = { draws: seededRandom(`migrations:${life.n}`), isCounted: false };
    life.call('open');
    const journal = new SqliteJournal(guarded(this.#db, life, faults, phase), {
      file: ':memory:',
      clock: life.clock,
      random,
      failpoints: life.failpoints,
    });
    phase.draws = storm;
    phase.isCounted = true;
    return journal;
  }

  /** Keeps a copy as it is now, as a backup would. */
  backUp(): void {
    this.#copy = this.#db.serialize();
  }

  /** With its copies: a copy of the journal before last would be news to nobody. */
  lose(): void {
    this.#copy = null;
    this.#db.close();
    this.#db = new Sqlite(':memory:');
  }

  restore(): void {
    if (this.#copy === null) throw new RangeError('no copy was made');
    this.#db.close();
    this.#db = new Sqlite(this.#copy);
  }

  close(): void {
    this.#db.close();
  }
}

/** Whether the journal is being opened, or in use. */
interface Phase {
  draws: Random;
  /** Its commits count as calls to a port. */
  isCounted: boolean;
}

const known = new WeakMap<Database, Map<string, Statement>>();

/** Compiled once for a database, whoever asks: a run of the tower keeps nothing in a statement. */
export function statement(db: Database, sql: string): Statement {
  let ofDb = known.get(db);
  if (ofDb === undefined) {
    ofDb = new Map();
    known.set(db, ofDb);
  }
  let compiled = ofDb.get(sql);
  if (compiled === undefined) {
    compiled = db.prepare(sql);
    ofDb.set(sql, compiled);
  }
  return compiled;
}

/** The database as one run sees it: what the journal uses, and nothing else. */
function guarded(db: Database, life: Life, faults: () => number, phase: Phase): Database {
  const seen = {
    pragma: (text: string, options?: { simple: boolean }) => db.pragma(text, options),
    exec: (sql: string) => db.exec(sql),
    prepare: (sql: string) => statement(db, sql),
    transaction(work: (...args: unknown[]) => unknown) {
      const real = db.transaction(work);
      return {
        immediate(...args: unknown[]) {
          if (phase.isCounted) life.call('commit');
          const fault = faults() > 0 && chance(phase.draws, faults());
          // A failed commit may be on disk all the same.
          if (fault && chance(phase.draws, 0.5)) throw new Injected('SQLITE_IOERR', 'commit');
          const result = real.immediate(...args);
          if (fault) throw new Injected('SQLITE_IOERR', 'commit (it is on disk)');
          if (phase.isCounted) life.call('committed');
          return result;
        },
      };
    },
    close: () => seen,
  };
  return seen as unknown as Database;
}
