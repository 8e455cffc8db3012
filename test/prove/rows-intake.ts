/**
 * C01 to C18 and B25.million: what agents put into the folders, by mistake or on purpose: links, FIFOs, devices, heaps, swapped
 * folders. Must never count a thing as answered that nobody was told of.
 */
import {
  closeSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { sleep, until } from './process.ts';
import type { Rig } from './rig.ts';
import { type Figures, machine, must, type Row } from './row.ts';

export const intakeRow = (id: string, title: string, run: Row['run'], minutes?: number): Row => ({
  id,
  title,
  promises: ['p4'],
  ...(minutes === undefined ? {} : { minutes }),
  run,
});

const CANARY = 'canary-2f61c0-never-read';
export const incomingOf = (rig: Rig): string => join(rig.site.home, 'orders', 'incoming');
const padded = (n: number): string => String(n).padStart(6, '0');
export const nameOf = (agent: string, n: number, type = 'accountinfo'): string =>
  `paper_${agent}_${type}_20260213143022${padded(n)}.json`;

/** Every file below a folder, links not followed. */
function filesBelow(folder: string): readonly string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? filesBelow(path) : entry.isFile() ? [path] : [];
  });
}

/** Answers of an agent so far, by their error codes. */
export function codesOf(rig: Rig, agent: string): Map<string, number> {
  const codes = new Map<string, number>();
  const folder = join(rig.site.home, 'responses', agent);
  if (!existsSync(folder)) return codes;
  for (const path of filesBelow(folder)) {
    if (!path.includes('/response_')) continue;
    const { error } = JSON.parse(readFileSync(path, 'utf8')) as { error: { code: string } | null };
    const code = error?.code ?? 'success';
    codes.set(code, (codes.get(code) ?? 0) + 1);
  }
  return codes;
}
export const sum = (codes: ReadonlyMap<string, number>): number =>
  [...codes.values()].reduce((all, one) => all + one, 0);

/** How long orders that are asked one by one wait for their first answer. */
export async function latencies(rig: Rig, agent: string, count: number): Promise<readonly number[]> {
  const all: number[] = [];
  for (let n = 0; n < count; n++) {
    const dropped = rig.drop({ agent, type: 'accountinfo', payload: {} });
    const startedAt = performance.now();
    await until(
      () => existsSync(dropped.answer),
      30_000,
      () => `the answer to ${dropped.clientOrderId}`,
      1,
    );
    all.push(performance.now() - startedAt);
    await sleep(20);
  }
  return all.toSorted((a, b) => a - b);
}
export const at = (sorted: readonly number[], share: number): number =>
  Math.round((sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0) * 10) / 10;

/** The bytes of the canary, wherever the tower may have written them. */
function mustNotLeak(rig: Rig): void {
  for (const folder of ['responses', 'orders', 'logs'])
    for (const path of filesBelow(join(rig.site.home, folder)))
      must(!readFileSync(path).includes(CANARY), `what must not be read stands in ${path}`);
}

async function overflow(rig: Rig): Promise<Figures> {
  const tower = await rig.start();
  await rig.answered(rig.drop());
  const incoming = incomingOf(rig);
  tower.signal('SIGSTOP');
  // More than the queue of the watch holds; what comes after them is not told.
  for (let n = 0; n < 20_000; n++) writeFileSync(join(incoming, `.noise-${n}.tmp`), '');
  const dropped = rig.dropMany(300, { type: 'accountinfo', payload: {} });
  const startedAt = performance.now();
  tower.signal('SIGCONT');
  await rig.site.settled(60_000);
  for (const name of readdirSync(incoming)) unlinkSync(join(incoming, name));
  return {
    events: 20_000,
    dropped: dropped.length,
    taken: dropped.length,
    ms: Math.round(performance.now() - startedAt),
  };
}

