import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decode, encode } from '@msgpack/msgpack';
import { TradeUpdatesSession } from './trade-updates.ts';

function open(codec: 'json' | 'msgpack' = 'json') {
  const sent: unknown[] = [];
  const closed: string[] = [];
  let silenced = false;
  let buffered = 0;
  const session = new TradeUpdatesSession(
    {
      send: (frame) => {
        assert.ok(typeof frame !== 'string', 'trade updates go out in binary frames');
        sent.push(codec === 'json' ? readJson(frame) : decode(frame));
      },
      close: (how) => closed.push(how),
      silence: () => {
        silenced = true;
      },
      buffered: () => buffered,
    },
    { codec, authenticate: (key, secret) => (key === 'K' && secret === 'S' ? 'account' : null) },
  );
  const say = (message: unknown) => session.receive(JSON.stringify(message));
  const listen = () => {
    say({ action: 'auth', key: 'K', secret: 'S' });
    say({ action: 'listen', data: { streams: ['trade_updates'] } });
    sent.length = 0;
  };
  return {
    session,
    sent,
    closed,
    say,
    listen,
    silenced: () => silenced,
    pileUp: (bytes: number) => {
      buffered = bytes;
    },
  };
}

function readJson(frame: Uint8Array): unknown {
  const text = new TextDecoder().decode(frame);
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

const AUTHORIZED = { stream: 'authorization', data: { status: 'authorized', action: 'authenticate' } };
const update = (event: string) => ({ event });
const events = (sent: unknown[]) => sent.map((message) => (message as { data: { event: string } }).data.event);

test('both forms of authentication', () => {
  const first = open();
  first.say({ action: 'auth', key: 'K', secret: 'S' });
  assert.deepEqual(first.sent, [AUTHORIZED]);
  const second = open();
  second.say({ action: 'authenticate', data: { key_id: 'K', secret_key: 'S' } });
  assert.deepEqual(second.sent, [AUTHORIZED]);
});

test('a wrong pair is unauthorized, and nobody listens before authentication', () => {
  const { say, sent, session } = open();
  say({ action: 'auth', key: 'K', secret: 'wrong' });
  say({ action: 'listen', data: { streams: ['trade_updates'] } });
  assert.deepEqual(sent, [
    { stream: 'authorization', data: { status: 'unauthorized', action: 'authenticate' } },
    { stream: 'authorization', data: { status: 'unauthorized', action: 'listen' } },
  ]);
  session.publish(update('new'));
  assert.equal(sent.length, 2);
});

test('listen replaces the former list, may be repeated, and drops unknown names', () => {
  const { say, sent, session } = open();
  say({ action: 'auth', key: 'K', secret: 'S' });
  say({ action: 'listen', data: { streams: ['trade_updates', 'weather'] } });
  say({ action: 'listen', data: { streams: ['trade_updates', 'weather'] } });
  const listening = { stream: 'listening', data: { streams: ['trade_updates'] } };
  assert.deepEqual(sent.slice(1), [listening, listening]);
  assert.equal(session.listensTo, 'account');
  session.publish(update('new'));
  assert.deepEqual(sent.at(-1), { stream: 'trade_updates', data: { event: 'new' } });
  say({ action: 'listen', data: { streams: [] } });
  assert.equal(session.listensTo, null);
});

test('MessagePack both ways', () => {
  const { session, sent } = open('msgpack');
  session.receive(encode({ action: 'auth', key: 'K', secret: 'S' }));
  assert.deepEqual(sent, [AUTHORIZED]);
});

test('an unreadable message ends the connection with an error', () => {
  const { session, sent, closed } = open();
  session.receive('{"action"');
  assert.deepEqual(sent, [{ action: 'error', data: { error_message: 'invalid message' } }]);
  assert.deepEqual(closed, ['close']);
  session.receive('{"action":"auth","key":"K","secret":"S"}');
  assert.equal(sent.length, 1);
});

test('gaps, repeats and reordering', () => {
  const { session, sent, listen } = open();
  listen();
  session.publish(update('a'), { kind: 'drop' });
  session.publish(update('b'), { kind: 'repeat', times: 2 });
  session.publish(update('c'), { kind: 'reorder', behind: 2 });
  session.publish(update('d'));
  session.publish(update('e'));
  assert.deepEqual(events(sent), ['b', 'b', 'b', 'd', 'e', 'c']);
});

test('silence keeps the connection open and says nothing', () => {
  const { session, sent, closed, listen, silenced, say } = open();
  listen();
  session.publish(update('a'), { kind: 'silence' });
  session.publish(update('b'));
  say({ action: 'listen', data: { streams: [] } });
  assert.deepEqual(sent, []);
  assert.deepEqual(closed, []);
  assert.equal(silenced(), true);
});

test('a cut connection and a frame that is no JSON', () => {
  const { session, sent, closed, listen } = open();
  listen();
  session.publish(update('a'), { kind: 'garbage' });
  assert.equal(typeof sent[0], 'string');
  session.publish(update('b'), { kind: 'close', how: 'reset' });
  assert.deepEqual(closed, ['reset']);
  session.publish(update('c'));
  assert.equal(sent.length, 1);
});

test('a client that does not read is let go', () => {
  const { session, sent, closed, listen, pileUp } = open();
  listen();
  pileUp(17 * 1024 * 1024);
  session.publish(update('a'));
  assert.deepEqual(sent, []);
  assert.deepEqual(closed, ['reset']);
});
