/**
 * Where the exchange keeps its state: a snapshot and the commands since, in `home/exchange`. What was appended before
 * an answer survives kill -9 (and a power cut with `fsync`). Must never lose a whole line; a torn last line is dropped.
 */
import {
  appendFileSync,
  closeSync,
  existsSync,
  fdatasyncSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';

export interface Store {
  /** The last snapshot (null: none) and the commands journaled after it, as they were given. */
  load(): { readonly snapshot: unknown; readonly commands: readonly unknown[] };
  /** Journals one command. It is safe against kill -9 when this returns. */
  append(command: unknown): void;
  /** Replaces everything journaled so far by `snapshot`. */
  compact(snapshot: unknown): void;
  /** Idempotent. */
  close(): void;
}

/** Keeps nothing: a simulation's exchange lives as long as its process. */
export const memoryStore: Store = {
  load: () => ({ snapshot: null, commands: [] }),
  append: () => {},
  compact: () => {},
  close: () => {},
};

const SNAPSHOT = 'snapshot.json';
const journalName = (generation: number): string => `journal-${generation}.jsonl`;

interface SnapshotFile {
  /** The journal that goes on from this snapshot. */
  readonly generation: number;
  readonly state: unknown;
}

/**
 * The store of one home folder. Throws when another living process holds the folder, when the folder cannot be written
 * and when a line in the middle of the journal cannot be read.
 */
export function fileStore(home: string, options: { readonly fsync: boolean }): Store {
  const folder = join(home, 'exchange');
  mkdirSync(folder, { recursive: true });
  const unlock = lock(join(folder, 'lock'));
  const path = (name: string) => join(folder, name);
  let generation = readSnapshot(path(SNAPSHOT))?.generation ?? 0;
  let journal: number | null = null;
  const open = (): number => {
    if (journal === null) {
      journal = openSync(path(journalName(generation)), 'a');
      // The file's name must survive a power cut as well.
      if (options.fsync) syncFolder(folder);
    }
    return journal;
  };
  const closeJournal = (): void => {
    if (journal !== null) closeSync(journal);
    journal = null;
  };

  return {
    load() {
      return {
        snapshot: readSnapshot(path(SNAPSHOT))?.state ?? null,
        commands: readJournal(path(journalName(generation))),
      };
    },
    append(command) {
      const file = open();
      writeSync(file, `${JSON.stringify(command)}\n`);
      if (options.fsync) fdatasyncSync(file);
    },
    compact(state) {
      const next: SnapshotFile = { generation: generation + 1, state };
      writeWhole(path(SNAPSHOT), JSON.stringify(next), folder);
      closeJournal();
      generation = next.generation;
      for (const name of readdirSync(folder))
        if (/^journal-\d+\.jsonl$/.test(name) && name !== journalName(generation)) rmSync(path(name), { force: true });
    },
    close() {
      closeJournal();
      unlock();
    },
  };
}

function readSnapshot(path: string): SnapshotFile | null {
  if (!existsSync(path)) return null;
  const file: unknown = JSON.parse(readFileSync(path, 'utf8'));
  if (typeof file !== 'object' || file === null || !('generation' in file) || !('state' in file))
    throw new Error(`${path} is not a snapshot of the exchange; move the folder away to start with an empty exchange`);
  const { generation, state } = file;
  if (typeof generation !== 'number') throw new Error(`${path}: generation is not a number`);
  return { generation, state };
}

/** The commands of a journal. A last line without its end was never answered for: it is cut off. */
function readJournal(path: string): unknown[] {
  if (!existsSync(path)) return [];
  const bytes = readFileSync(path);
  const whole = bytes.lastIndexOf(0x0a) + 1;
  if (whole < bytes.length) truncateSync(path, whole);
  const lines = bytes.toString('utf8', 0, whole).split('\n').slice(0, -1);
  return lines.map((line, index) => {
    try {
      return JSON.parse(line);
    } catch {
      throw new Error(`${path} line ${index + 1} cannot be read; restore the file from a copy or move the folder away`);
    }
  });
}

/** Replaces a file at once: readers see the old or the new one. */
function writeWhole(path: string, text: string, folder: string): void {
  const temporary = `${path}.tmp`;
  writeFileSync(temporary, text, { flush: true });
  renameSync(temporary, path);
  syncFolder(folder);
}

function syncFolder(folder: string): void {
  const directory = openSync(folder, 'r');
  fsyncSync(directory);
  closeSync(directory);
}

/** Takes the folder for this process. A lock whose holder is gone is taken over. */
function lock(path: string): () => void {
  const mine = `${process.pid} ${startTimeOf(process.pid)}`;
  const holder = existsSync(path) ? readFileSync(path, 'utf8').trim() : mine;
  const pid = Number(holder.split(' ')[0]);
  if (holder !== mine && isAlive(pid) && holder === `${pid} ${startTimeOf(pid)}`)
    throw new Error(`${path}: process ${pid} runs an exchange on this home; stop it or choose another home`);
  writeFileSync(path, mine);
  return () => {
    if (existsSync(path) && readFileSync(path, 'utf8') === mine) rmSync(path, { force: true });
  };
}

function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

/**
 * Ticks since boot at which a process started, so that a reused id is not mistaken for it; 'ended' for one that waits to
 * be reaped, '' where there is no /proc.
 */
function startTimeOf(pid: number): string {
  try {
    const [state, ...fields] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
    return state === 'Z' || state === 'X' ? 'ended' : (fields[18] ?? '');
  } catch {
    return '';
  }
}

/** Appends lines to a file for as long as the process lives; every line is in the file when the call returns. */
export const lineAppender =
  (path: string) =>
  (line: string): void =>
    appendFileSync(path, `${line}\n`);

/** The text of a file. Throws when it cannot be read. */
export const readText = (path: string): string => readFileSync(path, 'utf8');
