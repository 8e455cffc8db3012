/**
 * `tower limits`: how far each limit is from being reached, from the report that the tower writes every second. Must never
 * show one agent the numbers of another or of the account: with `--agent` only that agent's own are shown.
 */
import { Command } from 'commander';
import type { LimitReport } from '../observe/status.ts';
import type { Mode } from '../order/name.ts';
import { agentOption, type HomeOption, homeOf, homeOption, jsonOption, modeOption, readStatus } from './common.ts';
import { type Context, EXIT, Exit, plain } from './context.ts';

export function limitsCommand(context: Context): Command {
  return new Command('limits')
    .summary('how far each limit is from being reached')
    .description(
      'Shows the limits of an agent that are set, what is used of them and what is left, as of the last second. Without an\n' +
        'agent: those of the account, and of all agents that trade.',
    )
    .addOption(agentOption('whose limits'))
    .addOption(modeOption())
    .addOption(homeOption())
    .addOption(jsonOption('the limits'))
    .addHelpText('after', '\nExit codes: 0 shown, 1 no tower has run here.')
    .action((options: HomeOption & { readonly agent?: string; readonly mode: Mode; readonly json?: true }) => {
      const home = homeOf(context, options);
      const report = readStatus(home);
      if (report === null)
        throw new Exit(EXIT.failed, `no tower has run in ${home} yet; start one with: tower start --home ${home}`);
      const { agent } = options;
      const all = (report.limits ?? []).filter(({ mode }) => mode === options.mode);
      const shown =
        agent === undefined
          ? all
          : [all.find((one) => one.agent === agent) ?? all.find((one) => one.agent === '') ?? null].flatMap((one) =>
              one === null ? [] : [{ ...one, agent }],
            );
      if (options.json === true) {
        const text = {
          at: report.at,
          mode: options.mode,
          limits: agent === undefined ? shown : (shown[0]?.limits ?? []),
        };
        context.out(`${JSON.stringify(text, null, 2)}\n`);
        return;
      }
      const lines = shown.flatMap(linesOf);
      context.out(`as of ${report.at}, ${options.mode}\n${lines.map((line) => `${plain(line)}\n`).join('')}`);
      if (lines.length === 0) context.out('no limits are set but the ceilings; docs/limits.md tells of them\n');
      if (!report.running || !context.isAlive(report.pid))
        context.err('no tower runs here: this was its last report\n');
    });
}

function linesOf({ agent, limits }: LimitReport): readonly string[] {
  if (limits.length === 0) return [];
  const title = agent === null ? 'account' : agent === '' ? 'any other agent' : `agent ${agent}`;
  const wide = Math.max(...limits.map(({ limit }) => limit.length));
  return [
    `${title}:`,
    ...limits.map(
      ({ limit, at_most, used, left }) =>
        `  ${limit.padEnd(wide)}  ${used === null ? at_most : `${used} of ${at_most} used, ${left} left`}`,
    ),
  ];
}
