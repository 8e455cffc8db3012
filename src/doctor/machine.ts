/**
 * What the machine gives a tower: Node, disk, open files, the watch of a folder. Must never change anything, and never ask for
 * what a tower does not need.
 */
import fs from 'node:fs';
import { join } from 'node:path';
import { error, type Finding, ok, sizeOf, warning } from './finding.ts';

const NODE_MAJOR = 24;

/** `version` as `24.21.0`. */
export function nodeVersion(version: string): Finding {
  if (Number.parseInt(version, 10) >= NODE_MAJOR) return ok('node', `Node ${version}`);
  return error(
    'node',
    `this is Node ${version}, and the tower needs Node ${NODE_MAJOR}`,
    'Start it by bin/tower, which brings its own on Linux; elsewhere install Node 24.',
  );
}

const DISK_ERROR = 100e6;
const DISK_WARNING = 1e9;
const FILES_ERROR = 1_000;
const FILES_WARNING = 100_000;

/** Free space where the home lies, in bytes and in files. */
export function disk(home: string): readonly Finding[] {
  const { bavail, bsize, files, ffree } = fs.statfsSync(home);
  const free = bavail * bsize;
  const remedy = 'Free some: a tower whose disk is full takes no orders and cannot write answers.';
  const space =
    free < DISK_ERROR
      ? error('disk', `only ${sizeOf(free)} are free`, remedy)
      : free < DISK_WARNING
        ? warning('disk', `${sizeOf(free)} are free`, remedy)
        : ok('disk', `${sizeOf(free)} are free`);
  // Some file systems do not count files.
  if (files === 0 || ffree >= FILES_WARNING) return [space];
  const text = `the file system takes only ${ffree} more files`;
  const advice = 'Delete old answers and archives, or make the file system anew with more inodes.';
  return [space, ffree < FILES_ERROR ? error('disk', text, advice) : warning('disk', text, advice)];
}

const OPEN_FILES = 1_024;

/** How many files one process may hold open, where the system tells. */
export function openFiles(): readonly Finding[] {
  const limits = textOf('/proc/self/limits');
  const found = /^Max open files\s+(\d+|unlimited)/m.exec(limits ?? '')?.[1];
  if (found === undefined) return [];
  if (found === 'unlimited' || Number(found) >= OPEN_FILES) return [ok('open files', `${found} may be open at once`)];
  const remedy = `Raise it: ulimit -n 4096, or LimitNOFILE=4096 in the service.`;
  return [warning('open files', `only ${found} files may be open at once`, remedy)];
}

/** Whether a folder can be watched; without that it is listed twice a second, which is slower and loses nothing. */
export function watching(folder: string): readonly Finding[] {
  if (!fs.existsSync(folder)) return [];
  const slower = (why: string, remedy: string): readonly Finding[] => [
    warning(
      'watch',
      `${folder} cannot be watched (${why}); files are found by listing it, half a second later`,
      remedy,
    ),
  ];
  try {
    fs.watch(folder).close();
  } catch (fault) {
    const code = fault instanceof Error && 'code' in fault ? String(fault.code) : 'unknown';
    const [name, value] = code === 'EMFILE' ? ['max_user_instances', 1_024] : ['max_user_watches', 524_288];
    return slower(code, `Run as root: sysctl fs.inotify.${name}=${value}`);
  }
  return [ok('watch', 'new files are seen at once')];
}

/** Temporary names in a folder that have been lying there for so long that somebody has forgotten them. */
const FORGOTTEN_MS = 600_000;
const TEMPORARY = /^\.|(?:\.tmp|\.part|\.swp|~|\.crdownload)$/;

/** What agents and earlier runs left behind. `nowMs` is the wall clock. */
export function leftovers(home: string, isRunning: boolean, nowMs: number): readonly Finding[] {
  const findings: Finding[] = [];
  const incoming = join(home, 'orders/incoming');
  const forgotten = list(incoming).filter(
    (name) => TEMPORARY.test(name) && nowMs - mtimeOf(join(incoming, name)) > FORGOTTEN_MS,
  );
  if (forgotten.length > 0) {
    const [first = ''] = forgotten;
    const text = `${many(forgotten.length, 'file')} under a temporary name for more than ten minutes, such as ${first}`;
    findings.push(
      warning('leftovers', `${incoming}: ${text}`, 'Rename them to the name of an order file, or delete them.'),
    );
  }
  if (!isRunning) {
    const waiting = list(incoming).filter((name) => name.endsWith('.json') && !TEMPORARY.test(name)).length;
    const claimed = list(join(home, 'orders/processing')).filter((name) => !name.startsWith('.')).length;
    if (waiting + claimed > 0)
      findings.push(ok('leftovers', `${many(waiting + claimed, 'order file')} will be taken up at the next start`));
  }
  return findings.length === 0 ? [ok('leftovers', 'nothing was left behind')] : findings;
}

const many = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;

/** Names in a folder; none when it is not there or may not be read. */
function list(folder: string): readonly string[] {
  try {
    return fs.readdirSync(folder);
  } catch {
    return [];
  }
}

const mtimeOf = (path: string): number =>
  fs.lstatSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Number.POSITIVE_INFINITY;

function textOf(path: string): string | null {
  try {
    return fs.readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}
