/**
 * C05, C07 and C17: what agents do with their own files after they have dropped them; C02: a system that does not tell of new
 * ones. Must never pass without the auditor's look at what was sent.
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
import { type Figures, must, need, type Row } from './row.ts';
import { at, codesOf, incomingOf, intakeRow, latencies, nameOf, sum } from './rows-intake.ts';

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

const POLL_MS = 500;

/** The system has no watch to give: files are found by the listing alone, and somebody is told. */
async function unwatched(rig: Rig): Promise<Figures> {
  need('strace');
  const calls = 'inotify_add_watch';
  const inject = ['-e', `trace=${calls}`, '-e', `inject=${calls}:error=ENOSPC`];
  const record = join(rig.folder, 'unwatched');
  const under = ['strace', '-D', '-f', '--seccomp-bpf', '-o', record, ...inject];
  const tower = await rig.start({ TOWER_FILES_POLL_MS: String(POLL_MS) }, { under });
  must(/INJECTED/.test(readFileSync(record, 'utf8')), 'no watch was asked for: nothing was proved');
  const waits = await latencies(rig, 'calm', 60);
  const dropped = rig.dropMany(40);
  await rig.site.settled(20_000);
  must(rig.posted === dropped.length, `${rig.posted} POSTs for ${dropped.length} orders`);
  const told = /orders\/incoming cannot be watched \(ENOSPC\)/;
  must(tower.output.match(new RegExp(told, 'g'))?.length === 1, `not told once:\n${tower.output.slice(-800)}`);
  const { output } = await rig.command(['status']);
  must(told.test(output) && /sysctl fs\.inotify/.test(output), `status does not say it:\n${output}`);
  // A listing, and what an answer takes.
  must(
    at(waits, 0.5) < 2 * POLL_MS && at(waits, 1) < 10 * POLL_MS,
    `answers took ${at(waits, 0.5)} to ${at(waits, 1)} ms`,
  );
  return { asked: waits.length, orders: dropped.length, p50_ms: at(waits, 0.5), p99_ms: at(waits, 0.99) };
}

export const ownFileRows: readonly Row[] = [
  intakeRow('C02', 'there is no watch to be had', unwatched),
  intakeRow('C05', 'a file that is changed after it was claimed', changedAfterClaim),
  intakeRow('C07', 'one file many times, under a hundred names, dated 1970 and 2100', copies),
  intakeRow('C17', 'an agent deletes its answer', deleted),
];
