/**
 * Writes every page that is made from source; with `--check` only says which are stale (exit code 1).
 * A new page is one module with its path and rendering, and one entry in PAGES.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { errorsPage } from './errors.ts';
import { orderFormatPage } from './order-format.ts';
import { orderStatesPage } from './order-states.ts';
import { settingsPage } from './settings.ts';

export interface Page {
  /** Relative to the root of the project. */
  readonly path: string;
  /** The whole page; the same source gives the same text. */
  render(): string;
}

const PAGES: readonly Page[] = [orderFormatPage, errorsPage, orderStatesPage, settingsPage];

const fileOf = (page: Page): string => fileURLToPath(new URL(`../${page.path}`, import.meta.url));

function current(page: Page): string | null {
  try {
    return readFileSync(fileOf(page), 'utf8');
  } catch {
    return null;
  }
}

/** Paths of the pages that differ from their source. */
export const stalePages = (): readonly string[] =>
  PAGES.filter((page) => current(page) !== page.render()).map(({ path }) => path);

if (import.meta.main) {
  const stale = stalePages();
  if (process.argv.includes('--check')) {
    for (const path of stale) console.error(`${path} is stale: run npm run docs`);
    process.exitCode = stale.length === 0 ? 0 : 1;
  } else {
    for (const page of PAGES.filter(({ path }) => stale.includes(path))) {
      writeFileSync(fileOf(page), page.render());
      console.log(`wrote ${page.path}`);
    }
  }
}
