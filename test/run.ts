/**
 * Runs every test file, each in a process of its own, with Node's test runner.
 * Must never skip a file silently: what the pattern finds is what runs.
 * `node test/run.ts PATTERN…` runs the files whose path contains one of the patterns.
 */
import { spawnSync } from 'node:child_process';
import { globSync, mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';

const wanted = process.argv.slice(2);
const files = globSync(['src/**/*.test.ts', 'test/**/*.test.ts'])
  .filter((file) => wanted.length === 0 || wanted.some((part) => file.includes(part)))
  .sort();
if (files.length === 0) {
  console.error(`no test file matches ${wanted.join(' ')}`);
  process.exit(1);
}
// Whatever a test, or a process that it killed, leaves behind goes with this folder.
const temporary = mkdtempSync(join(tmpdir(), 'tower-tests-'));
const reporter = process.stdout.isTTY ? 'spec' : 'dot';
const { status } = spawnSync(
  process.execPath,
  [
    '--test',
    '--test-force-exit',
    `--test-concurrency=${availableParallelism()}`,
    `--test-reporter=${reporter}`,
    '--test-timeout=240000',
    ...files,
  ],
  { stdio: 'inherit', env: { ...process.env, TOWER_TEST: '1', TMPDIR: temporary } },
);
rmSync(temporary, { recursive: true, force: true });
process.exit(status ?? 1);
