/**
 * The signature that an order file may carry: a last line behind the JSON object, `#hmac-sha256 {64 hex digits}`, over every
 * byte before it. One file holds both, so they arrive, are archived and are read again together. Must never compare in a time
 * that tells how much of a guess was right.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';

const MARK = '\n#hmac-sha256 ';
const HEX = 64;
const LINE = new RegExp(`^\\n#hmac-sha256 ([0-9a-f]{${HEX}})\\n?$`);

/** `body`: the bytes that are signed, with the line break that ends them. */
export interface SplitFile {
  readonly body: Uint8Array;
  /** 64 hex digits; null when the file carries none. */
  readonly signature: string | null;
}

export function splitSignature(bytes: Uint8Array): SplitFile {
  const length = MARK.length + HEX;
  for (const end of [bytes.length, bytes.length - 1]) {
    const from = end - length;
    // The bytes around it are looked at as they are: what is not plain ASCII is no signature.
    if (from < 0 || bytes[from] !== 0x0a || bytes[from + 1] !== 0x23) continue;
    const [, signature = null] = LINE.exec(Buffer.from(bytes.subarray(from)).toString('latin1')) ?? [];
    if (signature !== null) return { body: bytes.subarray(0, from + 1), signature };
  }
  return { body: bytes, signature: null };
}

const hmac = (key: Uint8Array, body: Uint8Array): Buffer => createHmac('sha256', key).update(body).digest();

/** The text of a whole signed file. */
export function signed(key: Uint8Array, text: string): string {
  const body = text.endsWith('\n') ? text : `${text}\n`;
  return `${body}${MARK.trimStart()}${hmac(key, Buffer.from(body)).toString('hex')}\n`;
}

export const signedBy = (key: Uint8Array, body: Uint8Array, signature: string): boolean =>
  timingSafeEqual(hmac(key, body), Buffer.from(signature, 'hex'));
