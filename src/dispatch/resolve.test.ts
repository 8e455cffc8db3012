/** The whole length of a doubt, on a clock in the hand: when it may end, by what, and not a moment before. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { type HandClock, NAME, NOT_FOUND, ORDER, said, stand } from '../../test/dispatch/stand.ts';
import type { HttpRequest, HttpResult } from '../broker/alpaca/network.ts';
import { HALT_FOLDER } from '../halt/halt.ts';
import type { Entry } from '../journal/journal.ts';
import { defined } from '../lib/assert.ts';
import { systemFiles } from '../lib/files.ts';
import type { DoubtPolicy } from './desk.ts';
import { Dispatcher } from './dispatcher.ts';
import { resolve } from './resolve.ts';

const home = mkdtempSync(join(tmpdir(), 'resolve-'));
after(() => rmSync(home, { recursive: true }));
const files = systemFiles(home);
files.makeFolder(HALT_FOLDER);

const MINUTE_MS = 60_000;
interface Scene {
  readonly clock: HandClock;
  readonly requests: readonly (HttpRequest & { readonly at: number })[];
  /** The entry as it stands. */
  entry(): Promise<Entry>;
  /** Runs on to this moment, or to the end of the doubt. */
  until(ms: number): Promise<void>;
  /** What a next process does first, until nothing is left to do before this moment. */
  restart(ms: number): Promise<void>;
}

/** An order whose first sending came to nothing known; `answer` is the broker, told the moment in milliseconds. */
async function inDoubt(
  answer: (request: HttpRequest, at: number) => HttpResult,
  policy: Partial<DoubtPolicy> = {},
): Promise<Scene> {
  const requests: (HttpRequest & { at: number })[] = [];
  const { clock, journal, trade, desk, arrival } = stand(
    'resolve',
    files,
    (clock) => async (request) => {
      requests.push({ ...request, at: clock.ms });
      return answer(request, clock.ms);
    },
    () => ({
      doubt: {
        settleMs: 20_000,
        maxDelayMs: 15 * MINUTE_MS,
        resend: true,
        marketResendMs: 30_000,
        latePolicy: 'cancel',
        ...policy,
      },
    }),
  );
  const admitted = journal.admit([arrival()]);
  await clock.run(0, () => false);
  const [admission] = await admitted;
  assert.ok(admission?.kind === 'new');
  const { seq, rev } = admission.entry;
  const patch = { state: 'in_doubt', doubted: true, attempts: 1 } as const;
  const doubted = journal.apply([{ seq, rev, at: clock.now(), patch, events: [], stage: 'd5' }]);
  await clock.run(0, () => false);
  await doubted;
  let ended = false;
  const job = resolve(desk, seq, trade, () => {}).then(() => {
    ended = true;
  });
  return {
    clock,
    requests,
    entry: async () => defined(await journal.find({ seq }), 'the entry'),
    async until(ms) {
      await clock.run(ms, () => ended);
      if (ended) await job;
    },
    async restart(ms) {
      const dispatcher = new Dispatcher(desk, { may: () => true }, assert.ifError);
      const recovered = dispatcher.recover();
      await clock.run(ms, () => false);
      await recovered;
    },
  };
}

const isList = ({ path }: HttpRequest): boolean => path.startsWith('/v2/orders?');
const isPost = ({ method }: HttpRequest): boolean => method === 'POST';

test('not executed is said after the longest delay, two look-ups a minute apart, and the whole list', async () => {
  const scene = await inDoubt((request) => (isList(request) ? said(200, '[]') : NOT_FOUND), { resend: false });
  await scene.until(15 * MINUTE_MS - 1);
  assert.equal((await scene.entry()).state, 'unresolved');
  assert.equal(scene.requests.some(isList), false);
  await scene.until(120 * MINUTE_MS);
  assert.equal((await scene.entry()).state, 'not_executed');
  assert.ok(scene.clock.ms >= 16 * MINUTE_MS, `said after ${scene.clock.ms / MINUTE_MS} minutes`);
  const absences = scene.requests.filter((request) => !isList(request) && request.at >= 15 * MINUTE_MS);
  assert.ok(absences.length >= 2 && (absences.at(-1)?.at ?? 0) - (absences[0]?.at ?? 0) >= MINUTE_MS);
  assert.equal(scene.requests.filter(isPost).length, 0);
});

