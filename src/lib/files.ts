/**
 * The file system as a seam: safe reading of files that others wrote, durable publishing, claims by rename.
 * Must never follow a symbolic link out of the home, block on a FIFO, or call something durable before it is.
 */
import { isUtf8 } from 'node:buffer';
import fs from 'node:fs';
import path from 'node:path';
import { type Failpoints, noFailpoints } from './failpoint.ts';
import { Pins } from './files/pins.ts';
import { Temps } from './files/temps.ts';

export { SWAPPED } from './files/pins.ts';
export { TEMP_PREFIX } from './files/temps.ts';

/** A directory entry; `raw` opens names that are not valid UTF-8. */
export interface DirEntry {
  readonly name: string;
  readonly raw: Buffer;
  /** `name` is the very name: it was UTF-8. */
  readonly isPlain: boolean;
}

/** What a file is, so that two looks at it can be compared, and whose it is. */
export interface FileIdentity {
  readonly dev: number;
  readonly ino: number;
  readonly size: number;
  readonly mtimeNs: bigint;
  readonly uid: number;
}

export type Peek =
  | { readonly kind: 'file'; readonly bytes: Uint8Array; readonly identity: FileIdentity }
  | { readonly kind: 'gone' }
  /** Not a regular file: `what` in words. Never opened. */
  | { readonly kind: 'foreign'; readonly what: string; readonly uid: number }
  | { readonly kind: 'too_large'; readonly size: number; readonly identity: FileIdentity }
  | { readonly kind: 'linked'; readonly links: number; readonly identity: FileIdentity }
  | { readonly kind: 'unreadable'; readonly reason: string };

/** Bytes on their way to a name: written, and being synced. */
export interface Staged {
  readonly bytes: string | Uint8Array;
  /** The temporary file, once it is durable. */
  readonly synced: Promise<string>;
}

/**
 * All paths are relative to the home folder, with `/`. Faults of the disk are thrown with their errno code. Whatever waits
 * for the disk is a promise: many syncs asked for together cost little more than one, and none of them stops the tower.
 * A folder is the one that was opened first under its name: no link on the way is followed, and when the name leads to
 * another folder, `makeFolder`, `list` and `syncFolder` throw SWAPPED.
 */
export interface Files {
  makeFolder(folder: string): void;
  /** Names in a folder, in no order. */
  list(folder: string): readonly DirEntry[];
  /** As `list`, a few at a time: for folders that may hold very many. */
  walk(folder: string): Iterable<DirEntry>;
  /** Reads at most `maxBytes` of a regular file with one link, without ever blocking. */
  peek(folder: string, entry: DirEntry, maxBytes: number): Peek;
  /** Bytes of a listed regular file; 0 when it is gone, something else, or cannot be looked at. Never throws. */
  size(folder: string, entry: DirEntry): number;
  /** Of a regular file with one link; null when it is gone, something else, or cannot be looked at. Never throws. */
  identity(folder: string, entry: DirEntry): FileIdentity | null;
  /** Renames a listed entry to `to`; false when it is gone. */
  claim(folder: string, entry: DirEntry, to: string): boolean;
  /** Begins what `publish` and `publishNew` do, up to the name; what is not published must be discarded. Never throws. */
  stage(to: string, bytes: string | Uint8Array): Staged;
  discard(staged: Staged): Promise<void>;
  /**
   * Puts bytes under `to` by temporary file, fsync and rename, the rename not before `first` has ended in whatever way.
   * Durable only after `syncFolder` of its folder.
   */
  publish(to: string, what: string | Uint8Array | Staged, first?: Promise<unknown>): Promise<void>;
  /** As `publish`, but never over an existing file: false when there is one with other content, true when equal. */
  publishNew(to: string, what: Uint8Array | Staged): Promise<boolean>;
  syncFolder(folder: string): Promise<void>;
  rename(from: string, to: string): boolean;
  /** True when it was there. */
  remove(file: string): boolean;
  /** A whole regular file; null when there is none, or something that is no regular file. */
  read(file: string): Uint8Array | null;
  /** Whether anything has this name, whatever it is. */
  exists(file: string): boolean;
  /** Overwrites a small file of the tower's own in place, without a sync: a sign for others that needs no new space. */
  stamp(file: string, text: string): void;
  /**
   * Rings when something may have changed in a folder, with the name where it is known; may ring too often or not at all.
   * Throws the system's error when no watch is to be had (limits, some file systems).
   */
  watch(folder: string, ring: (entry: DirEntry | null) => void): () => void;
  /** Bytes on the disk of the home; null when that cannot be told. */
  room(): { readonly free: number; readonly total: number } | null;
  /** Lets go of what is held open, and takes away what was made ready. Nothing may be called after it. */
  close(): Promise<void>;
}

