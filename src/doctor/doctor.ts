/**
 * Everything that `tower doctor` looks at, in the order in which a person would put it right. Must never change anything, and
 * never disturb a tower that runs.
 */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { systemNetwork } from '../broker/alpaca/network-system.ts';
import { FOLDERS } from '../home.ts';
import type { Clock } from '../lib/clock.ts';
import { describeProblem, loadSettings, type Settings, SettingsError, type SettingsSources } from '../settings.ts';
import { askBrokers } from './broker.ts';
import { error, type Finding, ok, warning } from './finding.ts';
import { homeFolders, identity } from './home.ts';
import { examineJournal } from './journal.ts';
import { disk, leftovers, nodeVersion, openFiles, watching } from './machine.ts';

export type { Finding } from './finding.ts';

export interface Patient extends SettingsSources {
  readonly clock: Clock;
  /** As `24.21.0`. */
  readonly node: string;
  /** The process that runs a tower on this home now; null when none does. */
  readonly runningAs: number | null;
  /** False does not ask the brokers. */
  readonly online: boolean;
}

export async function examine(patient: Patient): Promise<readonly Finding[]> {
  const { home, clock, runningAs } = patient;
  const findings: Finding[] = [nodeVersion(patient.node), ...unsafe(patient.env)];
  const settings = readSettings(patient, findings);
  const isThere = statSync(home, { throwIfNoEntry: false })?.isDirectory() === true;
  const agents = settings?.agents ?? new Map();
  findings.push(...homeFolders(home, FOLDERS, agents));
  if (isThere) findings.push(...identity(home, agents), ...disk(home));
  findings.push(...openFiles(), ...watching(join(home, 'orders/incoming')));
  const journal = examineJournal(home);
  findings.push(...journal.findings);
  findings.push(...leftovers(home, runningAs !== null, clock.now() / 1000));
  if (runningAs !== null) findings.push(ok('tower', `runs as process ${runningAs}`));
  else if (journal.isReadable) findings.push(ok('tower', 'none runs on this home'));
  if (settings !== null && patient.online) {
    const network = systemNetwork();
    try {
      findings.push(...(await askBrokers({ settings, network, clock, accounts: journal.accounts })));
    } finally {
      await network.close();
    }
  }
  return findings;
}

/** Variables of Node that take away what the tower relies on. */
function unsafe(env: SettingsSources['env']): readonly Finding[] {
  if (env['NODE_TLS_REJECT_UNAUTHORIZED'] !== '0') return [];
  const text = 'NODE_TLS_REJECT_UNAUTHORIZED=0 is set: programs of Node take any certificate (the tower does not)';
  return [warning('environment', text, 'Unset it.')];
}

function readSettings(patient: Patient, findings: Finding[]): Settings | null {
  try {
    const settings = loadSettings(patient);
    findings.push(ok('settings', settings.live ? 'valid; live is on' : 'valid; live is off'));
    return settings;
  } catch (fault) {
    if (!(fault instanceof SettingsError)) throw fault;
    for (const problem of fault.problems) {
      const { remedy } = problem;
      findings.push(error('settings', describeProblem({ ...problem, remedy: '' }).trim(), remedy));
    }
    return null;
  }
}
