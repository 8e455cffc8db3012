/**
 * B19, B26 and B27: homes on which no tower may start. Must never pass a refusal that does not name the cause, nor a remedy that
 * does not help.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { chanceOf } from './chance.ts';
import { Child, sleep, until } from './process.ts';
import { RESTING, type Rig } from './rig.ts';
import { type Figures, leave, machine, must, need, type Row } from './row.ts';
import { entriesOf } from './rows-disk-2.ts';

/** The same folder under a second name: the lock is the folder's, not the name's. */
async function boundTwice(rig: Rig): Promise<Figures> {
  need('root');
  const other = `${rig.site.home}-bound`;
  mkdirSync(other);
  machine('mount', '--bind', rig.site.home, other);
  let second: Child | null = null;
  try {
    const first = await rig.start();
    rig.dropMany(2);
    await rig.site.settled(20_000);
    const data = join(other, 'data');
    // The first's own last thing at its start.
    await until(
      () => existsSync(join(data, 'reserve')),
      10_000,
      () => 'there is no reserve',
    );
    const before = readdirSync(data).toSorted().join();
    second = new Child(['start', '--home', other], { env: rig.env() });
    const { code } = await second.exited;
    must(code === 3, `the second ended with ${code}:\n${second.output.slice(-800)}`);
    must(second.output.includes(String(first.pid)), `it does not name process ${first.pid}:\n${second.output}`);
    const after = readdirSync(data).toSorted().join();
    must(after === before, `the second changed what lies in data/: ${before} became ${after}`);
    rig.dropMany(3);
    await rig.site.settled(20_000);
    must(rig.posted === 5, `${rig.posted} POSTs for 5 orders`);
    return { exit: code, posts: rig.posted };
  } finally {
    await second?.end('SIGKILL');
    leave('umount', '-l', other);
  }
}

/** What others may write or read that they must not: refused, named, and put right by the command that is told. */
async function looseRights(rig: Rig): Promise<Figures> {
  const { home } = rig.site;
  const first = await rig.start();
  await first.end();
  const key = join(rig.folder, 'loose-key');
  writeFileSync(key, rig.secret, { mode: 0o600 });
  const dotenv = join(home, '.env');
  const fromFile = { ALPACA_PAPER_SECRET_KEY: '', ALPACA_PAPER_SECRET_KEY_FILE: key };
  const fromDotenv = { ALPACA_PAPER_API_KEY: '', ALPACA_PAPER_SECRET_KEY: '' };
  const folders = [
    'orders/incoming',
    'orders',
    'orders/processing',
    'orders/completed',
    'orders/failed',
    'responses',
    'data',
  ];
  const cases: readonly (readonly [path: string, mode: number, env: Readonly<Record<string, string>>])[] = [
    ...folders.map((folder) => [join(home, folder), 0o777, {}] as const),
    [key, 0o644, fromFile],
    [key, 0o620, fromFile],
    [dotenv, 0o644, fromDotenv],
  ];
  const order = rig.drop();
  for (const [path, mode, env] of cases) {
    if (path === dotenv)
      writeFileSync(path, `ALPACA_PAPER_API_KEY=${rig.key}\nALPACA_PAPER_SECRET_KEY=${rig.secret}\n`);
    const words = `${path} with mode ${mode.toString(8)}`;
    chmodSync(path, mode);
    const tower = rig.launch(env);
    await tower.ready().then(
      () => must(false, `a tower started on ${words}`),
      () => {},
    );
    const { code } = await tower.exited;
    must(code === 2, `${words}: ended with ${code}:\n${tower.output.slice(-800)}`);
    must(tower.output.includes(path), `${words}: not named:\n${tower.output}`);
    must(!tower.output.includes(rig.secret), `${words}: the secret is shown`);
    const remedy = /\bchmod [^\s"]+ [^\s"]+/.exec(tower.output)?.[0];
    must(remedy !== undefined, `${words}: nothing is said of what to do:\n${tower.output}`);
    const { status, stderr } = spawnSync('sh', ['-c', remedy.replace(/\.$/, '')], { encoding: 'utf8' });
    must(status === 0, `${words}: ${remedy}: ${stderr}`);
    const after = await rig.start(env);
    await after.end();
  }
  rmSync(dotenv);
  must(rig.posts(order).length === 1, 'the order was not sent once');
  return { refused: cases.length, put_right: cases.length };
}

const FLIPS = 16;

/**
 * One bit of the journal is another, anywhere in it: closed, or as a killed tower leaves it, with its log. Found at the start, or
 * of no consequence: what the start then knows is all that was known.
 */
async function flippedBits(rig: Rig, seed: number): Promise<Figures> {
  const chance = chanceOf(seed);
  const data = join(rig.site.home, 'data');
  const kept = join(rig.folder, 'kept');
  const known = (): string => {
    const entries = entriesOf(rig.site.home, join(rig.folder, 'found'));
    return entries.map(({ id, receipt, state }) => `${id} ${receipt} ${state}`).join('\n');
  };
  const tryAll = async (name: string): Promise<{ found: number; harmless: number }> => {
    rmSync(kept, { recursive: true, force: true });
    cpSync(data, kept, { recursive: true });
    const before = known();
    const bytes = readFileSync(join(kept, name));
    let found = 0;
    for (let n = 0; n < FLIPS; n++) {
      const at = chance.whole(0, bytes.length - 1);
      const flipped = Buffer.from(bytes);
      flipped.writeUInt8(flipped.readUInt8(at) ^ (1 << chance.whole(0, 7)), at);
      writeFileSync(join(data, name), flipped);
      const tower = rig.launch();
      await Promise.race([tower.exited, tower.ready().catch(() => {})]);
      if (tower.isRunning) {
        await tower.end('SIGKILL');
        must(known() === before, `byte ${at} of ${name}: a tower runs, and knows\n${known()}\ninstead of\n${before}`);
      } else {
        const { code } = await tower.exited;
        const isTold = tower.output.includes(join(data, 'tower.db'));
        must(code === 2 && isTold, `byte ${at} of ${name}: ended with ${code}:\n${tower.output.slice(-800)}`);
        found++;
      }
      rmSync(data, { recursive: true });
      cpSync(kept, data, { recursive: true });
    }
    return { found, harmless: FLIPS - found };
  };
  const first = await rig.start();
  rig.dropMany(6);
  await rig.site.settled(20_000);
  await first.end();
  const closed = await tryAll('tower.db');
  must(closed.harmless === 0, `${closed.harmless} of ${FLIPS} changed bits of a closed journal were not found`);
  const second = await rig.start();
  rig.dropMany(6, { payload: RESTING });
  await rig.site.settled(20_000);
  // What is still to be marked is marked.
  await sleep(1000);
  await second.end('SIGKILL');
  const log = await tryAll('tower.db-wal');
  must(log.found > 0, 'no changed bit of the log was found');
  await rig.start();
  rig.drop();
  return {
    closed_flips: FLIPS,
    closed_found: closed.found,
    log_flips: FLIPS,
    log_found: log.found,
    log_harmless: log.harmless,
    kills: 1 + log.harmless,
  };
}

const row = (id: string, title: string, run: Row['run'], minutes?: number): Row => ({
  id,
  title,
  promises: ['p1', 'p6'],
  ...(minutes === undefined ? {} : { minutes }),
  run,
});

export const startRows = (seed: number): readonly Row[] => [
  row('B19', 'one bit of the journal, or of its log, is another', (rig) => flippedBits(rig, seed), 1),
  row('B26', 'two towers see one home under two names', boundTwice),
  row('B27', 'folders that others may write, keys that others may read', looseRights),
];
