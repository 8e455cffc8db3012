/**
 * `tower halt` and `tower resume`: a file in the home's halt folder is put there or taken away. Must never depend on the
 * tower, its journal or free space on the disk: the name of the file is what holds, and everything else comes after it.
 */
import {
  closeSync,
  existsSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  rmdirSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import {
  describeScope,
  HALT_FILE,
  HALT_FOLDER,
  type Halt,
  type HaltScope,
  haltName,
  haltOf,
  isSameScope,
  wordOf,
} from '../halt/halt.ts';
import { ACKNOWLEDGED, RESUMED_PREFIX } from '../halt/halts.ts';
import { isoMicros, sleep } from '../lib/clock.ts';
import { lockFile } from '../lib/lock.ts';
import { agentOption, type HomeOption, homeOf, homeOption, jsonOption, readText } from './common.ts';
import { type Context, EXIT, Exit, plain } from './context.ts';

interface ScopeOptions extends HomeOption {
  readonly agent?: string;
  readonly symbol?: string;
  readonly reason: string;
  readonly json?: true;
}

interface HaltOptions extends ScopeOptions {
  readonly reduceOnly?: true;
  readonly cancel?: true;
  readonly hard?: true;
  readonly timeout: number;
}

const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error ? String(error.code) : String(error);

const symbolOption = (what: string): Option =>
  new Option('--symbol <symbol>', what).argParser((text) => {
    if (!/^[A-Za-z0-9./]{1,24}$/.test(text)) throw new InvalidArgumentError('Write a symbol, such as AAPL or BTC/USD.');
    return text.toUpperCase();
  });

const reasonOption = (): Option =>
  new Option('--reason <text>', 'why, for the journal and the agents').makeOptionMandatory().argParser((text) => {
    const reason = text.trim();
    if (reason === '' || reason.length > 200) throw new InvalidArgumentError('Give a reason of 1 to 200 characters.');
    return reason;
  });

function scopeOf({ agent, symbol }: ScopeOptions): HaltScope {
  if (agent !== undefined && symbol !== undefined)
    throw new Exit(EXIT.usage, 'name --agent or --symbol, not both; without either everything is halted');
  if (agent !== undefined) return { kind: 'agent', agent };
  return symbol === undefined ? { kind: 'all' } : { kind: 'symbol', symbol };
}

export function haltCommand(context: Context): Command {
  return new Command('halt')
    .summary('let nothing new out: of everything, of one agent, of one symbol')
    .description(
      'Holds at once and until `tower resume`, also over restarts. New orders and those that wait are refused; cancels and\n' +
        'queries go on. Returns when the tower has said that it obeys, and waits 2 s for the answers to what had left before. A file that anybody puts into data/halt does the same.',
    )
    .addOption(agentOption('only this agent'))
    .addOption(symbolOption('one symbol, and options on it'))
    .option('--reduce-only', 'let orders pass that can only make positions smaller')
    .option('--cancel', 'cancel the open orders that it concerns')
    .option('--hard', 'end the process of the tower at once when it does not answer')
    .addOption(reasonOption())
    .addOption(new Option('--timeout <seconds>', 'how long to wait for the tower').argParser(seconds).default(5))
    .addOption(homeOption())
    .addOption(jsonOption('the outcome'))
    .addHelpText('after', '\nExit codes: 0 nothing new leaves, 1 that is not certain: what to do is printed.')
    .action((options: HaltOptions) => halt(context, options));
}

async function halt(context: Context, options: HaltOptions): Promise<void> {
  const home = homeOf(context, options);
  if (!existsSync(join(home, 'data')))
    throw new Exit(EXIT.usage, `${home} is not the home of a tower: nothing is halted. Name the home with --home`);
  const scope = scopeOf(options);
  const name = haltName(scope, { reduceOnly: options.reduceOnly === true, cancels: options.cancel === true });
  const at = isoMicros(context.clock.now());
  const written = write(home, name, JSON.stringify({ by: context.user, at, reason: options.reason }));
  const pid = await holderOf(context, home);
  const seen =
    pid === null || written.fault !== null ? null : await acknowledged(context, home, name, at, options.timeout);
  const killed = pid !== null && seen === null && options.hard === true ? await kill(context, pid) : false;
  const isCertain = killed || (written.fault === null && (pid === null || seen !== null));
  const outcome = {
    halted: written.fault === null ? describeScope(scope) : null,
    file: join(home, HALT_FOLDER, name),
    by: context.user,
    at,
    reason: options.reason,
    tower: pid === null ? 'not running' : killed ? 'killed' : seen === null ? 'silent' : 'obeys',
    on_their_way: seen,
  };
  if (options.json === true) context.out(`${JSON.stringify(outcome)}\n`);
  else if (written.fault === null) {
    const told =
      outcome.tower === 'obeys'
        ? seen === 0
          ? 'the tower obeys; no order is on its way'
          : `the tower obeys; ${seen} sent before it ${seen === 1 ? 'is' : 'are'} not answered yet`
        : outcome.tower === 'not running'
          ? 'no tower runs here; the next one will start with it'
          : 'the tower was killed';
    if (isCertain) context.out(`${describeScope(scope)} is halted: ${told}\n`);
    if (written.bare !== null)
      context.err(`the disk takes no content (${written.bare}): the halt holds, who and why are not kept\n`);
  }
  if (isCertain) {
    if (written.fault !== null)
      throw new Exit(
        EXIT.failed,
        `the tower was killed, but no halt could be written (${written.fault}): do not start it`,
      );
    return;
  }
  throw new Exit(
    EXIT.failed,
    written.fault === null
      ? `${describeScope(scope)} is halted, but the tower (process ${pid}) has not said so within ${options.timeout} s: it looks before each order, and may hang. To be certain: tower halt --hard`
      : `nothing is halted: ${outcome.file} cannot be made (${written.fault}). ${pid === null ? 'No tower runs here' : `End the tower: tower halt --hard, or kill -9 ${pid}`}`,
  );
}

/** The name first, which is what holds; then what it says, then both made durable. */
function write(
  home: string,
  name: string,
  text: string,
): { readonly fault: string | null; readonly bare: string | null } {
  const folder = join(home, HALT_FOLDER);
  let fd: number;
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    fd = openSync(join(folder, name), 'a', 0o644);
  } catch (error) {
    return { fault: codeOf(error), bare: null };
  }
  let bare: string | null = null;
  try {
    if (readText(join(folder, name)) === '') writeFileSync(fd, `${text}\n`);
    fsyncSync(fd);
  } catch (error) {
    bare = codeOf(error);
  } finally {
    closeSync(fd);
  }
  try {
    const dir = openSync(folder, 'r');
    fsyncSync(dir);
    closeSync(dir);
  } catch (error) {
    bare ??= codeOf(error);
  }
  return { fault: null, bare };
}

