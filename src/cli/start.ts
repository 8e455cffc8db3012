/**
 * `tower start`: runs a tower in the foreground until Ctrl-C or SIGTERM.
 * A person at a terminal reads lines made for people; without a terminal, and with --json, standard output is the log.
 */
import { join } from 'node:path';
import { Command } from 'commander';
import type { Clock } from '../lib/clock.ts';
import type { Random } from '../lib/random.ts';
import { CannotStart, recordEvent, type Summary, type TowerEvent } from '../observe/events.ts';
import { type Log, openLog } from '../observe/log.ts';
import type { Settings } from '../settings.ts';
import { type HomeOption, homeOf, homeOption, jsonOption, settingsOf } from './common.ts';
import { type Context, EXIT, Exit } from './context.ts';
import { eventLines, summaryLines } from './screen.ts';

/** Starts a tower: `startTower` of tower.ts, which main.ts passes in. */
export type StartTower = (options: {
  readonly home: string;
  readonly settings: Settings;
  readonly log: Log;
  readonly clock: Clock;
  readonly random: Random;
  readonly onEvent: (event: TowerEvent) => void;
  readonly onRekey?: (take: (keys: Settings['keys']) => Promise<void>) => void;
}) => Promise<{ stop(): Promise<Summary>; readonly failed: Promise<never> }>;

export function startCommand(context: Context, startTower: StartTower): Command {
  return new Command('start')
    .summary('take orders until Ctrl-C')
    .description(
      'Watches the home folder, sends what the agents ask for and writes their answers, until Ctrl-C or SIGTERM.\n' +
        'What is in flight then is finished first; a second Ctrl-C ends at once, and the next start picks it up.',
    )
    .addOption(homeOption())
    .addOption(jsonOption('every step'))
    .addHelpText(
      'after',
      '\nExit codes: 0 stopped, 1 cannot go on, 2 wrong settings or keys, 3 another tower holds this home.',
    )
    .action(async (options: HomeOption & { readonly json?: true }) => {
      const home = homeOf(context, options);
      const settings = settingsOf(context, home);
      const forPeople = context.terminal && options.json !== true;
      const log = openLog({
        folder: join(home, 'logs'),
        clock: context.clock,
        level: settings.log.level,
        ...(forPeople ? {} : { echo: context.out }),
      });
      const print = (lines: readonly string[]): void => context.out(lines.map((line) => `${line}\n`).join(''));
      const onEvent = (event: TowerEvent): void => {
        recordEvent(log, event);
        if (forPeople) print(eventLines(event, context.colour));
      };
      // Listened to from the first moment: a Ctrl-C while the tower starts stops it as soon as it has started.
      const { promise: interrupted, resolve: interrupt } = Promise.withResolvers<void>();
      context.onInterrupt(interrupt);
      const tower = await startTower({
        home,
        settings,
        log,
        clock: context.clock,
        random: context.random,
        onEvent,
        // At a terminal the signal says that the terminal is gone.
        onRekey: (take) =>
          context.onHangup(() => (context.terminal ? interrupt() : void rekey(context, home, take, onEvent))),
      }).catch(refuse(log));
      // A tower that cannot go on throws here, and the process ends: the next start recovers.
      await Promise.race([interrupted, tower.failed]).catch(giveUp);
      if (forPeople) context.out('\nfinishing what is in flight; Ctrl-C again ends at once\n');
      const summary = await tower.stop();
      log.info('stopped', { ...summary });
      if (forPeople) print(summaryLines(summary));
    });
}

/** Reads the settings again for their keys alone. Must not reject: a tower that runs goes on with the keys that it has. */
async function rekey(
  context: Context,
  home: string,
  take: (keys: Settings['keys']) => Promise<void>,
  onEvent: (event: TowerEvent) => void,
): Promise<void> {
  try {
    await take(settingsOf(context, home).keys);
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    const remedy = 'Put it right, and send SIGHUP again.';
    onEvent({ kind: 'notice', level: 'error', text: `the keys stay as they were. ${text}`, remedy });
  }
}

/** Whatever it was, the journal has what matters; going on could only make it worse. */
function giveUp(error: unknown): never {
  const text = error instanceof Error ? error.message : String(error);
  throw new Exit(EXIT.failed, `the tower cannot go on: ${text}. Put the cause right and start again; it recovers.`);
}

const refuse =
  (log: Log) =>
  (error: unknown): never => {
    if (!(error instanceof CannotStart)) throw error;
    log.error('cannot_start', { why: error.why, text: error.message, remedy: error.remedy, pid: error.pid });
    const holder = error.pid === null ? '' : ` (process ${error.pid})`;
    throw new Exit(error.why === 'locked' ? EXIT.locked : EXIT.usage, `${error.message}${holder}. ${error.remedy}`);
  };
