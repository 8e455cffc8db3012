/**
 * `tower check FILE…`: judges order files as the tower would, name and content, without sending anything.
 * Must never move or change a file.
 */
import { readFileSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { Command } from 'commander';
import { type OrderError, problemsError } from '../order/errors.ts';
import { parseName } from '../order/name.ts';
import { parse } from '../order/parse.ts';
import { type HomeOption, homeOption, jsonOption } from './common.ts';
import { type Context, EXIT, Exit, plain } from './context.ts';
import { errorLines, problemsOf } from './problems.ts';

/** What is wrong with one file; null when nothing is. */
type Verdict = { readonly file: string; readonly error: OrderError | null };

export function checkCommand(context: Context): Command {
  return new Command('check')
    .summary('judge order files without sending them')
    .description('Checks name and content of order files as the tower would. Nothing is sent, moved or changed.')
    .argument('<file...>', 'order files')
    .addOption(homeOption())
    .addOption(jsonOption('the verdicts'))
    .addHelpText('after', '\nExit codes: 0 all are valid, 1 at least one is not.')
    .action((files: readonly string[], options: HomeOption & { readonly json?: true }) => {
      const verdicts = files.map((file) => judge(context, file));
      if (options.json === true) {
        const shown = verdicts.map(({ file, error }) => ({
          file,
          valid: error === null,
          problems: error === null ? [] : problemsOf(error),
        }));
        context.out(`${JSON.stringify(shown, null, 2)}\n`);
      } else {
        for (const { file, error } of verdicts) {
          context.out(`${plain(file)}: ${error === null ? 'valid' : 'refused'}\n`);
          if (error !== null)
            context.out(
              errorLines(error)
                .map((line) => `${line}\n`)
                .join(''),
            );
        }
      }
      if (verdicts.some(({ error }) => error !== null)) throw new Exit(EXIT.failed);
    });
}

function judge(context: Context, file: string): Verdict {
  const name = parseName(basename(file));
  if (!name.ok) return { file, error: problemsError(name.problems) };
  const bytes = bytesOf(resolve(context.cwd, file));
  const result = parse({ fileName: name.name, bytes, receivedAt: context.clock.now() });
  return { file, error: result.ok ? null : result.error };
}

function bytesOf(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (fault) {
    throw new Exit(EXIT.usage, `cannot read ${plain(path)}: ${fault instanceof Error ? fault.message : String(fault)}`);
  }
}