async function halves(rig: Rig): Promise<Figures> {
  await rig.start();
  const incoming = incomingOf(rig);
  const whole = rig.drop({ type: 'accountinfo', payload: {} });
  await rig.answered(whole);
  const name = nameOf('slow', 1);
  const body = whole.bytes.replaceAll('prover', 'slow').replaceAll(/[0-9]{20}/g, '20260213143022000001');
  const fd = openSync(join(incoming, name), 'w');
  writeSync(fd, body.slice(0, 40));
  await sleep(1000);
  must(existsSync(join(incoming, name)), 'half a file was taken');
  writeSync(fd, body.slice(40));
  closeSync(fd);
  writeFileSync(join(incoming, nameOf('slow', 2)), body.slice(0, 40));
  // Shorter over longer, without cutting off the rest.
  writeFileSync(join(incoming, nameOf('slow', 3)), `${body.replaceAll('000001', '000003')}"}}`);
  await until(
    () => sum(codesOf(rig, 'slow')) === 3,
    15_000,
    () => JSON.stringify([...codesOf(rig, 'slow')]),
  );
  const codes = Object.fromEntries(codesOf(rig, 'slow'));
  must(codes['success'] === 1 && codes['json_incomplete'] === 1 && codes['json_trailing'] === 1, JSON.stringify(codes));
  return { wrong_orders: 0 };
}

/** A file that is replaced all the time: each version is taken once or is still there; none is destroyed unread. */
async function replaced(rig: Rig): Promise<Figures> {
  await rig.start();
  const incoming = incomingOf(rig);
  const count = 300;
  for (let n = 0; n < count; n++) {
    const temp = join(incoming, `.r${n}.tmp`);
    writeFileSync(temp, `{"n": ${n}}`);
    // Never over a file that is there: that would be the agent who destroys it.
    while (existsSync(join(incoming, nameOf('again', 1)))) await sleep(0);
    renameSync(temp, join(incoming, nameOf('again', 1)));
  }
  await until(
    () => sum(codesOf(rig, 'again')) === count,
    60_000,
    () => `${sum(codesOf(rig, 'again'))} answers to ${count} files`,
  );
  const failed = readdirSync(join(rig.site.home, 'orders', 'failed')).filter((name) => name.includes('_again_'));
  const kept = new Set(failed.map((name) => readFileSync(join(rig.site.home, 'orders', 'failed', name), 'utf8')));
  must(kept.size === count, `${kept.size} of ${count} are in the archive`);
  return { dropped: count, destroyed: 0 };
}

async function fifos(rig: Rig): Promise<Figures> {
  await rig.start();
  const before = await latencies(rig, 'calm', 30);
  const incoming = incomingOf(rig);
  const names = Array.from({ length: 100 }, (_, n) => join(incoming, nameOf('fifo', n)));
  machine('mkfifo', ...names);
  const during = await latencies(rig, 'calm', 30);
  await until(
    () => codesOf(rig, 'fifo').get('file_type') === 100,
    15_000,
    () => JSON.stringify([...codesOf(rig, 'fifo')]),
  );
  must(
    names.every((name) => !existsSync(name)),
    'a FIFO still lies in incoming/',
  );
  // Planted where the tower writes and archives.
  const planted = rig.site.prepare([{ agent: 'planted', type: 'accountinfo', payload: {} }]);
  const stem = rig.site.dropped.at(-1)?.stem ?? '';
  const archive = join(rig.site.home, 'orders', 'completed', `${stem}.json`);
  machine('mkfifo', archive);
  planted();
  await until(
    () => sum(codesOf(rig, 'planted')) === 1,
    10_000,
    () => 'a FIFO in the archive holds the tower up',
  );
  must(lstatSync(archive).isFIFO(), 'the planted FIFO was replaced');
  const beside = await until(
    () =>
      readdirSync(join(rig.site.home, 'orders', 'completed')).find(
        (n) => n.startsWith(`${stem}.`) && n !== `${stem}.json`,
      ),
    5000,
    () => 'nothing was archived beside it',
  );
  rmSync(archive);
  renameSync(join(rig.site.home, 'orders', 'completed', beside), archive);
  must(at(during, 1) < 1000, `an answer took ${at(during, 1)} ms`);
  return {
    fifos: 101,
    answered: 101,
    calm_p50_ms: at(before, 0.5),
    with_fifos_p50_ms: at(during, 0.5),
    slowest_ms: at(during, 1),
  };
}

