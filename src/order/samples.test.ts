import assert from 'node:assert/strict';
import { test } from 'node:test';
import { micros } from '../lib/clock.ts';
import { ORDER_TYPES, parseName } from './name.ts';
import { parse } from './parse.ts';
import { samples } from './samples.ts';
import { optionContract } from './symbol.ts';

const DAY = 86_400_000;

test('one valid file of each type, on every day of three years', () => {
  for (let day = 0; day < 1100; day += 13) {
    const ms = Date.UTC(2026, 0, 1) + day * DAY;
    const now = micros(ms * 1000);
    const made = samples(now, 'a1', 'live');
    assert.deepEqual(
      made.map(({ type }) => type),
      ORDER_TYPES,
    );
    for (const sample of made) {
      const name = parseName(sample.fileName);
      assert.ok(name.ok, sample.fileName);
      assert.equal(name.name.clientOrderId, sample.clientOrderId);
      const result = parse({ fileName: name.name, bytes: Buffer.from(sample.text), receivedAt: now });
      assert.ok(result.ok, JSON.stringify(result));
      if (result.request.type !== 'optionsingle') continue;
      const [, year, month, date] =
        /^(\d\d)(\d\d)(\d\d)$/.exec(optionContract(result.request.symbol)?.expiry ?? '') ?? [];
      const expiry = new Date(Date.UTC(2000 + Number(year), Number(month) - 1, Number(date)));
      assert.equal(expiry.getUTCDay(), 5, 'a Friday');
      assert.ok(expiry.getUTCDate() >= 15 && expiry.getUTCDate() <= 21, 'the third');
      const ahead = (expiry.getTime() - ms) / DAY;
      assert.ok(ahead >= 30 && ahead < 130, `${ahead} days ahead`);
    }
  }
});
