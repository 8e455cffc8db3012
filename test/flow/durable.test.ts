/**
 * What the kernel is asked to make durable, seen from outside with strace. Must never count what another process syncs.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

const COMMITS = 25;
const source = (path: string): string => JSON.stringify(new URL(`../../src/${path}`, import.meta.url).href);
const program = `
  const { openSqliteJournal } = await import(${source('journal/sqlite.ts')});
  const { systemClock } = await import(${source('lib/clock.ts')});
  const { seededRandom } = await import(${source('lib/random.ts')});
  const journal = openSqliteJournal({ file: process.argv[1], clock: systemClock, random: seededRandom(1) });
  for (let n = 0; n < ${COMMITS}; n++) {
    await journal.setFact('n', String(n));
    process.stdout.write('kept ' + n + '\\n');
  }
  process.kill(process.pid, 'SIGKILL');
`;

const hasStrace = spawnSync('strace', ['-V']).status === 0;

test('every commit of the journal is synced before it is told', { skip: hasStrace ? false : 'needs strace' }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'durable-'));
  try {
    const log = join(folder, 'strace.log');
    const { stdout, stderr } = spawnSync(
      'strace',
      [
        '-f',
        '-y',
        '-qq',
        '-e',
        'trace=fsync,fdatasync,write',
        '-o',
        log,
        process.execPath,
        '--input-type=module',
      ].concat(['-e', program, join(folder, 'tower.db')]),
      { encoding: 'utf8' },
    );
    assert.equal(stdout.split('\n').length - 1, COMMITS, stderr);
    let synced = 0;
    let told = 0;
    for (const line of readFileSync(log, 'utf8').split('\n')) {
      if (/(?:fsync|fdatasync)\(\d+<[^>]*tower\.db-wal>/.test(line)) synced++;
      if (!/write\(1<[^>]*>, "kept \d+\\n"/.test(line)) continue;
      told++;
      assert.ok(synced >= told, `${told} commits are told, and ${synced} syncs of the log were asked for`);
    }
    assert.equal(told, COMMITS);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
