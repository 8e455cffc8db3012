/** What one start after the other does with claimed files, when one of them ends the tower each time. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Received } from '../admit.ts';
import { micros } from '../lib/clock.ts';
import { noFailpoints } from '../lib/failpoint.ts';
import { dirEntry } from '../lib/files.ts';
import type { Claimed } from './claimed.ts';
import { recoverClaimed } from './recovery.ts';

class Ended extends Error {}

const receipt = (name: string): string => name.padEnd(26, '0');

/** A home that is started again and again; the tower ends while it takes what is called `poison`. */
class Home {
  readonly files: string[];
  readonly journaled = new Map<string, Received>();
  readonly leftovers: string[] = [];
  readonly foreign: string[] = [];
  /** Sizes of what was handed over together, by start. */
  readonly batches: number[][] = [];
  #memory: string | null = null;
  readonly #poison: string;
  readonly #archived: string;

  constructor(files: readonly string[], poison: string, archived = '') {
    this.files = [...files];
    this.#poison = poison;
    this.#archived = archived;
  }

  get memory(): string | null {
    return this.#memory;
  }

  /** True when the tower then runs. */
  async start(): Promise<boolean> {
    const batches: number[] = [];
    this.batches.push(batches);
    const received = ({ receipt: id, fileName, folderOf }: Claimed, raw: Uint8Array | null): Received => ({
      receipt: id,
      fileName,
      origin: { folderOf, uid: 0 },
      claimedAs: '',
      receivedAt: micros(0),
      raw,
      fault: null,
    });
    try {
      await recoverClaimed({
        entries: this.files.map((name) => dirEntry(name.startsWith('.') ? name : `${receipt(name)}__${name}.json`)),
        failpoints: noFailpoints,
        isOwnFolder: () => false,
        receipt: async (id) => {
          if (id === receipt(this.#archived)) return 'archived';
          return this.journaled.has(id) ? 'known' : 'unknown';
        },
        read: (_entry, claimed) => received(claimed, Buffer.from(claimed.fileName)),
        unread: (_entry, claimed) => received(claimed, null),
        admit: async (batch) => {
          batches.push(batch.length);
          if (batch.some(({ receipt: id, raw }) => id === receipt(this.#poison) && raw !== null)) throw new Ended();
          for (const one of batch) this.journaled.set(one.receipt, one);
        },
        tries: {
          read: async () => this.#memory,
          write: async (text) => {
            this.#memory = text;
          },
        },
        leftover: (name) => this.leftovers.push(name),
        foreign: (name) => this.foreign.push(name),
      });
      return true;
    } catch (error) {
      if (error instanceof Ended) return false;
      throw error;
    }
  }
}

test('a file that was in hand each time the tower ended is refused unread, and the others go on', async () => {
  const home = new Home(['a', 'b', 'poison', 'c'], 'poison');
  // The run that claimed them was the first to end.
  assert.equal(await home.start(), false);
  assert.equal(await home.start(), false);
  assert.deepEqual([...home.journaled.keys()], ['a', 'b'].map(receipt), 'those before it are journaled one by one');
  assert.equal(await home.start(), true);
  assert.deepEqual(home.batches, [[4], [1, 1, 1], [1, 1]]);
  const poison = home.journaled.get(receipt('poison'));
  assert.equal(poison?.raw, null);
  assert.equal(poison?.fault?.code, 'internal');
  assert.match(poison?.fault?.message ?? '', /ended 3 times while it took this file/);
  for (const name of ['a', 'b', 'c']) assert.equal(home.journaled.get(receipt(name))?.fault, null, name);
  assert.equal(await home.start(), true);
  assert.equal(home.memory, '', 'nothing is remembered of what was taken');
});

test('files that were there each time, and never alone in hand when it ended, are taken', async () => {
  const names = ['a', 'b', 'c', 'd', 'e'];
  const home = new Home(names, 'a');
  for (let n = 0; n < 3; n++) await home.start();
  const refused = [...home.journaled.values()].filter(({ fault }) => fault !== null).map(({ receipt: id }) => id);
  assert.deepEqual(refused, [receipt('a')]);
  assert.equal(home.journaled.size, names.length);
});

test('what is journaled is not taken again, what is archived is cleared away, what is foreign is told', async () => {
  const home = new Home(['a', '.hidden', 'b'], '', 'b');
  await home.start();
  await home.start();
  assert.deepEqual(home.batches, [[1], []]);
  assert.deepEqual(home.leftovers, Array(2).fill(`${receipt('b')}__b.json`));
  assert.deepEqual(home.foreign, []);
});
