/** The home folder as a tower would find it: there, its own, writable, closed to others. Must never change anything. */
import fs from 'node:fs';
import { join } from 'node:path';
import { foreignFolder } from '../lib/files.ts';
import { octal, shellWord } from '../settings.keys.ts';
import { error, type Finding, ok, warning } from './finding.ts';

/** Folders in which nobody but the tower has any business. */
const PRIVATE = ['data', 'orders/processing', 'orders/completed', 'orders/failed'];
const INCOMING = 'orders/incoming';

/** `folders` are those that a tower makes, relative to the home. */
export function homeFolders(home: string, folders: readonly string[]): readonly Finding[] {
  const look = fs.statSync(home, { throwIfNoEntry: false });
  if (look === undefined) return [ok('home', `${home} is not there yet; the first start makes it`)];
  const there = folders.filter((folder) => fs.existsSync(join(home, folder)));
  const findings = [
    ...linked(home, there),
    ...unwritable(home, there),
    ...loose(home, there),
    ...oneFileSystem(home, there),
  ];
  return findings.length > 0 ? findings : [ok('home', `${home}: folders, owners and rights are as they must be`)];
}

function linked(home: string, folders: readonly string[]): readonly Finding[] {
  return folders.flatMap((folder) => {
    const path = join(home, folder);
    if (fs.lstatSync(path).isDirectory()) return [];
    const remedy = `Take it away, the tower makes its own: mv ${shellWord(path)} ${shellWord(`${path}.away`)}`;
    return error('home', `${path} is no folder, or a link to one`, remedy);
  });
}

function unwritable(home: string, folders: readonly string[]): readonly Finding[] {
  return ['.', ...folders].flatMap((folder) => {
    const path = join(home, folder);
    try {
      fs.accessSync(path, fs.constants.R_OK | fs.constants.W_OK | fs.constants.X_OK);
      return [];
    } catch (fault) {
      const why = fault instanceof Error && 'code' in fault ? String(fault.code) : 'unknown';
      const { uid, mode } = fs.statSync(path);
      const remedy = 'Run the doctor as the user of the tower, or give the folder to that user (chown).';
      return error('home', `${path} cannot be used (${why}): owner ${uid}, mode ${octal(mode)}`, remedy);
    }
  });
}

/** Others may write only where they drop orders, and look only where they read answers. */
function loose(home: string, folders: readonly string[]): readonly Finding[] {
  return ['.', ...folders].flatMap((folder) => {
    const path = join(home, folder);
    const { mode } = fs.statSync(path);
    const shown = `(mode ${octal(mode)})`;
    if ((mode & 0o002) !== 0 && !(folder === '.' && (mode & 0o1000) !== 0)) {
      const what = folder === INCOMING ? 'drop orders under any name' : 'write there';
      return error(
        'home',
        `${path}: every user of this machine may ${what} ${shown}`,
        `Run: chmod o-w ${shellWord(path)}`,
      );
    }
    if (folder === 'data' && (mode & 0o077) !== 0) {
      const text = `${path}: other users of this machine can read the journal ${shown}`;
      return warning('home', text, `Run: chmod 700 ${shellWord(path)}`);
    }
    if (PRIVATE.includes(folder) && (mode & 0o020) !== 0) {
      return warning('home', `${path}: its group may write there ${shown}`, `Run: chmod g-w ${shellWord(path)}`);
    }
    return [];
  });
}

function oneFileSystem(home: string, folders: readonly string[]): readonly Finding[] {
  const foreign = foreignFolder(
    home,
    folders.filter((folder) => folder !== 'logs'),
  );
  if (foreign === null) return [];
  const { folder, device, homeDevice } = foreign;
  const text = `${join(home, folder)} lies on another file system (device ${device}) than ${home} (device ${homeDevice})`;
  return [error('home', text, 'Mount the home itself, not folders inside it: claims and answers are renames.')];
}

/** Whom an order file names, and what proves it. */
export function identity(home: string): readonly Finding[] {
  const path = join(home, INCOMING);
  const mode = fs.statSync(path, { throwIfNoEntry: false })?.mode;
  if (mode === undefined) return [];
  const label = 'agents that share it are told apart by the file name, which proves nothing';
  if ((mode & 0o022) === 0) return [ok('identity', `${path} is written by one user alone; ${label}`)];
  const remedy =
    'List the agents and set agents_only, so that a misspelt id is refused; docs/operations.md tells how to keep them apart.';
  return [warning('identity', `${path} is shared by several users (mode ${octal(mode)}); ${label}`, remedy)];
}
