/**
 * `tower doctor`: looks at the machine, the home, the journal and the keys, and says what is wrong and how to mend it. Must never
 * change anything.
 */
import { Command } from 'commander';
import type { Finding } from '../doctor/doctor.ts';
import { type HomeOption, homeOf, homeOption, jsonOption, modeOf, readStatus, readText } from './common.ts';
import { type Context, EXIT, Exit, plain } from './context.ts';

export function doctorCommand(context: Context): Command {
  return new Command('doctor')
    .summary('find what is wrong, and how to mend it')
    .description(
      'Looks at Node, settings, folders and rights, disk, watch limits, journal, leftovers, keys and clock. Nothing is changed, and\n' +
        'a running tower is not disturbed. Alpaca is asked once for each account that has keys.',
    )
    .addOption(homeOption())
    .addOption(jsonOption('the findings'))
    .option('--offline', 'do not ask Alpaca')
    .addHelpText('after', '\nExit codes: 0 nothing is wrong (there may be warnings), 1 something is.')
    .action(async (options: HomeOption & { readonly json?: true; readonly offline?: true }) => {
      const home = homeOf(context, options);
      const status = lastStatus(home);
      // Only who asks for it pays for loading it.
      const { examine } = await import('../doctor/doctor.ts');
      const findings = await examine({
        home,
        env: context.env,
        readFile: readText,
        modeOf,
        clock: context.clock,
        node: context.node,
        runningAs: status?.running === true && context.isAlive(status.pid) ? status.pid : null,
        online: options.offline !== true,
      });
      const errors = findings.filter(({ level }) => level === 'error').length;
      const warnings = findings.filter(({ level }) => level === 'warning').length;
      if (options.json === true) {
        context.out(`${JSON.stringify({ home, errors, warnings, findings }, null, 2)}\n`);
      } else {
        for (const finding of findings) context.out(`${lineOf(finding)}\n`);
        const count = (number: number, what: string): string => `${number} ${what}${number === 1 ? '' : 's'}`;
        context.out(
          `\n${errors + warnings === 0 ? 'nothing is wrong' : `${count(errors, 'error')}, ${count(warnings, 'warning')}`}\n`,
        );
      }
      if (errors > 0) throw new Exit(EXIT.failed);
    });
}

/** Null also when it may not be read: the findings say so of its folder. */
function lastStatus(home: string): ReturnType<typeof readStatus> {
  try {
    return readStatus(home);
  } catch {
    return null;
  }
}

const lineOf = ({ level, check, text, remedy }: Finding): string =>
  `${level.padEnd(8)} ${check.padEnd(13)} ${plain(text)}${remedy === '' ? '' : `${/[.!?]$/.test(text) ? '' : '.'} ${plain(remedy)}`}`;
