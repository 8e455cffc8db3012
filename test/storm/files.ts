/**
 * The Files port on a disk in memory, step by step as the real one does it, with faults. Must never do in one step what
 * the real one does in several: a crash between two of them is what is tried here.
 */
import { defined } from '../../src/lib/assert.ts';
import {
  type DirEntry,
  dirEntry,
  type FileIdentity,
  type Files,
  type Peek,
  type Staged,
  TEMP_FOLDER,
  TEMP_PREFIX,
} from '../../src/lib/files.ts';
import { below, chance, pick, type Random } from '../../src/lib/random.ts';
import { type Disk, folderOf, type Inode } from './disk.ts';
import { Injected, type Life } from './life.ts';
import type { DiskPlan } from './plan.ts';

const identityOf = ({ id, bytes, mtime }: Inode): FileIdentity => ({
  dev: 1,
  ino: id,
  size: bytes.length,
  mtimeNs: BigInt(mtime) * 1000n,
  uid: 0,
});

export interface FilesWorld {
  readonly disk: Disk;
  readonly random: Random;
  readonly now: () => number;
  /** As long as a sync takes. */
  wait(): Promise<void>;
  /** The faults in force; all zero once the storm is over. */
  readonly faults: () => DiskPlan;
  /** A file is there under its name, not yet surely for good. */
  placed(path: string, bytes: Uint8Array): void;
  claimed(inode: Inode, from: string, to: string): void;
  watch(folder: string, ring: () => void): () => void;
}

const CODES = ['EIO', 'ENOSPC', 'EACCES'] as const;
const PID = 7;

