/**
 * `tower samples`: one valid order file of each type, to look at, to check, or to drop.
 * Must never write half a file: the folder may be one that a tower watches.
 */
import { join, resolve } from 'node:path';
import { Command } from 'commander';
import { systemFiles } from '../lib/files.ts';
import type { Mode } from '../order/name.ts';
import { samples } from '../order/samples.ts';
import { agentOption, type HomeOption, homeOption, jsonOption, modeOption } from './common.ts';
import type { Context } from './context.ts';

interface SamplesOptions extends HomeOption {
  readonly out: string;
  readonly agent: string;
  readonly mode: Mode;
  readonly json?: true;
}

export function samplesCommand(context: Context): Command {
  return new Command('samples')
    .summary('write one valid order file per type')
    .description('Writes one valid order file of each type, with the names and times of now. Nothing is sent.')
    .option('--out <dir>', 'folder for the files, made when missing', 'samples')
    .addOption(agentOption().default('sample'))
    .addOption(modeOption())
    .addOption(homeOption())
    .addOption(jsonOption('the list of files'))
    .action(async (options: SamplesOptions) => {
      const folder = resolve(context.cwd, options.out);
      const files = systemFiles(folder);
      files.makeFolder('.');
      const list = samples(context.clock.now(), options.agent, options.mode);
      await Promise.all(list.map(({ fileName, text }) => files.publish(fileName, text)));
      await files.syncFolder('.');
      const written = list.map(({ type, fileName }) => ({ type, file: join(folder, fileName) }));
      if (options.json === true) context.out(`${JSON.stringify(written, null, 2)}\n`);
      else context.out(written.map(({ file }) => `${file}\n`).join(''));
    });
}
