/** Changing the text of a source file as a mutant says. Pure. Must never change a text that is not the expected one. */
import { fileURLToPath } from 'node:url';
import type { Mutant } from './mutant.ts';

/** The project's folder, with a slash at its end. */
export const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** `text` of `file` with the mutant's edits of that file. Throws when one does not occur exactly once. */
export function sabotaged(mutant: Mutant, file: string, text: string): string {
  let changed = text;
  for (const edit of mutant.edits) {
    if (edit.file !== file) continue;
    const count = changed.split(edit.find).length - 1;
    if (count !== 1) {
      throw new Error(
        `mutant ${mutant.id}: its text occurs ${count} times in ${file} instead of once; write it anew after the source`,
      );
    }
    changed = changed.replace(edit.find, () => edit.replace);
  }
  return changed;
}
