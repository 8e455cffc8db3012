/**
 * Loaded before everything else (`--import`), it changes the text of the files that the mutant named by TOWER_SABOTAGE
 * is about, as they are read: a sabotaged build is the same source with a line changed in memory. Must never do anything
 * without TOWER_TEST=1, nor let a process run whose mutant found nothing to change.
 */
import { registerHooks } from 'node:module';
import { fileURLToPath } from 'node:url';
import { MUTANTS } from './mutants.ts';
import { ROOT, sabotaged } from './text.ts';

const id = process.env['TOWER_SABOTAGE'] ?? '';
if (id !== '') {
  if (process.env['TOWER_TEST'] !== '1') throw new Error('TOWER_SABOTAGE is for tests: it needs TOWER_TEST=1');
  const mutant = MUTANTS.find((one) => one.id === id);
  if (mutant === undefined) throw new Error(`TOWER_SABOTAGE: there is no mutant ${id}`);
  const files = new Set(mutant.edits.map(({ file }) => file));
  registerHooks({
    load(url, context, next) {
      const loaded = next(url, context);
      const file = url.startsWith('file:') ? fileURLToPath(url) : '';
      const path = file.startsWith(ROOT) ? file.slice(ROOT.length) : '';
      if (!files.has(path) || loaded.source === undefined || loaded.source === null) return loaded;
      const { source } = loaded;
      const text = typeof source === 'string' ? source : new TextDecoder().decode(source);
      return { ...loaded, source: sabotaged(mutant, path, text) };
    },
  });
}