async function strangeObjects(rig: Rig): Promise<Figures> {
  await rig.start();
  const incoming = incomingOf(rig);
  const outside = join(rig.folder, 'outside');
  mkdirSync(outside, { recursive: true });
  const secret = join(outside, 'secret');
  writeFileSync(secret, CANARY);
  const own = rig.drop({ type: 'accountinfo', payload: {} });
  await rig.answered(own);
  const link = (n: number, target: string): void => symlinkSync(target, join(incoming, nameOf('odd', n)));
  link(1, secret);
  link(2, '/etc/shadow');
  link(3, join(rig.site.home, 'data', 'tower.db'));
  link(4, join(rig.site.home, 'nowhere'));
  link(5, join(incoming, nameOf('odd', 5)));
  link(6, '/dev/zero');
  link(7, outside);
  mkdirSync(join(incoming, nameOf('odd', 8)));
  writeFileSync(join(incoming, nameOf('odd', 8), 'inside'), 'x');
  machine('mknod', join(incoming, nameOf('odd', 9)), 'c', '1', '5');
  linkSync(secret, join(incoming, nameOf('odd', 10)));
  writeFileSync(join(incoming, nameOf('odd', 11)), '');
  truncateSync(join(incoming, nameOf('odd', 11)), 10 * 1024 ** 3);
  await until(
    () => sum(codesOf(rig, 'odd')) === 11,
    20_000,
    () => JSON.stringify([...codesOf(rig, 'odd')]),
  );
  const codes = codesOf(rig, 'odd');
  must(
    codes.get('file_type') === 9 && codes.get('file_links') === 1 && codes.get('file_too_large') === 1,
    JSON.stringify([...codes]),
  );
  must(readFileSync(secret, 'utf8') === CANARY && existsSync('/etc/shadow'), 'a file outside was touched');
  for (const n of [10, 11]) {
    const kept = join(rig.site.home, 'orders', 'failed', nameOf('odd', n));
    must(existsSync(kept), `${kept} is not in the archive`);
    rmSync(kept);
  }
  mustNotLeak(rig);
  return { objects: 11, answered: 11, bytes_leaked: 0 };
}

async function swappedIncoming(rig: Rig): Promise<Figures> {
  const tower = await rig.start();
  await rig.answered(rig.drop());
  const incoming = incomingOf(rig);
  const outside = join(rig.folder, `outside-${Date.now()}`);
  mkdirSync(outside);
  const theirs = Array.from({ length: 20 }, (_, n) => join(outside, nameOf('outside', n)));
  for (const file of theirs) writeFileSync(file, CANARY);
  renameSync(incoming, `${incoming}.moved`);
  symlinkSync(outside, incoming);
  await until(
    () => /was replaced by something else/.test(tower.output),
    10_000,
    () => `nothing is said:\n${tower.output.slice(-500)}`,
  );
  await sleep(1500);
  must(
    theirs.every((file) => existsSync(file)),
    'a file outside was taken',
  );
  must(sum(codesOf(rig, 'outside')) === 0, 'a file outside was answered');
  unlinkSync(incoming);
  renameSync(`${incoming}.moved`, incoming);
  await rig.answered(rig.drop());
  mustNotLeak(rig);
  return { taken_outside: 0 };
}

