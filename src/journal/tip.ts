/**
 * How far the journal has come, in a small file beside it: a journal that has become shorter than it was (its log deleted, or
 * cut at a flipped bit, or an older copy in its place) is found at the start, and so is one that changed after it was closed.
 * Must never be ahead of the journal, so it is written after a commit and needs no sync; and never be read to decide anything
 * but whether to start.
 */
import fs from 'node:fs';
import { crc32 } from 'node:zlib';
import Sqlite, { type Database, type Statement } from 'better-sqlite3';

/** The newest rows of the tables that only grow. */
interface Reach {
  readonly events: number;
  readonly postings: number;
}

/** The database as it was when it was closed: bytes, and the checksum of both its ends. */
interface Closed {
  readonly bytes: number;
  readonly crc32: number;
}

interface Kept extends Reach {
  /** Which journal it is. */
  readonly generation: string;
  readonly closed: Closed | null;
}

/** Always the same size, so that writing it anew needs no space on a full disk and is one block. */
const BYTES = 512;
const CHUNK = 1_048_576;
/** So much of each end is summed: a start must not take longer with every order that ever was. */
const END_BYTES = 16 * CHUNK;
const REACH =
  'SELECT (SELECT ifnull(max(id), 0) FROM events) AS events, (SELECT ifnull(max(id), 0) FROM postings) AS postings';

/** The name of the tip of a journal. */
export const tipOf = (file: string): string => `${file.replace(/\.db$/, '')}.tip`;

export class Tip {
  readonly #file: string;
  readonly #path: string;
  #fd: number | null = null;
  #now: Kept | null = null;
  #reach: Statement | null = null;

  /**
   * Looks at the journal before anybody opens it to write: who ends what was opened after damage may destroy what is left.
   * Throws when it is not what it was when it was closed, or lacks what it had.
   */
  constructor(file: string) {
    this.#file = file;
    this.#path = tipOf(file);
    const kept = read(this.#path);
    // Where there is no journal a new one may begin; the broker's book tells what an earlier one has sent.
    if (kept === null || !fs.existsSync(file)) return;
    const gone = `take ${this.#path} away`;
    if (sizeOf(file) === 0 && kept.events > 0)
      throw new Error(
        `it is empty and had come to event ${kept.events}: the disk or another program has emptied it; put the newest copy back, or delete it and ${gone}`,
      );
    if (sizeOf(file) === 0) return;
    const { closed } = kept;
    // A log that is not empty was written by somebody else meanwhile: then the sum says nothing.
    if (closed !== null && sizeOf(`${file}-wal`) === 0) {
      const now = summed(file);
      if (now.bytes !== closed.bytes || now.crc32 !== closed.crc32) {
        throw new Error(
          `it is not what it was when it was closed (checksum ${now.crc32} of ${now.bytes} bytes, then ${closed.crc32} of ${closed.bytes}): the disk or another program has changed it; put the newest copy back that is whole, and ${gone}`,
        );
      }
    }
    const found = reachIn(file);
    if (found.generation !== null && found.generation !== kept.generation) return;
    if (found.events >= kept.events && found.postings >= kept.postings) return;
    throw new Error(
      `it ends at event ${found.events} and had come to ${kept.events}: its log ${name(file)}-wal is lost or damaged, or it is an older copy; put the newest journal back with its log, or, where this is the newest, ${gone}: orders that it does not know are then looked for at Alpaca`,
    );
  }

  /** When the database is open: from now on the tip is kept. */
  begin(db: Database, generation: string): void {
    this.#reach = db.prepare(REACH);
    const { O_RDWR, O_CREAT, O_NOFOLLOW } = fs.constants;
    this.#fd = fs.openSync(this.#path, O_RDWR | O_CREAT | O_NOFOLLOW, 0o600);
    this.#write({ generation, ...(this.#reach.get() as Reach), closed: null });
    // What was closed is open again: that must be known before anything is changed.
    fs.fsyncSync(this.#fd);
  }

  /** A commit was made. */
  moved(): void {
    const [before, statement] = [this.#now, this.#reach];
    if (before === null || statement === null) return;
    const { events, postings } = statement.get() as Reach;
    if (before.events === events && before.postings === postings) return;
    try {
      this.#write({ ...before, events, postings });
    } catch {
      // It stays behind the journal, which is all that it promises; the disk tells of itself at the next commit.
    }
  }

  /** After the database was closed. */
  end(): void {
    const [fd, now] = [this.#fd, this.#now];
    if (fd === null || now === null) return;
    try {
      // Somebody reads it still, and the log lives: no sum yet.
      if (sizeOf(`${this.#file}-wal`) === 0) this.#write({ ...now, closed: summed(this.#file) });
    } finally {
      this.#fd = null;
      fs.closeSync(fd);
    }
  }

  #write(kept: Kept): void {
    if (this.#fd === null) return;
    fs.writeSync(this.#fd, `${JSON.stringify(kept).padEnd(BYTES - 1)}\n`, 0);
    this.#now = kept;
  }
}

const name = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

const sizeOf = (file: string): number => fs.statSync(file, { throwIfNoEntry: false })?.size ?? 0;

/** Null where there is none, or none that was ever whole. */
function read(path: string): Kept | null {
  let text: string;
  try {
    text = fs.readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
  try {
    const kept = JSON.parse(text) as Partial<Kept> | null;
    const { generation, events, postings, closed } = kept ?? {};
    const isCount = (value: unknown): value is number => Number.isSafeInteger(value);
    if (typeof generation !== 'string' || !isCount(events) || !isCount(postings)) return null;
    const isClosed = closed !== null && closed !== undefined && isCount(closed.bytes) && isCount(closed.crc32);
    return { generation, events, postings, closed: isClosed ? closed : null };
  } catch {
    return null;
  }
}

/** What a journal holds, read without a change; no generation when it has no tables yet. */
function reachIn(file: string): Reach & { readonly generation: string | null } {
  const db = new Sqlite(file, { readonly: true, timeout: 5000 });
  try {
    const tables = db.prepare("SELECT count(*) FROM sqlite_master WHERE name IN ('facts', 'events', 'postings')");
    if (tables.pluck().get() !== 3) return { generation: null, events: 0, postings: 0 };
    const generation = db.prepare("SELECT value FROM facts WHERE key = 'generation'").pluck().get();
    return { generation: typeof generation === 'string' ? generation : null, ...(db.prepare(REACH).get() as Reach) };
  } finally {
    db.close();
  }
}

/** The oldest pages and the newest ones; all of a journal of up to some ten thousand orders. */
function summed(file: string): Closed {
  const fd = fs.openSync(file, 'r');
  try {
    const buffer = Buffer.allocUnsafe(CHUNK);
    const bytes = fs.fstatSync(fd).size;
    let sum = 0;
    for (let at = 0; at < bytes; ) {
      const got = fs.readSync(fd, buffer, 0, CHUNK, at);
      if (got === 0) break;
      sum = crc32(buffer.subarray(0, got), sum);
      at += got;
      if (at === END_BYTES) at = Math.max(at, bytes - END_BYTES);
    }
    return { bytes, crc32: sum };
  } finally {
    fs.closeSync(fd);
  }
}
