/**
 * The journal, read beside a running tower or after it: whole, and written by a version that this one knows. Must never write
 * into the journal or beside it, nor hold anything that a tower would wait for.
 */
import fs from 'node:fs';
import { join } from 'node:path';
import { readAside } from '../journal/aside.ts';
import { misfitOfContent, misfitOfFile } from '../journal/recognise.ts';
import { MODES, type Mode } from '../order/name.ts';
import { error, type Finding, ok, sizeOf, warning } from './finding.ts';

export interface JournalReport {
  readonly findings: readonly Finding[];
  /** The account that the home belongs to, by mode; null for none yet. */
  readonly accounts: Readonly<Record<Mode, string | null>>;
  /** False when this user may not even look whether there is one. */
  readonly isReadable: boolean;
}

const NONE: JournalReport['accounts'] = { paper: null, live: null };

export function examineJournal(home: string): JournalReport {
  const file = join(home, 'data', 'tower.db');
  try {
    fs.accessSync(file, fs.constants.R_OK);
  } catch (fault) {
    const code = fault instanceof Error && 'code' in fault ? String(fault.code) : 'unknown';
    if (code === 'ENOENT' || code === 'ENOTDIR') return { findings: [missing(home)], accounts: NONE, isReadable: true };
    const remedy = 'Run the doctor as the user of the tower.';
    return {
      findings: [error('journal', `${file} may not be read (${code})`, remedy)],
      accounts: NONE,
      isReadable: false,
    };
  }
  const misfit = misfitOfFile(file);
  if (misfit !== null)
    return { findings: [error('journal', misfit.text, misfit.remedy)], accounts: NONE, isReadable: true };
  if (fs.statSync(file).size === 0)
    return { findings: [ok('journal', 'it is empty: a new one begins in it')], accounts: NONE, isReadable: true };
  try {
    return readAside(file, (db) => {
      const stranger = misfitOfContent(db, file);
      if (stranger !== null)
        return { findings: [error('journal', stranger.text, stranger.remedy)], accounts: NONE, isReadable: true };
      const [first] = db.pragma('quick_check(1)') as readonly { readonly quick_check: string }[];
      const size = sizeOf(fs.statSync(file).size);
      if (first?.quick_check !== 'ok')
        return { findings: [broken(file, String(first?.quick_check))], accounts: NONE, isReadable: true };
      const requests = Number(db.prepare('SELECT count(*) FROM requests').pluck().get());
      const fact = db.prepare('SELECT value FROM facts WHERE key = ?').pluck();
      const account = (mode: Mode): string | null => {
        const value = fact.get(`account:${mode}`);
        return typeof value === 'string' && value !== '' ? value : null;
      };
      const [paper, live] = MODES.map(account);
      return {
        findings: [ok('journal', `whole: ${requests} requests in ${size}`)],
        accounts: { paper: paper ?? null, live: live ?? null },
        isReadable: true,
      };
    });
  } catch (fault) {
    const text = fault instanceof Error ? fault.message : String(fault);
    return { findings: [broken(file, text)], accounts: NONE, isReadable: true };
  }
}

/** A home that has answered orders had a journal. */
function missing(home: string): Finding {
  const left = ['responses', 'orders/completed', 'orders/failed'].find((folder) => !isEmpty(join(home, folder)));
  if (left === undefined) return ok('journal', 'there is none yet');
  const remedy = 'Restore the newest copy before the next start (docs/operations.md, Backup and restore).';
  return warning('journal', `there is none, although ${join(home, left)} holds what an earlier tower wrote`, remedy);
}

function isEmpty(folder: string): boolean {
  try {
    return fs.readdirSync(folder).length === 0;
  } catch {
    return true;
  }
}

const broken = (file: string, what: string): Finding =>
  error(
    'journal',
    `${file} cannot be read as it should be: ${what}`,
    'Look at the disk. Keep the file as it is, stop the tower, and restore the newest copy (docs/operations.md, Backup and restore).',
  );