async function swappedResponses(rig: Rig): Promise<Figures> {
  await rig.start();
  const first = rig.drop({ type: 'accountinfo', payload: {} });
  await rig.answered(first);
  const responses = join(rig.site.home, 'responses');
  rmSync(responses, { recursive: true });
  const second = rig.drop({ type: 'accountinfo', payload: {} });
  await until(
    () => existsSync(second.answer),
    15_000,
    () => 'no answer after the folder was removed',
  );
  await until(
    () => existsSync(first.answer),
    15_000,
    () => 'the answer of before was not made again',
  );
  // Now for a link to a place where a file of the answer's name lies already.
  const outside = join(rig.folder, `planted-${Date.now()}`);
  renameSync(responses, `${responses}.moved`);
  const release = rig.site.prepare([{ type: 'accountinfo', payload: {} }]);
  const third = rig.site.dropped.at(-1);
  must(third !== undefined, 'nothing prepared');
  const target = third.answer.replace(responses, outside);
  mkdirSync(join(target, '..'), { recursive: true });
  writeFileSync(target, CANARY);
  symlinkSync(outside, responses);
  release();
  await sleep(3000);
  must(readFileSync(target, 'utf8') === CANARY, 'the planted target was overwritten');
  must(filesBelow(outside).length === 1, 'something was written outside');
  unlinkSync(responses);
  renameSync(`${responses}.moved`, responses);
  await until(
    () => existsSync(third.answer),
    15_000,
    () => 'no answer after the folder was put back',
  );
  return { written_outside: 0, published_again: 2 };
}

async function strangeNames(rig: Rig): Promise<Figures> {
  const tower = await rig.start();
  const incoming = incomingOf(rig);
  const names: readonly (string | Buffer)[] = [
    'a\nb.json',
    '\u001b[31mred.json',
    '-rf.json',
    '..json',
    'CON.json',
    'it\'s "quoted".json',
    `${'n'.repeat(250)}.json`,
    'a b.json',
    'paper_\u0430gent_stockbuy_20260213143022000001.json',
    Buffer.from([0x70, 0xff, 0xfe, 0x2e, 0x6a, 0x73, 0x6f, 0x6e]),
    'x.JSON',
    'x.json.txt',
  ];
  for (const name of names) writeFileSync(Buffer.concat([Buffer.from(`${incoming}/`), Buffer.from(name)]), '{}');
  const folder = join(rig.site.home, 'responses', '_unattributed');
  const hidden = names.filter((name) => typeof name === 'string' && name.startsWith('.')).length;
  const wanted = names.length - hidden;
  await until(
    () => existsSync(folder) && filesBelow(folder).length === wanted,
    15_000,
    () =>
      `${existsSync(folder) ? filesBelow(folder).length : 0} of ${wanted}; left: ${readdirSync(incoming).join(', ')}`,
  );
  must(readdirSync(incoming).length === hidden, readdirSync(incoming).join(', '));
  must(!tower.output.includes('\u001b[31m'), 'an escape sequence reached the terminal');
  for (const name of readdirSync(join(rig.site.home, 'logs')))
    for (const line of readFileSync(join(rig.site.home, 'logs', name), 'utf8')
      .split('\n')
      .slice(0, -1))
      JSON.parse(line);
  for (const name of readdirSync(incoming)) unlinkSync(join(incoming, name));
  return { names: names.length, answered: wanted, hidden, forged_lines: 0 };
}

