/** What a figure depends on besides the tower: the machine, the versions, the commit. Must never fail: unknown is `?`. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { arch, cpus, loadavg, release, tmpdir, totalmem, type } from 'node:os';
import Sqlite from 'better-sqlite3';
import { ROOT } from './rig.ts';

function said(command: string, ...args: readonly string[]): string {
  try {
    return execFileSync(command, args, { cwd: ROOT, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return '?';
  }
}

function sqliteVersion(): string {
  const db = new Sqlite(':memory:');
  const version = String(db.prepare('SELECT sqlite_version()').pluck().get());
  db.close();
  return version;
}

/** `before` is the load average of when the bench began. */
export function machine(before: readonly number[]): Readonly<Record<string, string>> {
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  const load = (values: readonly number[]): string => values.map((value) => value.toFixed(2)).join(' ');
  const dirty = said('git', 'status', '--porcelain') === '' ? '' : ' with changes';
  return {
    tower: version,
    commit: `${said('git', 'rev-parse', '--short=12', 'HEAD')}${dirty}`,
    node: process.version,
    sqlite: sqliteVersion(),
    system: `${type()} ${release()} ${arch()}`,
    processor: `${cpus().length} × ${cpus()[0]?.model ?? '?'}`,
    memory: `${Math.round(totalmem() / 2 ** 30)} GB`,
    'file system': said('df', '--output=fstype', tmpdir()).split('\n').at(-1) ?? '?',
    'load before': load(before),
    'load after': load(loadavg()),
  };
}
