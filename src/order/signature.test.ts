/** The signature of an order file: what is signed is every byte before it, and nothing else counts as one. */
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';
import { micros } from '../lib/clock.ts';
import { parseName } from './name.ts';
import { completeness, parse } from './parse.ts';
import { samples } from './samples.ts';
import { signed, signedBy, splitSignature } from './signature.ts';

const KEY = Buffer.from('0123456789abcdef0123456789abcdef');
const TEXT = '{"a": 1}\n';
const split = (text: string) => splitSignature(Buffer.from(text));

test('a signed file is the text, and a line over all of it that any program can make', () => {
  const file = signed(KEY, TEXT);
  assert.equal(file, `${TEXT}#hmac-sha256 ${createHmac('sha256', KEY).update(TEXT).digest('hex')}\n`);
  const { body, signature } = split(file);
  assert.equal(Buffer.from(body).toString(), TEXT);
  assert.ok(signature !== null && signedBy(KEY, body, signature));
  assert.ok(!signedBy(Buffer.from('another key'), body, signature));
  assert.equal(split(file.trimEnd()).signature, signature, 'the last line break may be left out');
  assert.equal(signed(KEY, TEXT.trimEnd()), file);
});

test('one byte more, less or other is another file', () => {
  const file = Buffer.from(signed(KEY, TEXT));
  for (let at = 0; at < file.length; at++) {
    for (const flip of [1, 0x20, 0x80]) {
      const other = Buffer.from(file);
      other[at] = (other[at] ?? 0) ^ flip;
      const { body, signature } = splitSignature(other);
      const isLastBreak = at === file.length - 1;
      assert.ok(isLastBreak || signature === null || !signedBy(KEY, body, signature), `byte ${at}`);
    }
    const { body, signature } = splitSignature(file.subarray(0, at));
    assert.ok(signature === null || (at === file.length - 1 && signedBy(KEY, body, signature)), `cut at ${at}`);
  }
});

test('what only looks like a signature is text', () => {
  const hex = 'a'.repeat(64);
  for (const text of [
    `{}#hmac-sha256 ${hex}\n`,
    `{}\n#hmac-sha256 ${hex.toUpperCase()}\n`,
    `{}\n#hmac-sha256 ${hex} \n`,
    `{}\n#hmac-sha256  ${hex}\n`,
    `{}\n#hmac-sha1 ${hex}\n`,
    `{}\n#hmac-sha256 ${hex}\n\n`,
    `#hmac-sha256 ${hex}\n`,
    '',
  ]) {
    assert.equal(split(text).signature, null, JSON.stringify(text));
  }
});

test('a signed order file is read as the same without, and is whole for who must sign only with it', () => {
  for (const { fileName, text } of samples(micros(Date.UTC(2026, 10, 23) * 1000))) {
    const name = parseName(fileName);
    assert.ok(name.ok);
    const bytes = Buffer.from(signed(KEY, text));
    const result = parse({ fileName: name.name, bytes, receivedAt: micros(Date.UTC(2026, 10, 23) * 1000) });
    assert.ok(result.ok, fileName);
    assert.equal(completeness(bytes, true), 'whole');
    assert.equal(completeness(Buffer.from(text), true), 'incomplete');
    assert.equal(completeness(Buffer.from(text)), 'whole');
    const twice = parse({
      fileName: name.name,
      bytes: Buffer.from(signed(KEY, signed(KEY, text))),
      receivedAt: micros(0),
    });
    assert.ok(!twice.ok && twice.error.code === 'json_trailing');
  }
});
