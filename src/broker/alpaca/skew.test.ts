import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Clock, micros } from '../../lib/clock.ts';
import { Skew } from './skew.ts';

/** Thursday, in the middle of a second. */
const START = Date.UTC(2026, 1, 12, 15, 0, 0) + 500;

interface Stand {
  readonly skew: Skew;
  readonly told: string[];
  /** An answer that took so long, from a broker whose clock differs by so much from the true time. */
  answer(brokerOffMs: number, tookMs?: number): void;
  /** This machine's clock is off by so much from now on. */
  off(ms: number): void;
}

function stand(): Stand {
  let mono = 0;
  let offMs = 0;
  const clock: Clock = {
    now: () => micros((START + mono + offMs) * 1000),
    monotonic: () => mono,
    after: () => () => {},
  };
  const told: string[] = [];
  const skew = new Skew(clock, (level, text) => told.push(`${level}: ${text}`));
  return {
    skew,
    told,
    answer(brokerOffMs, tookMs = 40) {
      const leftAt = mono;
      // Written in the middle of its way.
      const there = new Date(START + mono + tookMs / 2 + brokerOffMs);
      mono += tookMs;
      skew.heard(there.toUTCString(), leftAt);
    },
    off: (ms) => {
      offMs = ms;
    },
  };
}

describe('the clock against the broker', () => {
  test('three answers that say the same are believed, and told once', () => {
    const { answer, told } = stand();
    answer(-7_000);
    answer(-7_000);
    assert.deepEqual(told, []);
    for (let n = 0; n < 20; n++) answer(-7_000);
    assert.deepEqual(told, ["warn: this machine's clock is 7 s ahead of Alpaca's"]);
  });

  test('one answer with another date is nobody to be believed', () => {
    const { answer, told, skew } = stand();
    for (let n = 0; n < 30; n++) answer(n % 3 === 0 ? 90_000_000 : 0);
    assert.deepEqual(told, []);
    assert.equal(skew.marketClock.now() % 1_000_000, (START * 1000 + 30 * 40_000) % 1_000_000);
  });

  test('a slow answer, or part of a second, is no difference', () => {
    const { answer, told } = stand();
    for (const took of [9_000, 9_000, 9_000, 9_000]) answer(0, took);
    for (const off of [1_400, 1_400, 1_400, -1_400, -1_400, -1_400]) answer(off);
    assert.deepEqual(told, []);
  });

  test('a clock that is far off does not say what day it is, and does again when it is right', () => {
    const { answer, told, skew, off } = stand();
    const wall = (): number => Math.round(skew.marketClock.now() / 1000);
    off(-86_400_000);
    for (let n = 0; n < 3; n++) answer(0);
    assert.match(told[0] ?? '', /^error: this machine's clock is 86400 s behind Alpaca's; days and hours/);
    assert.ok(Math.abs(wall() - START) < 1_000, `${wall() - START} ms`);
    off(0);
    for (let n = 0; n < 3; n++) answer(0);
    assert.equal(wall(), START + 6 * 40);
    assert.equal(told[1], "info: this machine's clock agrees with Alpaca's again");
    assert.equal(told.length, 2);
  });

  test('a header that is no date says nothing', () => {
    const { skew, told } = stand();
    for (const date of [null, '', 'yesterday', null]) skew.heard(date, 0);
    assert.deepEqual(told, []);
  });
});
