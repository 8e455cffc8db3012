/**
 * Locks that the kernel frees when their holder dies, also by kill -9: one tower for one home, one tower on this machine
 * for one account. Must never rest on a file that somebody would have to clean up.
 */
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import Sqlite from 'better-sqlite3';

export interface Held {
  release(): void;
}

/** So long whoever takes a lock waits for those who only try it. */
const TRIED_WITHIN_MS = 500;

/**
 * Takes the lock on `file` (absolute), or tells the process id of the holder (null when it is not known). Without a `pid` the
 * lock is only tried, to be released at once: who holds it then leaves no name, and whoever takes it meanwhile waits.
 */
export function lockFile(file: string, pid?: number): { readonly held: Held } | { readonly heldBy: number | null } {
  const db = new Sqlite(file, { timeout: pid === undefined ? 0 : TRIED_WITHIN_MS });
  try {
    // An exclusive transaction that is never ended: SQLite holds a lock of the kernel's for it.
    db.pragma('journal_mode = DELETE');
    db.pragma('locking_mode = EXCLUSIVE');
    db.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    db.close();
    if (!(error instanceof Sqlite.SqliteError) || !error.code.startsWith('SQLITE_BUSY')) throw error;
    return { heldBy: holderOf(file) };
  }
  if (pid !== undefined) writeFileSync(`${file}.pid`, `${pid}\n`);
  return { held: { release: () => db.close() } };
}

function holderOf(file: string): number | null {
  try {
    const pid = Number.parseInt(readFileSync(`${file}.pid`, 'utf8'), 10);
    return Number.isSafeInteger(pid) ? pid : null;
  } catch {
    return null;
  }
}

/** The kernel takes at most 107 bytes; a base URL may be longer than that. */
const fitting = (name: string): string =>
  Buffer.byteLength(name) <= 107 ? name : createHash('sha256').update(name).digest('hex');

/**
 * Takes a name for this machine, as an abstract socket. Null when somebody has it. Where the system has no abstract
 * sockets (anything but Linux) the lock is always given: the lock of the home is all there is.
 */
export function lockName(name: string, platform: string): Promise<Held | null> {
  if (platform !== 'linux') return Promise.resolve({ release() {} });
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(null);
      else reject(error);
    });
    server.listen(`\0${fitting(name)}`, () => {
      server.unref();
      resolve({ release: () => server.close() });
    });
  });
}
