/** What can be wrong with a file before anybody reads it, in the words of the answers. Pure. */
import type { Peek } from '../lib/files.ts';
import { type OrderError, orderError } from '../order/errors.ts';

export function faultOf(look: Peek, maxBytes: number): OrderError | null {
  switch (look.kind) {
    case 'file':
      return look.bytes.length <= maxBytes ? null : tooLarge(look.bytes.length, maxBytes);
    case 'too_large':
      return tooLarge(look.size, maxBytes);
    case 'foreign':
      return orderError('file_type', `the entry is ${look.what}; only regular files are read`, {
        got: look.what,
        allowed: 'a regular file',
      });
    case 'linked':
      return orderError('file_links', `the file has ${look.links} hard links; it must have 1`, {
        got: String(look.links),
        allowed: '1',
      });
    case 'unreadable':
      return orderError('file_unreadable', `the file cannot be read: ${look.reason}`, { got: look.reason });
    case 'gone':
      return orderError('file_unreadable', 'the file was taken away while it was being claimed');
  }
}

const tooLarge = (size: number, limit: number): OrderError =>
  orderError('file_too_large', `the file has ${size} bytes; at most ${limit} are read`, {
    got: String(size),
    allowed: `at most ${limit} bytes`,
  });

/** Null when the agent of a file of `bytes` has not more waiting than it may. */
export function overQuota(
  behind: { readonly files: number; readonly bytes: number },
  bytes: number,
  { maxWaiting, maxWaitingBytes }: { readonly maxWaiting: number; readonly maxWaitingBytes: number },
): OrderError | null {
  const over = (words: string, found: number, limit: number, unit: string): OrderError =>
    orderError('quota', `${words} of this agent were waiting; while there are more than ${limit}, they are refused`, {
      got: String(found),
      allowed: `at most ${limit} ${unit} at a time`,
    });
  if (behind.files >= maxWaiting) return over(`${behind.files + 1} files`, behind.files + 1, maxWaiting, 'files');
  const all = behind.bytes + bytes;
  return all > maxWaitingBytes ? over(`files of ${all} bytes`, all, maxWaitingBytes, 'bytes') : null;
}

/** Whose file it is, as far as that can be told. */
export const ownerOf = (look: Peek): number | null =>
  look.kind === 'foreign' ? look.uid : 'identity' in look ? look.identity.uid : null;