const rename = (from: string, to: string): Promise<void> =>
  new Promise((resolve, reject) => {
    fs.rename(from, to, (error) => (error === null ? resolve() : reject(error)));
  });
const fsync = (fd: number): Promise<void> =>
  new Promise((resolve, reject) => {
    fs.fsync(fd, (error) => (error === null ? resolve() : reject(error)));
  });

/** The first of `folders` that lies on another file system than `home`: nothing can be renamed between the two. Null for none. */
export function foreignFolder(
  home: string,
  folders: readonly string[],
): { readonly folder: string; readonly device: number; readonly homeDevice: number } | null {
  const homeDevice = fs.statSync(home).dev;
  for (const folder of folders) {
    const device = fs.statSync(path.join(home, folder)).dev;
    if (device !== homeDevice) return { folder, device, homeDevice };
  }
  return null;
}

/** Names as bytes: not every name is UTF-8. The type of the option forgets that it may be so. */
const LISTING = { encoding: 'buffer' as BufferEncoding, bufferSize: 256 };

const isStaged = (what: string | Uint8Array | Staged): what is Staged => typeof what === 'object' && 'synced' in what;

const POINTS = {
  temp: 'k07a-response-temp',
  written: 'k07b-response-written',
  synced: 'k07c-response-synced',
} as const;

/** More claims than the system has room for in its news of a folder. */
const MOVES_REMEMBERED = 20_000;

const codeOf = (error: unknown): string => (error instanceof Error && 'code' in error ? String(error.code) : '');

/** Where a running tower's temporary files lie until they get their names: one folder, emptied at start after a crash. */
export const TEMP_FOLDER = 'data/tmp';

/** A stamp always has this size, so that writing it anew needs no space on a full disk. */
const STAMP_BYTES = 4096;
/** Of folders that nothing else is said of: whatever the process leaves open, nobody else writes there. */
const FOLDER_MODE = 0o755;
/** What a folder's owner and rights shall be. */
export interface FolderRights {
  /** Null leaves it as it is made. */
  readonly uid: number | null;
  readonly gid: number | null;
  readonly mode: number;
  /** Put right at every `makeFolder`, not only when it is made: it is the tower's own. */
  readonly isOurs: boolean;
}

export interface FilesOptions {
  readonly failpoints?: Failpoints;
  /** The folder of temporary files, on the same file system; without it each lies beside what it becomes. */
  readonly temps?: string;
  /** How many temporary files lie ready in it. */
  readonly spares?: number;
  /** By folder; others may be read by all whom the process lets read. */
  readonly rights?: ReadonlyMap<string, FolderRights>;
}

/** What lies under an absolute path, links not followed; null for nothing. */
export function lookAt(
  file: string,
): { readonly isFolder: boolean; readonly uid: number; readonly gid: number; readonly mode: number } | null {
  const stat = fs.lstatSync(file, { throwIfNoEntry: false });
  if (stat === undefined) return null;
  return { isFolder: stat.isDirectory(), uid: stat.uid, gid: stat.gid, mode: stat.mode & 0o7777 };
}

/** User and group of this process; null where the system has none. */
export const whoAmI = (): { readonly uid: number; readonly gid: number } | null =>
  process.getuid === undefined || process.getgid === undefined
    ? null
    : { uid: process.getuid(), gid: process.getgid() };