/** So often, and with such pauses, a lock is tried again whose holder is nobody who lives. */
const TRIES = 10;
const TRY_AGAIN_MS = 20;

/** The process that holds the home; null when none does. */
async function holderOf(context: Context, home: string): Promise<number | null> {
  const file = join(home, 'data', 'tower.lock');
  const named = Number.parseInt(readText(`${file}.pid`) ?? '', 10);
  try {
    for (let n = 1; ; n++) {
      const lock = lockFile(file);
      if ('held' in lock) {
        lock.held.release();
        return null;
      }
      // Another command may just be trying the lock, as this one does, under the name of the last tower.
      if (n >= TRIES || (lock.heldBy !== null && context.isAlive(lock.heldBy))) return lock.heldBy;
      await sleep(context.clock, TRY_AGAIN_MS);
    }
  } catch {
    // The lock cannot even be tried: the process that last wrote its name is taken for the holder while it lives.
    return Number.isSafeInteger(named) && context.isAlive(named) ? named : null;
  }
}

/** How long the answers to what had left before are waited for, once the tower has said that nothing more leaves. */
const ANSWERS_MS = 2000;

/**
 * Waits until the tower has said that it has seen the halt, and a while longer until what had left before is answered.
 * Orders that are not; null when the tower said nothing within `timeoutS`.
 */
async function acknowledged(
  context: Context,
  home: string,
  name: string,
  since: string,
  timeoutS: number,
): Promise<number | null> {
  const end = context.clock.monotonic() + timeoutS * 1000;
  let seenAt: number | null = null;
  let onTheirWay: number | null = null;
  for (;;) {
    try {
      const seen: unknown = JSON.parse(readText(join(home, ACKNOWLEDGED)) ?? 'null');
      if (typeof seen === 'object' && seen !== null && 'halts' in seen && 'at' in seen && 'on_their_way' in seen) {
        const { halts, at, on_their_way: count } = seen;
        if (Array.isArray(halts) && halts.includes(name) && String(at) >= since) {
          seenAt ??= context.clock.monotonic();
          onTheirWay = Number(count);
          if (onTheirWay === 0) return 0;
        }
      }
    } catch {
      // Half of it was written: look again.
    }
    const now = context.clock.monotonic();
    if (now >= end || (seenAt !== null && now >= seenAt + ANSWERS_MS)) return onTheirWay;
    await sleep(context.clock, 10);
  }
}

/** kill -9, and waits until the process is gone: the kernel may still deliver what it holds, and nothing new comes. */
async function kill(context: Context, pid: number): Promise<boolean> {
  context.kill(pid);
  for (let n = 0; n < 500 && context.isAlive(pid); n++) await sleep(context.clock, 10);
  return !context.isAlive(pid);
}

