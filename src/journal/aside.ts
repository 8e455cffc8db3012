/**
 * A journal read without a trace: beside a tower its own shared memory is used. Without one, SQLite would leave files behind
 * that the tower might not be allowed to touch: the journal is then read under another name, in a folder that goes when we
 * are done. Must never write into a journal, nor hold anything that a tower would wait for.
 */
import fs from 'node:fs';
import { join } from 'node:path';
import Sqlite, { type Database } from 'better-sqlite3';

export function readAside<T>(file: string, read: (db: Database) => T): T {
  if (fs.existsSync(`${file}-shm`)) return using(file, read);
  const folder = fs.mkdtempSync(join(file, '..', '.aside-'));
  try {
    const copy = join(folder, 'journal.db');
    fs.linkSync(file, copy);
    if (fs.existsSync(`${file}-wal`)) fs.linkSync(`${file}-wal`, `${copy}-wal`);
    return using(copy, read);
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

function using<T>(file: string, read: (db: Database) => T): T {
  const db = new Sqlite(file, { readonly: true, fileMustExist: true, timeout: 2_000 });
  try {
    return read(db);
  } finally {
    db.close();
  }
}
