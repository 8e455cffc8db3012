/**
 * What an earlier run had claimed and not journaled, taken up again by the next start. Must never let one file keep the tower
 * from starting for ever: a file that was in hand each time it ended is refused unread, and the others go on.
 */
import type { Received } from '../admit.ts';
import type { Failpoints } from '../lib/failpoint.ts';
import type { DirEntry } from '../lib/files.ts';
import { orderError } from '../order/errors.ts';
import { type Claimed, claimOf } from './claimed.ts';

/** So many ends of the tower with the same file in hand, and it is not tried again. */
const ENDS = 3;

export interface RecoveryOptions {
  readonly entries: readonly DirEntry[];
  readonly failpoints: Failpoints;
  isOwnFolder(agent: string): boolean;
  receipt(receipt: string): Promise<'unknown' | 'known' | 'archived'>;
  /** A claimed file; null when the system does not give it now. */
  read(entry: DirEntry, claimed: Claimed): Received | null;
  /** The same without its bytes. */
  unread(entry: DirEntry, claimed: Claimed): Received;
  admit(batch: readonly Received[]): Promise<void>;
  /** What the journal remembers of earlier starts; durable when it resolves. */
  readonly tries: { read(): Promise<string | null>; write(text: string): Promise<void> };
  /** Archived, and may be deleted. */
  leftover(name: string): void;
  foreign(name: string): void;
}

/** Resolves when all that was claimed is journaled. */
export async function recoverClaimed(o: RecoveryOptions): Promise<void> {
  const found: { readonly entry: DirEntry; readonly claimed: Claimed }[] = [];
  for (const entry of o.entries) {
    const claimed = claimOf(entry.name, o.isOwnFolder);
    if (claimed === null) {
      if (!entry.name.startsWith('.')) o.foreign(entry.name);
      continue;
    }
    o.failpoints.hit('k27-in-recovery');
    const known = await o.receipt(claimed.receipt);
    if (known === 'archived') o.leftover(entry.name);
    else if (known === 'unknown') found.push({ entry, claimed });
  }
  const text = await o.tries.read();
  if (found.length === 0) {
    if (text !== null && text !== '') await o.tries.write('');
    return;
  }
  const before = triesOf(text);
  // Only those that are still here: what was taken since is forgotten.
  const tries = new Map(found.map(({ claimed: { receipt } }) => [receipt, before.get(receipt) ?? 0]));
  const timesOf = (receipt: string): number => tries.get(receipt) ?? 0;
  const write = (): Promise<void> =>
    o.tries.write([...tries].map(([receipt, times]) => `${receipt}:${times}`).join(' '));
  const take = async (batch: typeof found): Promise<void> => {
    for (const { claimed } of batch) tries.set(claimed.receipt, timesOf(claimed.receipt) + 1);
    await write();
    const received = batch.flatMap(({ entry, claimed }) => o.read(entry, claimed) ?? []);
    if (received.length > 0) await o.admit(received);
  };
  // The run that claimed it ended with it in hand, and so did each that took it up.
  const isPoison = ({ claimed }: (typeof found)[number]): boolean => timesOf(claimed.receipt) + 1 >= ENDS;
  const poison = found.filter(isPoison);
  const rest = found.filter((one) => !isPoison(one));
  if (poison.length > 0) await o.admit(poison.map(({ entry, claimed }) => refused(o.unread(entry, claimed))));
  const isFresh = ({ claimed }: (typeof found)[number]): boolean => timesOf(claimed.receipt) === 0;
  const suspects = rest.filter((one) => !isFresh(one));
  const fresh = rest.filter(isFresh);
  if (fresh.length > 0) await take(fresh);
  // One by one: whoever is in hand when the tower ends again is the one, and the others are not blamed for it.
  for (const one of suspects) await take([one]);
}

/** `{receipt}:{times}`, separated by blanks. */
const triesOf = (text: string | null): ReadonlyMap<string, number> =>
  new Map(
    [...(text ?? '').matchAll(/(\S+):(\d+)/g)].map(([, receipt = '', times]): [string, number] => [
      receipt,
      Number(times),
    ]),
  );

const refused = (received: Received): Received => ({
  ...received,
  raw: null,
  fault: orderError('internal', `the tower ended ${ENDS} times while it took this file; it is not tried again`, {
    hint: 'tell the operator; the file is in orders/failed: do not drop it again before somebody has looked at it',
  }),
});