test('an order that the list shows is found though look-ups do not see it', async () => {
  const scene = await inDoubt((request) => (isList(request) ? said(200, `[${ORDER}]`) : NOT_FOUND), { resend: false });
  await scene.until(120 * MINUTE_MS);
  const { state, brokerId } = await scene.entry();
  assert.deepEqual([state, brokerId], ['working', 'o-1']);
});

test('an order that came late is cancelled by the next process when this one ends before it has asked', async () => {
  for (const latePolicy of ['cancel', 'keep'] as const) {
    const found = (request: HttpRequest): HttpResult =>
      request.method === 'DELETE' ? said(204, '') : isList(request) ? said(200, `[${ORDER}]`) : NOT_FOUND;
    const scene = await inDoubt(found, { resend: false, latePolicy });
    const cancels = (): readonly string[] =>
      scene.requests.filter(({ method }) => method === 'DELETE').map(({ path }) => path);
    // Nobody is told of it: as when the process ends at that moment.
    await scene.until(120 * MINUTE_MS);
    assert.equal((await scene.entry()).state, 'working');
    assert.deepEqual(cancels(), []);
    await scene.restart(121 * MINUTE_MS);
    assert.deepEqual(cancels(), latePolicy === 'cancel' ? ['/v2/orders/o-1'] : []);
  }
});

test('on the second page of the list it is found as well', async () => {
  const moment = (n: number): string => `2026-02-13T14:30:24.${String(n).padStart(3, '0')}Z`;
  const listed = Array.from({ length: 501 }, (_, n) => ({
    at: moment(n),
    json: ORDER.replaceAll('2026-02-13T14:30:24Z', moment(n)),
  }));
  const page = (path: string): string => {
    const after = new URL(path, 'https://paper-api.example').searchParams.get('after') ?? '';
    // The last one is ours; the moments compare as texts, cut to milliseconds.
    const found = listed.filter(({ at }) => at > `${after.slice(0, 23).replace('Z', '')}Z`).slice(0, 500);
    const own = (json: string, at: string): string =>
      at === moment(500) ? json : json.replace('"o-1"', `"x-${at}"`).replace(NAME.clientOrderId, `foreign-${at}`);
    return `[${found.map(({ at, json }) => own(json, at)).join(',')}]`;
  };
  const scene = await inDoubt((request) => (isList(request) ? said(200, page(request.path)) : NOT_FOUND), {
    resend: false,
  });
  await scene.until(120 * MINUTE_MS);
  assert.equal((await scene.entry()).brokerId, 'o-1');
  assert.ok(scene.requests.filter(isList).length >= 2);
});

test('a copy that arrives after fourteen minutes is found, and nothing was said against it before', async () => {
  const scene = await inDoubt((_request, at) => (at < 14 * MINUTE_MS ? NOT_FOUND : said(200, ORDER)), {
    resend: false,
  });
  for (let minute = 0; minute < 14; minute++) {
    await scene.until(minute * MINUTE_MS);
    assert.ok(['in_doubt', 'unresolved'].includes((await scene.entry()).state));
  }
  await scene.until(120 * MINUTE_MS);
  assert.equal((await scene.entry()).state, 'working');
});

test('it is sent again after the settle time, at most twice, with the same bytes', async () => {
  const scene = await inDoubt((request, at) => {
    if (isPost(request)) return { kind: 'lost', reason: 'reset' };
    return at < 200_000 ? NOT_FOUND : said(200, ORDER);
  });
  await scene.until(120 * MINUTE_MS);
  const { wire, state } = await scene.entry();
  assert.equal(state, 'working');
  const posts = scene.requests.filter(isPost);
  assert.deepEqual(
    posts.map(({ body }) => body),
    [wire, wire],
  );
  const [first = 0, second = 0] = posts.map(({ at }) => at);
  assert.ok(first >= 20_000 && second >= first + 20_000 && second < 120_000, `sent again at ${first} and ${second}`);
});

test('an unanswered look-up proves nothing, however often', async () => {
  const scene = await inDoubt(() => ({ kind: 'unsent', reason: 'ECONNREFUSED' }));
  await scene.until(240 * MINUTE_MS);
  assert.equal((await scene.entry()).state, 'in_doubt');
  assert.equal(scene.requests.some(isPost), false);
});
