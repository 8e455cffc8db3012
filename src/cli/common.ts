/** What several commands share: options, settings with their errors, reading files. Must never print: commands do. */
import { closeSync, constants, fstatSync, lstatSync, openSync, readFileSync, type Stats, statSync } from 'node:fs';
import { join, sep } from 'node:path';
import { InvalidArgumentError, Option } from 'commander';
import { STATUS_FILE, type StatusReport } from '../observe/status.ts';
import { isAgentId, MODES } from '../order/name.ts';
import { describeProblem, homeFolder, loadSettings, type Settings, SettingsError } from '../settings.ts';
import { type Context, EXIT, Exit } from './context.ts';

export interface HomeOption {
  readonly home?: string;
}

export const homeOption = (): Option =>
  new Option('--home <dir>', 'home folder of the tower (default: TOWER_HOME, else the current folder)');

export const jsonOption = (what: string): Option => new Option('--json', `print ${what} as JSON`);

/** `--agent ID`, checked. */
/** `what` it is to the command. */
export const agentOption = (what = 'who asks'): Option =>
  new Option('--agent <id>', `${what}: 1 to 20 of a-z and 0-9`).argParser((text) => {
    if (!isAgentId(text)) throw new InvalidArgumentError('An agent id is 1 to 20 of a-z and 0-9.');
    return text;
  });

export const modeOption = (): Option => new Option('--mode <mode>', 'which account').choices(MODES).default('paper');

/** Absolute path of the home folder. */
export const homeOf = (context: Context, options: HomeOption): string =>
  homeFolder(options.home, context.env, context.cwd);

/**
 * The file's text; null when there is none. Throws when there is one that cannot be read, a link that leads nowhere, or
 * something that is no regular file: a pipe would be waited for without an end.
 */
export function readText(path: string): string | null {
  let fd: number | null = null;
  try {
    const stat = statSync(path);
    if (!stat.isFile()) throw new Error(`it is ${kindOf(stat)}; only a regular file is read`);
    // What was put there meanwhile is not waited for either.
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    if (!fstatSync(fd).isFile()) throw new Error('it is no regular file any more');
    return readFileSync(fd, 'utf8');
  } catch (fault) {
    const code = fault instanceof Error && 'code' in fault ? fault.code : '';
    // Keys that are kept elsewhere, and not there now, are not the same as no keys.
    if (code === 'ENOENT' && lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true)
      throw new Error('a link that leads nowhere');
    // A file that has come in between is not there yet: whoever waits for it looks again.
    if (code === 'ENOENT' || code === 'ENOTDIR') return null;
    throw fault;
  } finally {
    if (fd !== null) closeSync(fd);
  }
}

const kindOf = (stat: Stats): string => {
  if (stat.isDirectory()) return 'a folder';
  if (stat.isFIFO()) return 'a pipe';
  if (stat.isSocket()) return 'a socket';
  return 'a device';
};

/** The mode bits; null when it is not there, or where the system has none (Windows). */
export const modeOf = (path: string): number | null =>
  sep === '\\' ? null : (statSync(path, { throwIfNoEntry: false })?.mode ?? null);

/** The last report of the home's tower; null when there is none that can be read. */
export function readStatus(home: string): StatusReport | null {
  const text = readText(join(home, STATUS_FILE));
  try {
    return text === null ? null : JSON.parse(text);
  } catch {
    return null;
  }
}

/** The settings of a home; ends the command with all their problems when there are any. */
export function settingsOf(context: Context, home: string): Settings {
  try {
    return loadSettings({ home, env: context.env, readFile: readText, modeOf });
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    const count = error.problems.length === 1 ? 'a problem' : `${error.problems.length} problems`;
    throw new Exit(
      EXIT.usage,
      [`The settings of ${home} have ${count}:`, ...error.problems.map((one) => `  ${describeProblem(one)}`)].join(
        '\n',
      ),
    );
  }
}
