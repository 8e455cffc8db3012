/**
 * The `tower` command: mounts one file per command and turns whatever happens into an exit code.
 * Must never touch the process itself; main.ts does.
 */
import { Command, CommanderError } from 'commander';
import { checkCommand } from './check.ts';
import { type Context, EXIT, Exit, plain } from './context.ts';
import { doctorCommand } from './doctor.ts';
import { drillCommand } from './drill.ts';
import { haltCommand, resumeCommand } from './halt.ts';
import { limitsCommand } from './limits.ts';
import { orderCommand } from './order.ts';
import { reportCommand } from './report.ts';
import { samplesCommand } from './samples.ts';
import { type StartTower, startCommand } from './start.ts';
import { statusCommand } from './status.ts';

/** Runs one command line (without node and script) and answers its exit code. Faults of the tower are thrown. */
export async function run(
  args: readonly string[],
  context: Context,
  version: string,
  startTower: StartTower,
): Promise<number> {
  const program = new Command('tower')
    .description('Many agents, one Alpaca account: order files in, answers out, each order sent exactly once.')
    .version(version, '--version', 'print the version')
    .helpOption('-h, --help', 'explain a command')
    .addHelpText('after', '\nExit codes: 0 success, 1 refused or failed, 2 wrong usage or settings, 3 home in use.');
  const commands = [
    startCommand(context, startTower),
    orderCommand(context),
    samplesCommand(context),
    checkCommand(context),
    statusCommand(context),
    reportCommand(context),
    limitsCommand(context),
    haltCommand(context),
    resumeCommand(context),
    drillCommand(context),
    doctorCommand(context),
    await exchange(args, context),
  ];
  for (const command of commands) program.addCommand(command);
  tame(program, context);
  try {
    if (args.length === 0) {
      context.err(program.helpInformation());
      return EXIT.usage;
    }
    await program.parseAsync([...args], { from: 'user' });
    return EXIT.success;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.success : EXIT.usage;
    if (error instanceof Exit) {
      if (error.message !== '') context.err(`${error.message}\n`);
      return error.code;
    }
    const fault = inWords(error);
    if (fault === null) throw error;
    context.err(`${fault}\n`);
    return EXIT.failed;
  }
}

const REMEDIES: Readonly<Record<string, string>> = {
  EACCES: 'Run the command as the user of the tower, or let its owner run it.',
  EPERM: 'Run the command as the user of the tower, or let its owner run it.',
  ENOTDIR: 'The home is a folder, and so is what lies above it: look at --home and TOWER_HOME.',
  EROFS: 'The file system is read-only: mount it for writing.',
  ENOSPC: 'The disk is full: free some space.',
  EDQUOT: 'The quota of the disk is used up: free some space.',
};

/** What a file system has refused, for a person; null for whatever else was thrown. */
function inWords(error: unknown): string | null {
  if (!(error instanceof Error && 'syscall' in error && 'code' in error && 'path' in error)) return null;
  const remedy = REMEDIES[String(error.code)] ?? 'tower doctor looks for the reason.';
  return `${plain(String(error.path))} cannot be used (${error.code}, ${error.syscall}). ${remedy}`;
}

/** The exchange is loaded only for who asks for it: it costs more than all other commands together. */
async function exchange(args: readonly string[], context: Context): Promise<Command> {
  const command = args.includes('exchange')
    ? (await import('./exchange.ts')).exchangeCommand(context)
    : new Command('exchange').helpOption(false);
  return command.summary('run the embedded exchange alone');
}

/** Makes a command and all below it throw instead of exit, and speak through the context. */
function tame(command: Command, context: Context): void {
  command
    .exitOverride()
    .showHelpAfterError(`(${command.name() === 'tower' ? 'tower' : `tower ${command.name()}`} --help explains it)`)
    .configureOutput({ writeOut: context.out, writeErr: context.err });
  for (const inner of command.commands) tame(inner, context);
}
