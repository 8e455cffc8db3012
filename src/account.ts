/**
 * Whose account a home belongs to. A home keeps the account it first traded on; only the embedded exchange may be left
 * for a real account. Must never let a request that was meant for one account reach another.
 */
import type { Account } from './broker/broker.ts';
import type { Journal } from './journal/journal.ts';
import type { Writer, Written } from './journal/writer.ts';
import { CannotStart } from './observe/events.ts';
import { orderError } from './order/errors.ts';
import type { Mode } from './order/name.ts';

export interface AccountOptions {
  readonly mode: Mode;
  /** The account number that the settings ask for; null for the one this home knows. */
  readonly wanted: string | null;
  /** The account is one of the embedded exchange. */
  readonly isSimulated: boolean;
}

/** Takes the account for this home, or throws CannotStart. Requests of a simulated account that was left are ended. */
export async function takeAccount(
  journal: Journal,
  writer: Writer,
  account: Account,
  options: AccountOptions,
): Promise<void> {
  const { mode, wanted, isSimulated } = options;
  const known = await journal.fact(`account:${mode}`);
  const wasSimulated = (await journal.fact(`simulated:${mode}`)) === 'yes';
  const number = account.accountNumber;
  if (wanted !== null && wanted !== number) {
    throw new CannotStart(
      'configuration',
      `the ${mode} keys belong to account ${number}, and account.${mode} in the settings asks for ${wanted}`,
      'Use the keys of that account, or change the setting.',
    );
  }
  if (isSimulated) await sameExchange(journal, account, options, wasSimulated ? known : null);
  if (known === number) return;
  if (known !== null) {
    const open = (await journal.unfinished()).filter((entry) => entry.mode === mode);
    if (!wasSimulated && (!isSimulated || open.length > 0)) {
      throw new CannotStart(
        'configuration',
        `this home belongs to the ${mode} account ${known}, and ${isSimulated ? 'there are no keys for it' : `the keys belong to ${number}`}`,
        isSimulated
          ? 'Put the keys back into .env, or use another home folder for the embedded exchange.'
          : 'Use the keys of that account, or another home folder.',
      );
    }
    for (const { seq } of open)
      await writer.revise(seq, (entry) => ({ ...left(entry.attempts > 0, known, number), stage: 'd5' }));
  }
  // Doubts and sweeps were about the other account.
  await journal.setFact(`swept:${mode}`, '');
  await journal.setFact(`suspect:${mode}`, '');
  await journal.setFact(`simulated:${mode}`, isSimulated ? 'yes' : 'no');
  await journal.setFact(`account:${mode}`, number, {
    kind: 'account',
    detail: JSON.stringify({ mode, from: known, to: number }),
  });
}

/**
 * An embedded exchange that was begun anew counts its ids from the start: orders would come under ids that the journal has
 * for others.
 */
async function sameExchange(
  journal: Journal,
  account: Account,
  { mode }: AccountOptions,
  known: string | null,
): Promise<void> {
  const told: { readonly created_at?: unknown } = JSON.parse(account.json);
  const since = String(told.created_at ?? '');
  const before = await journal.fact(`simulated_since:${mode}`);
  if (before === since) return;
  if (before !== null && known !== null) {
    throw new CannotStart(
      'configuration',
      `the embedded exchange of this home was begun anew (${since}), and the journal remembers the one before (${before})`,
      'Put data/exchange back, or move the whole data folder away to begin anew, journal and exchange together.',
    );
  }
  await journal.setFact(`simulated_since:${mode}`, since);
}

function left(wasSent: boolean, from: string, to: string): Pick<Written, 'patch' | 'events'> {
  const message = wasSent
    ? `the request went to the embedded exchange (account ${from}), which this tower has left for account ${to}`
    : `the request was meant for the embedded exchange (account ${from}); this tower now serves account ${to}, and nothing was sent`;
  return {
    patch: { state: wasSent ? 'abandoned' : 'refused', answer: { error: orderError('account_changed', message) } },
    events: [{ kind: 'account', detail: JSON.stringify({ from, to }) }],
  };
}
