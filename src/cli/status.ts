/**
 * `tower status`: what the tower of a home is doing, from the report that it writes every second.
 * Must never open the journal: looking must not disturb a running tower.
 */
import { Command } from 'commander';
import type { BooksReport, BudgetReport, StatusReport } from '../observe/status.ts';
import { type HomeOption, homeOf, homeOption, jsonOption, readStatus } from './common.ts';
import { type Context, EXIT, Exit, plain } from './context.ts';
import { drillLine, drillOf } from './drill.ts';
import { haltLines, standingHalts } from './halt.ts';
import { describeMode } from './screen.ts';

/** A report that is older than this is told with a warning: the tower writes one every second. */
const STALE_SECONDS = 10;

export function statusCommand(context: Context): Command {
  return new Command('status')
    .summary('what the tower of this home is doing')
    .description('Says whether a tower runs, for which accounts, and what is open, in doubt or has gone wrong.')
    .addOption(homeOption())
    .addOption(jsonOption('the report'))
    .addHelpText('after', '\nExit codes: 0 a tower runs and answers, 1 none does.')
    .action((options: HomeOption & { readonly json?: true }) => {
      const home = homeOf(context, options);
      const written = readStatus(home);
      if (written === null) {
        const message = `no tower has run in ${home} yet; start one with: tower start --home ${home}`;
        if (options.json === true) context.out(`${JSON.stringify({ running: false, home })}\n`);
        throw new Exit(EXIT.failed, message);
      }
      const running = written.running && context.isAlive(written.pid);
      const report = { ...written, running, halts: standingHalts(home), drill: drillOf(home) };
      const age = Math.floor((context.clock.now() - Date.parse(report.at) * 1000) / 1_000_000);
      if (options.json === true) context.out(`${JSON.stringify(report, null, 2)}\n`);
      else
        context.out(
          [...statusLines(report, age), ...haltLines(report.halts), drillLine(report.drill)]
            .map((line) => `${line}\n`)
            .join(''),
        );
      if (!running) throw new Exit(EXIT.failed);
      if (age > STALE_SECONDS) throw new Exit(EXIT.failed, `the tower has not reported for ${age} s: it may hang`);
    });
}

function statusLines(report: StatusReport, age: number): readonly string[] {
  const head = report.running
    ? `running since ${report.since}, process ${report.pid}, reported ${age} s ago`
    : `not running; the last report is of ${report.at}`;
  const counts = Object.entries(report.counts).filter(([, count]) => count > 0);
  return [
    head,
    `home      ${plain(report.home)}`,
    ...report.modes.map((mode) => `${mode.mode.padEnd(10)}${describeMode(mode)}`),
    `requests  ${counts.map(([state, count]) => `${count} ${state}`).join(', ') || 'none yet'}`,
    ...block('books', report.books ?? [], booksLine),
    ...block('budget', report.budgets ?? [], budgetLine),
    ...block(
      'open',
      report.open_orders,
      (one) => `${one.client_order_id}  ${one.mode}  ${one.status}  since ${one.received_at}`,
    ),
    ...block(
      'in doubt',
      report.in_doubt,
      (one) => `${one.client_order_id}  ${one.mode}  since ${one.since}: ${one.reason}`,
    ),
    ...block('errors', report.recent_errors, (one) => `${one.at}  ${one.text} ${one.remedy}`.trimEnd()),
  ];
}

/** `paper trading: 143 of 200 spent, 12 reserved; 5 wait (order: alpha 3, beta 1; query: monitor 1)` and what else there is. */
function budgetLine(one: BudgetReport): string {
  const lanes = Object.entries(one.waiting);
  const count = lanes.flatMap(([, agents]) => Object.values(agents)).reduce((sum, n) => sum + n, 0);
  const who = lanes.map(
    ([lane, agents]) =>
      `${lane}: ${Object.entries(agents)
        .map(([agent, n]) => `${agent || 'tower'} ${n}`)
        .join(', ')}`,
  );
  const { trouble } = one;
  const failing = trouble && `${trouble.requests_failed} failed in ${trouble.for_seconds} s: ${trouble.last_fault}`;
  return [
    `${one.mode} ${one.host}: ${one.spent} of ${one.per_minute} spent, ${one.reserved} reserved`,
    count === 0 ? 'none wait' : `${count} wait (${who.join('; ')})`,
    ...(one.circuit === 'open' ? [`circuit open (${failing})`] : failing === null ? [] : [failing]),
    ...(one.paused_ms > 0 ? [`paused by Alpaca for ${Math.ceil(one.paused_ms / 1000)} s`] : []),
    ...(one.broker_remaining === null ? [] : [`Alpaca says ${one.broker_remaining} left`]),
    ...(one.foreign > 0 ? [`${one.foreign} spent by other programs`] : []),
    ...(one.saved_by_mirror > 0 ? [`${one.saved_by_mirror} saved by the mirror`] : []),
  ].join('; ');
}

/** `paper: equal to the broker's account at …`, or how they differ. */
function booksLine({ mode, proven_at: provenAt, different_since: since, differences }: BooksReport): string {
  if (differences.length === 0)
    return `${mode}: ${provenAt === null ? 'not yet compared with the broker' : `equal to the broker's account at ${provenAt}`}`;
  const each = differences.map(
    ({ symbol, books, broker, expected }) =>
      `${symbol} books ${books}, broker ${broker}${expected === null ? '' : ` (${expected})`}`,
  );
  return `${mode}: DIFFERENT from the broker's account since ${since}: ${each.join('; ')}`;
}

function block<T>(title: string, items: readonly T[], line: (item: T) => string): readonly string[] {
  return items.length === 0 ? [] : [`${title}:`, ...items.map((item) => `  ${plain(line(item))}`)];
}