const identityOf = ({ dev, ino, size, mtimeNs, uid }: fs.BigIntStats): FileIdentity => ({
  dev: Number(dev),
  ino: Number(ino),
  size: Number(size),
  mtimeNs,
  uid: Number(uid),
});

/** Nobody has put another file in its place, nor written to it. */
export const isSameFile = (a: FileIdentity, b: FileIdentity): boolean =>
  a.ino === b.ino && a.size === b.size && a.mtimeNs === b.mtimeNs && a.dev === b.dev;

export function dirEntry(name: string): DirEntry {
  return { name, raw: Buffer.from(name), isPlain: true };
}

function rawEntry(raw: Buffer): DirEntry {
  const name = raw.toString('utf8');
  return { name, raw, isPlain: isUtf8(raw) };
}

export function systemFiles(home: string, options: FilesOptions = {}): Files {
  const { failpoints = noFailpoints, rights } = options;
  /** Claims of which the watch is still to tell: nobody needs to be rung for what was just taken from here. */
  const ownMoves = new Set<string>();
  const watched = new Set<string>();
  const root = path.resolve(home);
  const pins = new Pins(root);
  const temps = new Temps({
    pins,
    folder: options.temps ?? null,
    spares: options.spares ?? 0,
    owner: String(process.pid),
    makeFolder,
  });
  const at = (relative: string): string => pins.file(relative);
  const entryAt = (folder: string, entry: DirEntry): string | Buffer =>
    entry.isPlain ? `${pins.at(folder)}/${entry.name}` : Buffer.concat([Buffer.from(`${pins.at(folder)}/`), entry.raw]);

  async function syncFolder(folder: string): Promise<void> {
    pins.check(folder);
    const fd = fs.openSync(pins.at(folder), fs.constants.O_RDONLY | fs.constants.O_DIRECTORY);
    try {
      await fsync(fd);
    } finally {
      fs.closeSync(fd);
    }
  }

  function stage(to: string, bytes: string | Uint8Array): Staged {
    const synced = temps.write(to, bytes, (step) => {
      // Only answers are texts.
      if (typeof bytes === 'string') failpoints.hit(POINTS[step]);
    });
    // Whoever publishes it is told.
    synced.catch(() => {});
    return { bytes, synced };
  }

  const foreignKind = (stat: fs.BigIntStats): string => {
    if (stat.isSymbolicLink()) return 'a symbolic link';
    if (stat.isFIFO()) return 'a FIFO';
    if (stat.isDirectory()) return 'a directory';
    if (stat.isSocket()) return 'a socket';
    return 'a device';
  };

  function syncNow(absolute: string): void {
    const fd = fs.openSync(absolute, fs.constants.O_RDONLY | fs.constants.O_DIRECTORY);
    try {
      fs.fsyncSync(fd);
    } finally {
      fs.closeSync(fd);
    }
  }

  /** Gives a folder the owner and rights that it shall have. */
  function put(folder: string, isNew: boolean): void {
    const name = pins.at(folder);
    const right = rights?.get(folder);
    if (right === undefined || !(isNew || right.isOurs)) return;
    const now = fs.statSync(name);
    const [uid, gid] = [right.uid ?? now.uid, right.gid ?? now.gid];
    // A change of owner takes special bits away.
    if (now.uid !== uid || now.gid !== gid) fs.chownSync(name, uid, gid);
    if ((now.mode & 0o7777) !== right.mode) fs.chmodSync(name, right.mode);
  }

  /** The home itself, and what is missing above it; there the tower may have no rights, so only what is new is synced. */
  function makeHome(): void {
    const made = fs.mkdirSync(root, { recursive: true, mode: FOLDER_MODE });
    if (made === undefined) return;
    for (let child = root; child.startsWith(made); child = path.dirname(child)) syncNow(path.dirname(child));
  }

  function makeFolder(folder: string): void {
    makeHome();
    const parts = path.posix.normalize(folder).split('/');
    for (let depth = 1; depth <= parts.length && parts[0] !== '.'; depth++) {
      const child = parts.slice(0, depth).join('/');
      let isNew = true;
      try {
        fs.mkdirSync(at(child), (rights?.get(child)?.mode ?? FOLDER_MODE) & 0o777);
        pins.forget(child);
      } catch (error) {
        if (codeOf(error) !== 'EEXIST') throw error;
        isNew = false;
        pins.check(child);
      }
      put(child, isNew);
    }
    // A folder's name is durable only when its parent is synced: always, for an earlier sync may have failed.
    for (let depth = parts.length - 1; depth >= 0 && parts[0] !== '.'; depth--)
      syncNow(pins.at(depth === 0 ? '.' : parts.slice(0, depth).join('/')));
  }

  /** Bytes of a regular file; null when there is none. Never blocks, whatever lies under the name. */
  function readRegular(file: string): Buffer | null {
    let fd: number;
    try {
      // As a rule there is none, and an error that is thrown costs many times what a look does.
      if (!fs.existsSync(at(file))) return null;
      const { O_RDONLY: readOnly, O_NONBLOCK: never, O_NOFOLLOW: noLink } = fs.constants;
      fd = fs.openSync(at(file), readOnly | never | noLink);
    } catch (error) {
      if (['ENOENT', 'ELOOP', 'ENXIO', 'ENODEV'].includes(codeOf(error))) return null;
      throw error;
    }
    try {
      return fs.fstatSync(fd).isFile() ? fs.readFileSync(fd) : null;
    } finally {
      fs.closeSync(fd);
    }
  }

  return {
    makeFolder,
    list(folder) {
      pins.check(folder);
      return fs.readdirSync(pins.at(folder), { encoding: 'buffer' }).map(rawEntry);
    },
    *walk(folder) {
      pins.check(folder);
      const listing = fs.opendirSync(pins.at(folder), LISTING);
      try {
        for (let next = listing.readSync(); next !== null; next = listing.readSync()) {
          const { name }: { readonly name: string | Buffer } = next;
          yield typeof name === 'string' ? dirEntry(name) : rawEntry(name);
        }
      } finally {
        listing.closeSync();
      }
    },
    peek(folder, entry, maxBytes) {
      const file = entryAt(folder, entry);
      let fd: number;
      try {
        const look = fs.lstatSync(file, { bigint: true });
        if (!look.isFile()) return { kind: 'foreign', what: foreignKind(look), uid: Number(look.uid) };
        const { O_RDONLY, O_NONBLOCK, O_NOFOLLOW } = fs.constants;
        fd = fs.openSync(file, O_RDONLY | O_NONBLOCK | O_NOFOLLOW);
      } catch (error) {
        const code = codeOf(error);
        if (code === 'ENOENT') return { kind: 'gone' };
        if (code === 'ELOOP') return { kind: 'foreign', what: 'a symbolic link', uid: -1 };
        if (code === 'EACCES' || code === 'EPERM') return { kind: 'unreadable', reason: code };
        throw error;
      }
      try {
        const stat = fs.fstatSync(fd, { bigint: true });
        if (!stat.isFile()) return { kind: 'foreign', what: foreignKind(stat), uid: Number(stat.uid) };
        const identity = identityOf(stat);
        if (stat.nlink > 1n) return { kind: 'linked', links: Number(stat.nlink), identity };
        if (identity.size > maxBytes) return { kind: 'too_large', size: identity.size, identity };
        const buffer = Buffer.allocUnsafe(identity.size + 1);
        let length = 0;
        for (;;) {
          const read = fs.readSync(fd, buffer, length, buffer.length - length, length);
          length += read;
          if (read === 0 || length === buffer.length) break;
        }
        // One byte more than the size said: it grew while we looked, so what we have is no whole file.
        return { kind: 'file', bytes: buffer.subarray(0, length), identity: { ...identity, size: length } };
      } finally {
        fs.closeSync(fd);
      }
    },
    size(folder, entry) {
      try {
        const look = fs.lstatSync(entryAt(folder, entry), { throwIfNoEntry: false });
        return look?.isFile() === true ? look.size : 0;
      } catch {
        return 0;
      }
    },
    identity(folder, entry) {
      try {
        const look = fs.lstatSync(entryAt(folder, entry), { bigint: true, throwIfNoEntry: false });
        return look?.isFile() === true && look.nlink === 1n ? identityOf(look) : null;
      } catch {
        return null;
      }
    },
    claim(folder, entry, to) {
      try {
        fs.renameSync(entryAt(folder, entry), at(to));
        // News that was lost must not pile up here; to ring too often does no harm.
        if (ownMoves.size >= MOVES_REMEMBERED) ownMoves.clear();
        if (watched.has(folder)) ownMoves.add(`${folder}/${entry.name}`);
        return true;
      } catch (error) {
        if (codeOf(error) === 'ENOENT') return false;
        throw error;
      }
    },
    stage,
    async discard({ synced }) {
      try {
        temps.drop(await synced);
      } catch {
        // What could not be written is gone already; what will not go is removed at the next start.
      }
    },
    async publish(to, what, first) {
      const temp = await (isStaged(what) ? what : stage(to, what)).synced;
      await first?.catch(() => {});
      // Over an older file it waits for a commit of the file system that is under way; where there is none it is at once.
      try {
        if (fs.existsSync(at(to))) await pins.holding([temp, to], (from = '', name = '') => rename(from, name));
        else fs.renameSync(at(temp), at(to));
      } catch (error) {
        temps.fail(temp);
        throw error;
      }
      failpoints.hit('k07d-response-renamed');
      temps.refill();
    },
    async publishNew(to, what) {
      const { bytes, synced } = isStaged(what) ? what : stage(to, what);
      const temp = await synced;
      try {
        failpoints.hit('k23-archive-temp');
        // link, unlike rename, never replaces what is there.
        fs.linkSync(at(temp), at(to));
      } catch (error) {
        if (codeOf(error) !== 'EEXIST') {
          temps.fail(temp);
          throw error;
        }
        temps.drop(temp);
        return readRegular(to)?.equals(Buffer.from(bytes)) ?? false;
      }
      failpoints.hit('k24-archive-linked');
      temps.drop(temp);
      return true;
    },
    syncFolder,
    rename(from, to) {
      try {
        fs.renameSync(at(from), at(to));
        return true;
      } catch (error) {
        if (codeOf(error) === 'ENOENT') return false;
        throw error;
      }
    },
    remove(file) {
      try {
        fs.unlinkSync(at(file));
        return true;
      } catch (error) {
        if (codeOf(error) === 'ENOENT') return false;
        throw error;
      }
    },
    read: readRegular,
    exists(file) {
      return fs.lstatSync(at(file), { throwIfNoEntry: false }) !== undefined;
    },
    stamp(file, text) {
      const { O_RDWR, O_CREAT, O_NOFOLLOW } = fs.constants;
      const fd = fs.openSync(at(file), O_RDWR | O_CREAT | O_NOFOLLOW, 0o644);
      try {
        fs.writeSync(fd, text.padEnd(STAMP_BYTES), 0);
      } finally {
        fs.closeSync(fd);
      }
    },
    watch(folder, ring) {
      const watcher = fs.watch(pins.at(folder), { encoding: 'buffer' }, (_kind, name) => {
        const entry = name === null ? null : rawEntry(name);
        if (entry === null || !ownMoves.delete(`${folder}/${entry.name}`)) ring(entry);
      });
      watched.add(folder);
      watcher.on('error', () => ring(null));
      return () => {
        watched.delete(folder);
        watcher.close();
      };
    },
    room() {
      try {
        const { bavail, blocks, bsize } = fs.statfsSync(pins.at('.'));
        return { free: bavail * bsize, total: blocks * bsize };
      } catch {
        return null;
      }
    },
    async close() {
      await temps.close();
      pins.forget('.');
    },
  };
}
