/**
 * `npm run prove`: real processes and real SQLite against the exchange, faults of every kind, and an auditor that shares
 * no code with the tower. Exits 1 on a single violation.
 *
 *   npm run prove                          every row
 *   npm run prove -- E04 E05 p1            rows and promises by name
 *   npm run prove -- A02 --kills 1000      more random kills
 *   npm run prove -- I06.plain --halts 100 more halts while orders keep coming
 *   npm run prove -- --out DIR --seed N --stands 2 --json
 *   npm run prove -- hostile               hostile input: 1,000,000 inputs, or --runs N
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { lineOf, pageOf, textOf } from './report.ts';
import type { Row } from './row.ts';
import { allRows } from './rows.ts';
import { run } from './run.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    kills: { type: 'string', default: '100' },
    halts: { type: 'string', default: '10' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    stands: { type: 'string', default: String(Math.min(2, availableParallelism())) },
    out: { type: 'string' },
    json: { type: 'boolean', default: false },
    runs: { type: 'string', default: '1000000' },
  },
});

const number = (name: 'kills' | 'halts' | 'seed' | 'stands' | 'runs'): number => {
  const value = Number(values[name]);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  console.error(`--${name} ${values[name]} must be a whole number`);
  process.exit(2);
};

const seed = number('seed');
if (positionals.includes('hostile')) {
  if (positionals.length > 1) {
    console.error('hostile is a proof of its own: name it alone');
    process.exit(2);
  }
  const { proveHostile } = await import('../hostile/prove.ts');
  process.exit(await proveHostile({ seed: String(seed), runs: number('runs'), json: values.json, out: values.out }));
}
const rows = allRows({ kills: number('kills'), halts: number('halts'), seed });
const wanted = positionals.map((word) => word.toLowerCase());
const family = (row: Row): string => (row.id.split('.')[0] ?? '').toLowerCase();
const known = new Set(rows.flatMap((row) => [row.id.toLowerCase(), family(row), ...row.promises]));
const unknown = wanted.filter((word) => !known.has(word));
if (unknown.length > 0) {
  console.error(
    `no row or promise is called ${unknown.join(', ')}; there are hostile ${[...known].sort((a, b) => a.localeCompare(b)).join(' ')}`,
  );
  process.exit(2);
}
const isOneOf = (row: Row): boolean =>
  wanted.length === 0 || wanted.includes(family(row)) || row.promises.some((promise) => wanted.includes(promise));
const chosen = rows.filter((row) => wanted.includes(row.id.toLowerCase()) || (row.onlyNamed !== true && isOneOf(row)));

const startedAt = Date.now();
if (values.out !== undefined) mkdirSync(values.out, { recursive: true });
const results = await run(chosen, {
  stands: number('stands'),
  ...(values.out === undefined ? {} : { folder: values.out }),
  done: (result) => console.error(lineOf(result)),
});
const page = pageOf(results, {
  seed,
  command: ['npm run prove', ...(process.argv.length > 2 ? ['--', ...process.argv.slice(2)] : [])].join(' '),
  startedAt,
  seconds: Math.round((Date.now() - startedAt) / 1000),
});
const json = `${JSON.stringify(page, null, 2)}\n`;
process.stdout.write(values.json ? json : `\n${textOf(page)}`);
if (values.out !== undefined) writeFileSync(join(values.out, 'prove-figures.json'), json);
process.exitCode = page.rows.failed === 0 ? 0 : 1;