export function simFiles(world: FilesWorld, life: Life): Files {
  const { disk, random, now } = world;
  const { failpoints } = life;
  let counter = 0;

  const fails = (): boolean => world.faults().fail > 0 && chance(random, world.faults().fail);
  const fault = (what: string): Injected => new Injected(pick(random, CODES), what);
  const call = (what: string): void => {
    life.call(what);
    if (fails()) throw fault(what);
  };
  const mustBe = (folder: string): void => {
    if (!disk.hasFolder(folder)) throw Object.assign(new Error(`ENOENT: ${folder}`), { code: 'ENOENT' });
  };

  /** The real one opens it exclusively under a name made of the process id, which a container gives out again. */
  function temp(): { readonly path: string; readonly inode: Inode } {
    const path = `${TEMP_FOLDER}/${TEMP_PREFIX}${PID}-${counter++}`;
    mustBe(TEMP_FOLDER);
    if (disk.at(path) !== undefined) throw Object.assign(new Error(`EEXIST: ${path}`), { code: 'EEXIST' });
    return { path, inode: disk.create(path, new Uint8Array(0), now()) };
  }

  /** Where in the sequence this write fails: 0 opening, 1 writing or syncing, 2 renaming or linking; 3 nowhere. */
  const failingStep = (): number => (fails() ? below(random, 3) : 3);

  interface Written {
    readonly path: string;
    readonly bytes: Uint8Array;
    readonly step: number;
  }
  const underWay = new WeakMap<Staged, Promise<Written>>();

  async function write(to: string, what: string | Uint8Array): Promise<Written> {
    const step = failingStep();
    if (step === 0) throw fault(`open ${to}`);
    // Only answers are texts.
    const hit = (point: Parameters<typeof failpoints.hit>[0]): void => {
      if (typeof what === 'string') failpoints.hit(point);
    };
    const bytes = typeof what === 'string' ? Buffer.from(what) : what;
    const { path, inode } = temp();
    hit('k07a-response-temp');
    if (step === 1) {
      disk.remove(path, now());
      throw fault(`write ${to}`);
    }
    disk.write(inode, bytes, now());
    hit('k07b-response-written');
    await world.wait();
    life.call('synced');
    disk.sync(inode);
    hit('k07c-response-synced');
    return { path, bytes, step };
  }

  function stage(to: string, bytes: string | Uint8Array): Staged {
    life.call('stage');
    const writing = write(to, bytes);
    const synced = writing.then(({ path }) => path);
    synced.catch(() => {});
    const staged = { bytes, synced };
    underWay.set(staged, writing);
    return staged;
  }

  const written = (staged: Staged): Promise<Written> => defined(underWay.get(staged), 'what was staged');
  const isStaged = (what: string | Uint8Array | Staged): what is Staged => typeof what === 'object' && 'synced' in what;

  return {
    makeFolder(folder) {
      life.call('makeFolder');
      disk.makeFolder(folder);
    },
    list(folder) {
      life.call('list');
      if (world.faults().listFail > 0 && chance(random, world.faults().listFail)) throw fault(`list ${folder}`);
      mustBe(folder);
      return disk.names(folder).map(dirEntry);
    },
    *walk(folder) {
      yield* this.list(folder);
    },
    peek(folder, entry, maxBytes): Peek {
      life.call('peek');
      if (world.faults().readFail > 0 && chance(random, world.faults().readFail)) throw fault(`read ${entry.name}`);
      const inode = disk.at(`${folder}/${entry.name}`);
      if (inode === undefined) return { kind: 'gone' };
      const { bytes } = inode;
      const identity = identityOf(inode);
      if (bytes.length > maxBytes) return { kind: 'too_large', size: bytes.length, identity };
      return { kind: 'file', bytes, identity };
    },
    size(folder, entry) {
      life.call('size');
      return disk.at(`${folder}/${entry.name}`)?.bytes.length ?? 0;
    },
    identity(folder, entry) {
      life.call('identity');
      const inode = disk.at(`${folder}/${entry.name}`);
      return inode === undefined ? null : identityOf(inode);
    },
    claim(folder: string, entry: DirEntry, to: string) {
      call('claim');
      const from = `${folder}/${entry.name}`;
      const inode = disk.at(from);
      if (inode === undefined) return false;
      disk.rename(from, to, now());
      world.claimed(inode, from, to);
      return true;
    },
    stage,
    async discard(staged) {
      const { path } = await written(staged).catch(() => ({ path: null }));
      life.call('discard');
      if (path !== null) disk.remove(path, now());
    },
    async publish(to, what, first) {
      life.call('publish');
      const { path, step, bytes } = await written(isStaged(what) ? what : stage(to, what));
      await first?.catch(() => {});
      life.call('rename');
      if (step === 2 || !disk.hasFolder(folderOf(to))) {
        disk.remove(path, now());
        throw fault(`rename ${to}`);
      }
      disk.rename(path, to, now());
      world.placed(to, bytes);
      failpoints.hit('k07d-response-renamed');
    },
    async publishNew(to, what) {
      life.call('publishNew');
      const { path, step, bytes } = await written(isStaged(what) ? what : stage(to, what));
      life.call('link');
      failpoints.hit('k23-archive-temp');
      if (step === 2) {
        disk.remove(path, now());
        throw fault(`link ${to}`);
      }
      mustBe(folderOf(to));
      const there = disk.at(to);
      if (there !== undefined) {
        disk.remove(path, now());
        return Buffer.from(bytes).equals(there.bytes);
      }
      // The link and the removal of the temporary name are told as one move: nothing of ours lies between them.
      disk.rename(path, to, now());
      failpoints.hit('k24-archive-linked');
      world.placed(to, bytes);
      return true;
    },
    async syncFolder(folder) {
      life.call('syncFolder');
      mustBe(folder);
      const isFailing = fails();
      const moves = disk.moves;
      await world.wait();
      if (isFailing) throw fault(`sync ${folder}`);
      life.call('syncedFolder');
      disk.syncFolder(folder, moves);
    },
    rename(from, to) {
      call('rename');
      mustBe(folderOf(to));
      return disk.rename(from, to, now());
    },
    remove(file) {
      call('remove');
      return disk.remove(file, now());
    },
    read(file) {
      life.call('read');
      return disk.at(file)?.bytes ?? null;
    },
    exists(file) {
      life.call('exists');
      return disk.at(file) !== undefined || disk.hasFolder(file) || disk.names(file).length > 0;
    },
    stamp() {
      call('stamp');
    },
    watch(folder, ring) {
      life.call('watch');
      return world.watch(folder, () => {
        if (life.alive) ring(null);
      });
    },
    room() {
      life.call('room');
      return { free: 1e12, total: 1e13 };
    },
    async close() {},
  };
}
