/**
 * Whether what lies under the journal's name is a journal of the tower, before anybody opens it to write. Must never change
 * a file, nor take a journal of any version for a stranger.
 */
import fs from 'node:fs';
import type { Database } from 'better-sqlite3';
import { readAside } from './aside.ts';

/** SQLite's number for whose a database is (`PRAGMA application_id`): `AXTW`. Journals of earlier versions bear none. */
export const APPLICATION_ID = 0x41_58_54_57;
/** What every version has had: by these a journal without the number is known. */
const TABLES = ['events', 'facts', 'requests'];
const MAGIC = 'SQLite format 3\0';
const HEADER_BYTES = 100;
const ID_AT = 68;

export interface Misfit {
  readonly text: string;
  readonly remedy: string;
}

/** The journal is not opened, and this is why and what to do. */
export class NotAJournal extends Error {
  readonly remedy: string;

  constructor({ text, remedy }: Misfit) {
    super(text);
    this.remedy = remedy;
  }
}

const moveAway = (file: string): string =>
  `Look whose it is and move it away (mv ${file} ${file}.other); the tower makes its own. If there was a journal, put the newest copy back first.`;

/** What speaks against the file itself; null for a database, an empty file, or none. `toRead`: it is not to be written. */
export function misfitOfFile(file: string, toRead = false): Misfit | null {
  const stat = fs.statSync(file, { throwIfNoEntry: false });
  if (stat === undefined) return null;
  if (!stat.isFile()) {
    const what = stat.isDirectory() ? 'a folder' : 'no regular file';
    return { text: `${file} is ${what}, not a journal`, remedy: moveAway(file) };
  }
  try {
    fs.accessSync(file, toRead ? fs.constants.R_OK : fs.constants.R_OK | fs.constants.W_OK);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
    return {
      text: `${file} may not be ${toRead ? 'read' : 'written'} by this user (${code})`,
      remedy: `Start as the user of the tower, or give it back to that user (chown USER ${file}; chmod u+rw ${file}); a disk mounted read-only must be mounted for writing.`,
    };
  }
  if (stat.size === 0 || head(file).toString('latin1', 0, MAGIC.length) === MAGIC) return null;
  return { text: `${file} is no SQLite database, so it is not a journal`, remedy: moveAway(file) };
}

/** What speaks against an open database: it is somebody else's. */
export function misfitOfContent(db: Database, file: string): Misfit | null {
  const id = Number(db.pragma('application_id', { simple: true }));
  if (id === APPLICATION_ID) return null;
  const names = db.prepare("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").pluck().all();
  const isOurs = names.length === 0 || TABLES.every((name) => names.includes(name));
  if (id === 0 && isOurs) return null;
  const tables = names.length === 0 ? 'no tables' : `the tables ${names.slice(0, 5).join(', ')}`;
  return {
    text: `${file} is the database of another program (application_id ${id}, ${tables})`,
    remedy: moveAway(file),
  };
}

/** Throws NotAJournal unless a journal is there, or one may begin. */
export function recognise(file: string): void {
  const misfit = misfitOfFile(file);
  if (misfit !== null) throw new NotAJournal(misfit);
  const size = fs.statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  // What its own header says needs no look inside, which would have to take all of its log in.
  if (size === 0 || head(file).readUInt32BE(ID_AT) === APPLICATION_ID) return;
  const stranger = readAside(file, (db) => misfitOfContent(db, file));
  if (stranger !== null) throw new NotAJournal(stranger);
}

/** The header of a database (SQLite docs: file format). */
function head(file: string): Buffer {
  const fd = fs.openSync(file, 'r');
  try {
    const bytes = Buffer.alloc(HEADER_BYTES);
    fs.readSync(fd, bytes, 0, bytes.length, 0);
    return bytes;
  } finally {
    fs.closeSync(fd);
  }
}
