import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { agentOf, ORDER_TYPES, orderName, parseName, responsePath, strayResponsePath } from './name.ts';

const GOOD = 'paper_sentiment_stockbuy_20260213143022123456.json';

test('a good name gives its parts and its identity', () => {
  const result = parseName(GOOD);
  assert.ok(result.ok);
  assert.deepEqual(result.name, {
    mode: 'paper',
    agent: 'sentiment',
    type: 'stockbuy',
    timestamp: '20260213143022123456',
    day: '20260213',
    stem: 'paper_sentiment_stockbuy_20260213143022123456',
    clientOrderId: 'sentiment_20260213143022123456_stockbuy',
  });
  for (const type of ORDER_TYPES) assert.ok(parseName(`live_a1_${type}_20260213143022123456.json`).ok, type);
});

test('the answer lies where the agent can compute it', () => {
  const result = parseName(GOOD);
  assert.ok(result.ok);
  const folder = 'responses/sentiment/paper/20260213';
  assert.equal(responsePath(result.name), `${folder}/response_paper_sentiment_stockbuy_20260213143022123456.json`);
  assert.equal(
    responsePath(result.name, 2),
    `${folder}/response_paper_sentiment_stockbuy_20260213143022123456.duplicate-2.json`,
  );
});

describe('the answer to a bad name', () => {
  const pathOf = (fileName: string): string => {
    const result = parseName(fileName);
    assert.ok(!result.ok);
    return strayResponsePath(result.stray, '20261123', 'r-01');
  };
  const check = (title: string, fileName: string, path: string): void => {
    test(title, () => assert.equal(pathOf(fileName), path));
  };
  const stamp = '20260213143022123456';
  check(
    'goes to the agent when only the type is wrong',
    `paper_a1_stockbuys_${stamp}.json`,
    `responses/a1/paper/20260213/response_paper_a1_stockbuys_${stamp}.json`,
  );
  check(
    'also when the mode is wrong',
    `demo_a1_stockbuy_${stamp}.json`,
    `responses/a1/demo/20260213/response_demo_a1_stockbuy_${stamp}.json`,
  );
  check(
    'keeps the day when only the time is wrong',
    'paper_a1_stockbuy_20260213253022123456.json',
    'responses/a1/paper/20260213/response_paper_a1_stockbuy_20260213253022123456.json',
  );
  check(
    'takes the day of receipt when the date is wrong',
    'paper_a1_stockbuy_20260230143022123456.json',
    'responses/a1/paper/20261123/response_paper_a1_stockbuy_20260230143022123456.json',
  );
  check(
    'is unattributed when the agent is none',
    `paper_A1_stockbuy_${stamp}.json`,
    `responses/_unattributed/20261123/response_paper_A1_stockbuy_${stamp}.json`,
  );
  check(
    'is unattributed with three parts',
    'paper_a1_stockbuy.json',
    'responses/_unattributed/20261123/response_paper_a1_stockbuy.json',
  );
  check(
    'takes the receipt when the name is unsafe',
    '../../etc/passwd.json',
    'responses/_unattributed/20261123/response_r-01.json',
  );
  check(
    'never leaves the folders through a part',
    `.._a1_stockbuy_${stamp}.json`,
    'responses/_unattributed/20261123/response_r-01.json',
  );
  check('takes the receipt when the name is empty', '.json', 'responses/_unattributed/20261123/response_r-01.json');
});

test('all problems of a name are told at once', () => {
  const result = parseName('demo_Agent_buy_20260230143022123456.txt');
  assert.ok(!result.ok);
  const fields = ['file_name', 'file_name.mode', 'file_name.agentid', 'file_name.ordertype', 'file_name.timestamp'];
  assert.deepEqual(
    result.problems.map(({ field }) => field),
    fields,
  );
});

test('whose order a client_order_id is', () => {
  assert.equal(agentOf('riskbot_20260213143022123456_cancelorder'), 'riskbot');
  for (const id of [
    '',
    'riskbot',
    'riskbot_20260213143022123456',
    'riskbot_20260213143022123456_x',
    'a_b_20260213143022123456_stockbuy',
    'Riskbot_20260213143022123456_stockbuy',
    'riskbot_20260230143022123456_stockbuy',
    '61e69015-8549-4bfd-b9c3-01e75843f47d',
    'riskbot_20260213143022123456_stockbuy_x',
  ]) {
    assert.equal(agentOf(id), null, id);
  }
});

test('a name can be made from its parts', () => {
  assert.equal(orderName('paper', 'sentiment', 'stockbuy', '20260213143022123456')?.stem, GOOD.slice(0, -5));
  assert.equal(orderName('paper', 'no_good', 'stockbuy', '20260213143022123456'), null);
});
