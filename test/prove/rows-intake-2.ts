/**
 * C05, C07 and C17: what agents do with their own files after they have dropped them. Must never pass without the auditor's
 * look at what was sent.
 */
import {
  closeSync,
  existsSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { until } from './process.ts';
import { RESTING, type Rig } from './rig.ts';
import { type Figures, must, type Row } from './row.ts';
import { codesOf, incomingOf, intakeRow, nameOf, sum } from './rows-intake.ts';

/** The agent keeps its file open and writes other bytes into it, when it was claimed and ever after. */
async function changedAfterClaim(rig: Rig): Promise<Figures> {
  await rig.start();
  const incoming = incomingOf(rig);
  let changed = 0;
  for (let n = 0; n < 20; n++) {
    const release = rig.site.prepare([{}]);
    const order = rig.site.dropped.at(-1);
    must(order !== undefined, 'nothing prepared');
    const fd = openSync(join(incoming, `.${order.stem}.json.tmp`), 'r+');
    const other = order.bytes.replace('"qty":"1"', '"qty":"9"');
    must(other !== order.bytes && other.length === order.bytes.length, 'nothing to change');
    release();
    await until(
      () => !existsSync(join(incoming, `${order.stem}.json`)),
      10_000,
      () => `${order.stem} is not claimed`,
      1,
    );
    writeSync(fd, other, 0);
    changed++;
    await rig.answered(order, ({ sent }) => sent === 'yes');
    closeSync(fd);
    const kept = join(rig.site.home, 'orders', 'completed', `${order.stem}.json`);
    await until(
      () => existsSync(kept) && readFileSync(kept, 'utf8') === order.bytes,
      10_000,
      () => 'the archive has other bytes than were journaled',
    );
  }
  // Whether the bodies at the wire are those of the journal is what the auditor looks at.
  return { changed_after_claim: changed, posts: rig.posted };
}

/** One file again and again, its bytes under a hundred other names, and times of 1970 and 2100. */
async function copies(rig: Rig): Promise<Figures> {
  await rig.start();
  const first = rig.drop();
  await rig.answered(first, ({ sent }) => sent === 'yes');
  rig.site.dropAgain(first);
  const incoming = incomingOf(rig);
  for (let n = 0; n < 100; n++) {
    const name = join(incoming, `.copy${n}.tmp`);
    writeFileSync(name, first.bytes);
    const at = new Date(n % 2 === 0 ? '1970-01-02T00:00:00Z' : '2100-01-01T00:00:00Z');
    utimesSync(name, at, at);
    renameSync(name, join(incoming, nameOf('copied', n, 'stockbuy')));
  }
  await until(
    () => sum(codesOf(rig, 'copied')) === 100 && codesOf(rig, first.agent).get('duplicate') === 1,
    20_000,
    () => JSON.stringify([...codesOf(rig, 'copied'), ...codesOf(rig, first.agent)]),
  );
  must(rig.posted === 1, `${rig.posted} orders were sent`);
  must(!codesOf(rig, 'copied').has('success'), 'a copy was taken for an order');
  return { copies: 101, orders: rig.posted };
}

/** An agent deletes its file and its answers: the order is what it was, and the next version comes all the same. */
async function deleted(rig: Rig): Promise<Figures> {
  await rig.start();
  const order = rig.drop({ payload: RESTING });
  await rig.answered(order, ({ sent }) => sent === 'yes');
  rmSync(order.answer);
  const cancel = rig.drop({ type: 'cancelorder', payload: { client_order_id: order.clientOrderId } });
  await rig.answered(cancel, ({ status }) => status === 'success');
  await until(
    () => existsSync(order.answer),
    10_000,
    () => 'the answer did not come again',
  );
  const { final } = JSON.parse(readFileSync(order.answer, 'utf8')) as { final: boolean };
  must(final, 'it is not the last version');
  return { answers_deleted: 1, orders: rig.posted };
}

export const ownFileRows: readonly Row[] = [
  intakeRow('C05', 'a file that is changed after it was claimed', changedAfterClaim),
  intakeRow('C07', 'one file many times, under a hundred names, dated 1970 and 2100', copies),
  intakeRow('C17', 'an agent deletes its answer', deleted),
];
