/**
 * The sabotage itself under test: every mutant still finds the text that it changes, and those with a quick catcher are
 * caught. `npm run sabotage` tries all of them, with controls and with the storm.
 */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { describe, test } from 'node:test';
import { MUTANTS, NOT_APPLICABLE } from './mutants.ts';
import { isOnPath, run, runTest } from './run.ts';
import { ROOT, sabotaged } from './text.ts';

/** Numbers of the catalogue of sabotage. */
const CATALOGUE = 34;

test('the catalogue is complete: each number has a mutant, or a reason why not', () => {
  const have = new Set([...MUTANTS, ...NOT_APPLICABLE].map(({ number }) => Number.parseInt(number, 10)));
  const missing = Array.from({ length: CATALOGUE }, (_, index) => index + 1).filter((number) => !have.has(number));
  assert.deepEqual(missing, []);
  for (const key of ['id', 'number'] as const)
    assert.equal(new Set(MUTANTS.map((mutant) => mutant[key])).size, MUTANTS.length, `${key} is used twice`);
});

test('each mutant finds its text exactly once, changes it into other TypeScript, and names a test that is there', () => {
  for (const mutant of MUTANTS) {
    for (const file of new Set(mutant.edits.map((edit) => edit.file))) {
      const text = readFileSync(ROOT + file, 'utf8');
      const changed = sabotaged(mutant, file, text);
      assert.notEqual(changed, text, mutant.id);
      assert.doesNotThrow(() => stripTypeScriptTypes(changed), mutant.id);
    }
    assert.ok(existsSync(ROOT + mutant.catcher.test), mutant.catcher.test);
  }
});

test('a sabotaged build starts in tests only, and only with a mutant that exists', async () => {
  for (const [id, isTest, words] of [
    ['plain-json', '0', /TOWER_TEST=1/],
    ['no-such-mutant', '1', /there is no mutant no-such-mutant/],
  ] as const) {
    const ended = await run({
      mutant: id,
      args: ['-e', '0'],
      env: { TOWER_TEST: isTest },
      limitMs: 20_000,
      judge: (output, code) => ({ verdict: code === 0 ? 'passed' : 'failed', said: output }),
    });
    assert.equal(ended.verdict, 'failed');
    assert.match(ended.said, words);
  }
});

describe('caught by its test', { concurrency: 2 }, () => {
  for (const mutant of MUTANTS) {
    const { catcher } = mutant;
    if (mutant.slow) continue;
    const lacks = catcher.needs !== undefined && !isOnPath(catcher.needs);
    test(`${mutant.number} ${mutant.name}`, { skip: lacks ? `needs ${catcher.needs}` : false }, async () => {
      const { verdict, said } = await runTest(mutant.id, catcher.test, catcher.only);
      assert.equal(verdict, 'failed', `${mutant.id} under ${catcher.test}: ${verdict}, ${said}`);
    });
  }
});