export function resumeCommand(context: Context): Command {
  return new Command('resume')
    .summary('end a halt')
    .description(
      'Takes a halt away. Nothing that was refused meanwhile is sent by it. The second word is the name of what is resumed:\n' +
        '`--confirm all`, the agent id, or the symbol without its slash.',
    )
    .addOption(agentOption('the agent that is resumed'))
    .addOption(symbolOption('the symbol that is resumed'))
    .addOption(reasonOption())
    .requiredOption('--confirm <word>', 'what is resumed, said a second time')
    .addOption(homeOption())
    .addOption(jsonOption('the outcome'))
    .addHelpText('after', '\nExit codes: 0 resumed, 1 nothing of that kind is halted.')
    .action((options: ScopeOptions & { readonly confirm: string }) => resume(context, options));
}

function resume(context: Context, options: ScopeOptions & { readonly confirm: string }): void {
  const home = homeOf(context, options);
  const scope = scopeOf(options);
  if (options.confirm.toUpperCase() !== wordOf(scope).toUpperCase())
    throw new Exit(EXIT.usage, `to resume ${describeScope(scope)}, confirm it: --confirm ${wordOf(scope)}`);
  const folder = join(home, HALT_FOLDER);
  const standing = standingHalts(home);
  const ending = standing.filter((one) => isSameScope(one.scope, scope));
  if (ending.length === 0) {
    const others = standing.map((one) => describeScope(one.scope)).join(', ');
    throw new Exit(
      EXIT.failed,
      `${describeScope(scope)} is not halted${others === '' ? '' : `; halted: ${plain(others)}`}`,
    );
  }
  const at = isoMicros(context.clock.now());
  const resumes = ending.map(({ name }) => name);
  const note = JSON.stringify({ resumes, by: context.user, at, reason: options.reason });
  // Who and why is there before the halt is gone.
  const fd = openSync(join(folder, `${RESUMED_PREFIX}${at.replaceAll(/\D/g, '')}`), 'wx', 0o644);
  try {
    writeSync(fd, `${note}\n`);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  for (const name of resumes) remove(name === HALT_FILE ? join(home, name) : join(folder, name));
  const dir = openSync(folder, 'r');
  fsyncSync(dir);
  closeSync(dir);
  const left = standingHalts(home);
  const kept = left.filter((one) => isSameScope(one.scope, scope)).map(({ name }) => name);
  if (kept.length > 0)
    throw new Exit(
      EXIT.failed,
      `${describeScope(scope)} is still halted: ${plain(kept.join(', '))} in ${folder} (or ${home}) cannot be removed; move it away`,
    );
  if (options.json === true) context.out(`${note}\n`);
  else context.out(`${describeScope(scope)} is resumed: new orders are sent, those refused meanwhile are not\n`);
  if (left.length > 0 && options.json !== true)
    context.err(`still halted: ${plain(left.map((one) => describeScope(one.scope)).join(', '))}\n`);
}

/** Whatever has the name halts, also a link or a folder; a folder is taken away when it is empty. */
function remove(path: string): void {
  try {
    if (lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true) rmdirSync(path);
    else rmSync(path, { force: true });
  } catch (error) {
    if (!(error instanceof Error && 'code' in error)) throw error;
  }
}

/** The halts of a home, as a person asks for them: without the tower. */
export function standingHalts(home: string): readonly Halt[] {
  let names: string[] = [];
  try {
    names = readdirSync(join(home, HALT_FOLDER)).filter((name) => !name.startsWith('.'));
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
  }
  const bare = lstatSync(join(home, HALT_FILE), { throwIfNoEntry: false }) === undefined ? [] : [HALT_FILE];
  return [...names, ...bare]
    .sort()
    .map((name) => haltOf(name, textOf(join(home, name === HALT_FILE ? name : join(HALT_FOLDER, name)))));
}

/** For `tower status`: what stands, by whom, since when and why. */
export const haltLines = (halts: readonly Halt[]): readonly string[] =>
  halts.map((one) => {
    const what = `${describeScope(one.scope)}${one.reduceOnly ? ', reductions pass' : ''}${one.cancels ? ', open orders are cancelled' : ''}`;
    const who = [one.by === null ? '' : `by ${one.by}`, one.at === null ? '' : `since ${one.at}`].filter(
      (text) => text !== '',
    );
    return plain(`HALTED    ${[what, ...who].join(' ')}${one.reason === null ? '' : `: ${one.reason}`}`);
  });

/** What a small file says. Never waits for a pipe, nor reads what is no note of a halt. */
function textOf(path: string): string | null {
  try {
    const look = lstatSync(path);
    return look.isFile() && look.size <= 4096 ? readText(path) : null;
  } catch {
    return null;
  }
}

function seconds(text: string): number {
  if (!/^[0-9]{1,4}(?:\.[0-9]{1,3})?$/.test(text)) throw new InvalidArgumentError('Write seconds, such as 5.');
  return Number(text);
}
