/**
 * What files alone cost, as a process of its own: the least that anybody who answers files with files must do, and no
 * order, journal or broker in between. Must never skip a sync that the tower owes, or the ratio to it would say nothing.
 * Started with an IPC channel and a folder with `in` and `out`. Tells `ready`, then answers every file that appears in
 * `in`: watch, read, write, fsync, rename into `out`. The message `{ bulk }` writes so many pairs of files (an answer and
 * an archived copy) durably, sixteen at a time, and tells the milliseconds that it took.
 */
import fs from 'node:fs';
import { join } from 'node:path';
import { monotonicMs } from './rig.ts';

const [home = ''] = process.argv.slice(2);
const IN = join(home, 'in');
const OUT = join(home, 'out');
const LANES = 16;
const ANSWER_BYTES = 1_080;
const RAW_BYTES = 250;

const text = Buffer.alloc(ANSWER_BYTES, 'a');
let count = 0;

/** Writes, syncs and renames one file with the cheapest calls there are. */
function publish(name: string): void {
  const temp = join(home, `.temp-${count++}`);
  const fd = fs.openSync(temp, 'wx');
  fs.writeSync(fd, text);
  fs.fsyncSync(fd);
  fs.closeSync(fd);
  fs.renameSync(temp, join(OUT, name));
}

function look(): void {
  for (const name of fs.readdirSync(IN)) {
    const file = join(IN, name);
    fs.readFileSync(file);
    fs.unlinkSync(file);
    publish(name);
  }
}

const fsync = (fd: number): Promise<void> =>
  new Promise((resolve, reject) => fs.fsync(fd, (error) => (error === null ? resolve() : reject(error))));

async function publishShared(name: string, bytes: number): Promise<void> {
  const temp = join(home, `.temp-${count++}`);
  const fd = fs.openSync(temp, 'wx');
  fs.writeSync(fd, text, 0, bytes);
  await fsync(fd);
  fs.closeSync(fd);
  fs.renameSync(temp, join(OUT, name));
}

/** The syncs of sixteen files share the file system's commits, as those of the tower do. */
async function bulk(pairs: number): Promise<number> {
  const began = monotonicMs();
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < pairs) {
      const n = next++;
      await Promise.all([publishShared(`answer-${n}`, ANSWER_BYTES), publishShared(`archive-${n}`, RAW_BYTES)]);
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  const folder = fs.openSync(OUT, 'r');
  fs.fsyncSync(folder);
  fs.closeSync(folder);
  return monotonicMs() - began;
}

fs.watch(IN, look);
process.on('message', (message: { readonly bulk: number }) => {
  void bulk(message.bulk).then((took) => process.send?.(took));
});
process.on('disconnect', () => process.exit());
process.send?.('ready');
