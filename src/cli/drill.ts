/**
 * `tower drill`: proves on the embedded exchange that a halt holds on this machine, and notes in the home when it was last
 * proven. Must never call a halt proven of which one scene has failed.
 */
import { existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command } from 'commander';
import { isoMicros } from '../lib/clock.ts';
import { type HomeOption, homeOf, homeOption, jsonOption, readText } from './common.ts';
import { type Context, EXIT, Exit } from './context.ts';
import { play, type Shown } from './drill-scenes.ts';
import { Stand } from './drill-stand.ts';

const DRILL_FILE = 'data/drill.json';

/** The file of the last drill. */
interface Drill {
  readonly at: string;
  readonly ok: boolean;
  /** When every scene last held; null for never. */
  readonly proven_at: string | null;
  readonly halt_ms_longest: number;
  readonly by: string;
  readonly scenes: readonly Shown[];
}

export function drillCommand(context: Context): Command {
  return new Command('drill')
    .summary('prove that a halt holds, on an exchange of its own')
    .description(
      'Starts an exchange and a tower of its own in a temporary home, drops orders, halts and resumes under ten conditions,\n' +
        'and looks into the ledger of the exchange for what left. Takes about half a minute; no account and no key is used,\n' +
        "and a tower that runs in the home goes on. The outcome is noted in the home's data/drill.json, for `tower status`.",
    )
    .addOption(homeOption())
    .addOption(jsonOption('the outcome'))
    .addHelpText('after', '\nExit codes: 0 every halt held, 1 one did not, or the drill could not be run.')
    .action((options: HomeOption & { readonly json?: true }) => drill(context, options));
}

async function drill(context: Context, options: HomeOption & { readonly json?: true }): Promise<void> {
  const home = homeOf(context, options);
  if (!existsSync(home)) throw new Exit(EXIT.usage, `there is no folder ${home}: name the home with --home`);
  const isJson = options.json === true;
  const { promise: interrupted, reject: interrupt } = Promise.withResolvers<never>();
  interrupted.catch(() => {});
  context.onInterrupt(() => interrupt(new Exit(EXIT.failed, 'the drill was interrupted: nothing is noted')));
  const stand = new Stand(context);
  let scenes: readonly Shown[];
  try {
    if (!isJson) context.out(lineOf('condition', 'held', 'halt ms', 'left before', 'left after', 'seen'));
    const played = stand.open().then(() => play(stand, (one) => isJson || context.out(lineOfScene(one))));
    played.catch(() => {});
    scenes = await Promise.race([played, interrupted]);
  } catch (error) {
    if (error instanceof Exit) throw error;
    throw new Exit(EXIT.failed, `the drill cannot be run: ${error instanceof Error ? error.message : String(error)}`);
  } finally {
    await stand.close();
  }
  const at = isoMicros(context.clock.now());
  const failed = scenes.filter(({ ok }) => !ok).length;
  const outcome: Drill = {
    at,
    ok: failed === 0,
    proven_at: failed === 0 ? at : (lastDrill(home)?.proven_at ?? null),
    halt_ms_longest: Math.max(0, ...scenes.map(({ halt_ms }) => halt_ms ?? 0)),
    by: context.user,
    scenes,
  };
  note(home, outcome);
  if (isJson) context.out(`${JSON.stringify(outcome, null, 2)}\n`);
  else context.out(`\n${scenes.length - failed} of ${scenes.length} held; noted in ${join(home, DRILL_FILE)}\n`);
  if (failed > 0)
    throw new Exit(EXIT.failed, 'a halt did not hold: do not rely on it; stop the tower by ending its process');
}

function note(home: string, outcome: Drill): void {
  try {
    mkdirSync(join(home, 'data'), { recursive: true, mode: 0o700 });
    const file = join(home, DRILL_FILE);
    writeFileSync(`${file}.new`, `${JSON.stringify(outcome, null, 2)}\n`);
    renameSync(`${file}.new`, file);
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    throw new Exit(
      EXIT.failed,
      `${outcome.ok ? 'every halt held' : 'a halt did not hold'}, but it cannot be noted: ${text}`,
    );
  }
}

/** The last drill of a home; null when there is none that can be read. */
function lastDrill(home: string): Drill | null {
  try {
    const text = readText(join(home, DRILL_FILE));
    return text === null ? null : JSON.parse(text);
  } catch {
    return null;
  }
}

/** For `tower status`: when the halt was last proven. */
export function drillOf(home: string): {
  readonly proven_at: string | null;
  readonly failed_at: string | null;
  readonly halt_ms_longest: number | null;
} {
  const last = lastDrill(home);
  return {
    proven_at: last?.proven_at ?? null,
    failed_at: last === null || last.ok ? null : last.at,
    halt_ms_longest: last?.halt_ms_longest ?? null,
  };
}

export function drillLine({ proven_at: provenAt, failed_at: failedAt }: ReturnType<typeof drillOf>): string {
  const last = provenAt === null ? 'never' : provenAt;
  if (failedAt !== null) return `drill     the halt FAILED its drill at ${failedAt}; last proven: ${last}`;
  return `drill     halt last proven: ${provenAt === null ? 'never; run tower drill' : last}`;
}

const lineOf = (scene: string, held: string, ms: string, before: string, after: string, seen: string): string =>
  `${scene.padEnd(32)}${held.padEnd(8)}${ms.padStart(8)}${before.padStart(13)}${after.padStart(12)}  ${seen}\n`;

const lineOfScene = (one: Shown): string =>
  lineOf(
    one.scene,
    one.ok ? 'ok' : 'FAILED',
    one.halt_ms === null ? '-' : String(one.halt_ms),
    String(one.before),
    String(one.after),
    one.seen,
  );