/** One agent's heap: how long the others wait, with it and without. */
async function flood(rig: Rig, files: number, asks: number): Promise<Figures> {
  await rig.start();
  await latencies(rig, 'calm', 20);
  const before = await latencies(rig, 'calm', asks);
  const incoming = incomingOf(rig);
  const heap = `${rig.site.home}/heap`;
  mkdirSync(heap);
  const body = '{"not": "an order"}';
  for (let n = 0; n < files; n++) writeFileSync(join(heap, `${n}`), body);
  for (let n = 0; n < files; n++) {
    const at = `202602131430${padded(Math.floor(n / 1_000_000)).slice(-2)}${padded(n % 1_000_000)}`;
    renameSync(join(heap, `${n}`), join(incoming, `paper_flood_accountinfo_${at}.json`));
    if (n % 2000 === 0) await sleep(0);
  }
  const left = (): number => readdirSync(incoming).length;
  const atStart = left();
  const during = await latencies(rig, 'calm', asks);
  const stillThere = left();
  for (const name of readdirSync(incoming)) if (name.includes('_flood_')) rmSync(join(incoming, name), { force: true });
  must(stillThere > 0, 'the heap was gone before the end: nothing was measured');
  // What else the machine did counts on neither side.
  const again = await latencies(rig, 'calm', asks);
  const calm = (share: number): number => Math.max(at(before, share), at(again, share));
  const ratio = (share: number): number => Math.round((at(during, share) / calm(share)) * 10) / 10;
  const figures = {
    files,
    waiting_at_first: atStart,
    waiting_at_last: stillThere,
    calm_p50_ms: calm(0.5),
    calm_p99_ms: calm(0.99),
    flooded_p50_ms: at(during, 0.5),
    flooded_p99_ms: at(during, 0.99),
    p50_ratio: ratio(0.5),
    p99_ratio: ratio(0.99),
  };
  const told = JSON.stringify(figures);
  // Of times that are as short as these one slow turn of the machine is twice as much.
  must(ratio(0.99) <= 2 || at(during, 0.99) < 200, `others wait for the flood: ${told}`);
  return figures;
}

const MILLION = 1_000_000;

/** Megabytes of memory that a process holds. */
const rssOf = (pid: number): number =>
  Math.round(Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024);

/** A million empty files of one agent: none of them is whole, and each listing meets them all. */
async function million(rig: Rig, asks: number): Promise<Figures> {
  const tower = await rig.start();
  await latencies(rig, 'calm', 20);
  const before = await latencies(rig, 'calm', asks);
  const rssBefore = rssOf(tower.pid);
  const incoming = incomingOf(rig);
  for (let n = 0; n < MILLION; n++) {
    closeSync(openSync(join(incoming, `paper_flood_accountinfo_20260213143022${padded(n)}.json`), 'w'));
    if (n % 1000 === 0) await sleep(0);
  }
  const startedAt = performance.now();
  const [first = 0] = await latencies(rig, 'new', 1);
  const during = await latencies(rig, 'calm', asks);
  const left = readdirSync(incoming).length;
  const figures = {
    files: MILLION,
    waiting_at_last: left,
    new_agent_ms: Math.round(first),
    calm_p50_ms: at(before, 0.5),
    calm_p99_ms: at(before, 0.99),
    million_p50_ms: at(during, 0.5),
    million_p99_ms: at(during, 0.99),
    slowest_ms: at(during, 1),
    seconds: Math.round((performance.now() - startedAt) / 1000),
    rss_before_mb: rssBefore,
    rss_mb: rssOf(tower.pid),
  };
  for (const name of readdirSync(incoming)) if (name.includes('_flood_')) rmSync(join(incoming, name), { force: true });
  must(left > MILLION / 2, `only ${left} were left: nothing was measured`);
  must(at(during, 1) < 5000, `an answer to somebody else took ${at(during, 1)} ms`);
  return figures;
}

export const intakeRows: readonly Row[] = [
  intakeRow('C01', '20,000 changes while the tower is stopped: the watch loses them', overflow),
  intakeRow('C03', 'half a file, finished later, or never; and one over a longer one', halves),
  intakeRow('C06', 'a file that is replaced again and again', replaced),
  intakeRow('C08', '100 FIFOs in incoming/, one in the archive', fifos),
  intakeRow('C09', 'links, folders, devices, second names, 10 GB of nothing', strangeObjects),
  intakeRow('C13', 'incoming/ is replaced by a link', swappedIncoming),
  intakeRow('C14', 'responses/ is removed, and replaced by a link', swappedResponses),
  intakeRow('C16', 'names that no file should have', strangeNames),
  intakeRow('C18', 'one agent floods 50,000 files', (rig) => flood(rig, 50_000, 100), 1.5),
  {
    ...intakeRow('B25.million', 'a million files of one agent in incoming/', (rig) => million(rig, 100), 5),
    onlyNamed: true,
  },
];
