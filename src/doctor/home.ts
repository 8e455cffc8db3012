/** The home folder as a tower would find it: there, its own, writable, closed to others. Must never change anything. */
import fs from 'node:fs';
import { join } from 'node:path';
import { octal, shellWord } from '../settings.keys.ts';
import type { Settings } from '../settings.ts';
import { folderProblems } from '../tower.folders.ts';
import { error, type Finding, ok, warning } from './finding.ts';

const INCOMING = 'orders/incoming';
type Agents = Settings['agents'];

/** `folders` are those that a tower makes, relative to the home. */
export function homeFolders(home: string, folders: readonly string[], agents: Agents): readonly Finding[] {
  const look = fs.statSync(home, { throwIfNoEntry: false });
  if (look === undefined) return [ok('home', `${home} is not there yet; the first start makes it`)];
  if (!look.isDirectory())
    return [error('home', `${home} is no folder`, 'Name the folder of the tower with --home or TOWER_HOME.')];
  const there = folders.filter((folder) => fs.existsSync(join(home, folder)));
  const closed = unwritable(home, there);
  // Who may not use the folders cannot look behind them, either.
  const problems = closed.length > 0 ? [] : folderProblems(home, agents);
  const findings = [...closed, ...problems.map(({ text, remedy }) => error('home', text, remedy)), ...open(home)];
  return findings.length > 0 ? findings : [ok('home', `${home}: folders, owners and rights are as they must be`)];
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

/** Whoever writes the home can exchange the settings; whoever reads `data` knows every order. */
function open(home: string): readonly Finding[] {
  const findings: Finding[] = [];
  const homeMode = fs.statSync(home).mode;
  if ((homeMode & 0o002) !== 0 && (homeMode & 0o1000) === 0) {
    const text = `${home}: every user of this machine may write there (mode ${octal(homeMode)})`;
    findings.push(error('home', text, `Run: chmod o-w ${shellWord(home)}`));
  }
  const data = join(home, 'data');
  const dataMode = fs.statSync(data, { throwIfNoEntry: false })?.mode ?? 0;
  if ((dataMode & 0o007) !== 0) {
    const text = `${data}: every user of this machine may read the journal (mode ${octal(dataMode)})`;
    findings.push(warning('home', text, `Run: chmod 700 ${shellWord(data)}`));
  }
  return findings;
}

/** Whom an order file names, and what proves it. */
export function identity(home: string, agents: Agents): readonly Finding[] {
  const path = join(home, INCOMING);
  const mode = fs.statSync(path, { throwIfNoEntry: false })?.mode;
  if (mode === undefined) return [];
  const proven = [...agents].filter(([, { folder, uid, key_file }]) => folder || uid !== null || key_file !== null);
  const names = proven.map(([agent]) => agent).join(', ');
  const kept = names === '' ? [] : [ok('identity', `who they are is proven by folder, user or signature: ${names}`)];
  const label = `in ${path} the file name says who asks, and nothing proves it`;
  if ((mode & 0o022) === 0) return [...kept, ok('identity', `${label}; one user alone may write there`)];
  const remedy = 'Give agents folders, users or signatures of their own (docs/operations.md); set agents_only.';
  return [...kept, warning('identity', `${label}; several users may write there (mode ${octal(mode)})`, remedy)];
}
