/**
 * The folders of a home, as every start finds or makes them. Must never take away anything but what a crash has left half
 * made.
 */
import { HALT_FOLDER } from './halt/halt.ts';
import { INCOMING, PROCESSING } from './ingress/folder.ts';
import { type Files, TEMP_FOLDER } from './lib/files.ts';

export const FOLDERS = [
  INCOMING,
  PROCESSING,
  'orders/completed',
  'orders/failed',
  'responses',
  'data',
  HALT_FOLDER,
  TEMP_FOLDER,
] as const;

/** Where an earlier run has left something, whatever became of its journal. */
const TRACES = [PROCESSING, 'orders/completed', 'orders/failed', 'responses'] as const;

export const hasTraces = (files: Files): boolean => TRACES.some((folder) => files.list(folder).length > 0);

/** Makes the folders, and clears what was half made: it is made again from the journal. */
export function prepareHome(files: Files, notice: (level: 'warn', text: string, remedy: string) => void): void {
  for (const folder of FOLDERS) files.makeFolder(folder);
  for (const { name } of files.list(TEMP_FOLDER)) {
    try {
      files.remove(`${TEMP_FOLDER}/${name}`);
    } catch (error) {
      // It takes up space, and nothing else.
      const text = `${TEMP_FOLDER}/${name} cannot be removed: ${error instanceof Error ? error.message : String(error)}`;
      notice('warn', text, 'check the disk, and delete the file');
    }
  }
}
