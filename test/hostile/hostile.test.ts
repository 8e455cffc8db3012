/**
 * The quick part of `npm run prove -- hostile`, with every run of the tests. Must never grow past half a minute; the whole is
 * one command away.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { escalate } from './escalation.ts';
import { throughTheFolder } from './folder.ts';
import { fuzz } from './fuzz.ts';
import { inputOf, isSurelyBad } from './inputs.ts';

test('the reader takes whatever comes: no crash, no hang, always an answer', async () => {
  const runs = 20_000;
  const { inputs, answers, accepted, crashes, hangs, requests, canaries, wrong } = await fuzz('quick', runs, () => {});
  assert.deepEqual(
    { inputs, answers, crashes, hangs, requests, canaries, wrong },
    { inputs: runs, answers: runs, crashes: 0, hangs: 0, requests: 0, canaries: 0, wrong: [] },
  );
  assert.ok(accepted > runs / 100, `only ${accepted} were right: the fuzzer sees too little`);
});

test('one seed gives the same inputs again, and most of them are bad beyond doubt', () => {
  let bad = 0;
  for (let index = 0; index < 500; index++) {
    const input = inputOf('again', index);
    assert.deepEqual(inputOf('again', index), input);
    if (isSurelyBad(input)) bad++;
  }
  assert.ok(bad > 200, String(bad));
});

test('through a real folder: every input has its answer, and nothing is sent or read that must not be', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tower-hostile-'));
  const { inputs, answers, orders, ...rest } = await throughTheFolder('quick', 400, folder, () => {});
  assert.equal(answers, inputs);
  assert.deepEqual(rest, { crashes: 0, hangs: 0, requests: 0, outsideBytes: 0, canaries: 0, wrong: [] });
  assert.ok(orders > 0, 'no order was right: the exchange saw nothing at all');
  rmSync(folder, { recursive: true, force: true });
});

test('paper does not become live, whatever is tried', async () => {
  const { attempts, bytes, wrong } = await escalate();
  assert.deepEqual(wrong, []);
  assert.equal(bytes, 0);
  assert.ok(attempts >= 40, String(attempts));
});
