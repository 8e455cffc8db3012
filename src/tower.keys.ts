/**
 * Keys that can be exchanged while a tower runs: new ones are tried first, and used only for the account that the tower has.
 * Must never send an order with keys whose account is not known, nor keep a secret that was exchanged.
 */
import type { Account, Broker, Outcome } from './broker/broker.ts';
import type { TowerEvent } from './observe/events.ts';
import type { Mode } from './order/name.ts';
import type { Keys } from './settings.keys.ts';
import { KEY_NAMES } from './settings.schema.ts';

/** The pair of the moment, as the broker's adapter reads it at each request. */
export class HeldKeys {
  #keys: Keys;
  constructor(keys: Keys) {
    this.#keys = keys;
  }
  get id(): string {
    return this.#keys.id;
  }
  get secret(): string {
    return this.#keys.secret.reveal();
  }
  is(keys: Keys): boolean {
    return this.id === keys.id && this.secret === keys.secret.reveal();
  }
  replace(keys: Keys): void {
    this.#keys = keys;
  }
}

/** A mode that Alpaca serves. */
export interface Keyed {
  readonly mode: Mode;
  readonly held: HeldKeys;
  /** A broker of the same endpoint with other keys. */
  trial(keys: Keys): Broker;
}

export interface Rekeying {
  /** Asks a broker for its account, within the budget of the mode; null when the tower stops. */
  account(mode: Mode, broker: Broker): Promise<Outcome<Account> | null>;
  /** The account that the tower has; null while it is not known. */
  accountOf(mode: Mode): Account | null;
  onEvent(event: TowerEvent): void;
}

/** Takes the keys of the settings as they are now. What is wrong with them is told, and the old ones stay. */
export async function rekey(
  modes: readonly Keyed[],
  keys: Readonly<Record<Mode, Keys | null>>,
  with_: Rekeying,
): Promise<void> {
  for (const keyed of modes) {
    const next = keys[keyed.mode];
    const { level, text, remedy } = await exchanged(keyed, next, with_);
    with_.onEvent({ kind: 'notice', level, text, remedy });
  }
}

type Told = Omit<Extract<TowerEvent, { kind: 'notice' }>, 'kind'>;

async function exchanged({ mode, held, trial }: Keyed, next: Keys | null, with_: Rekeying): Promise<Told> {
  const stays = (why: string, remedy: string): Told => ({
    level: 'error',
    text: `the ${mode} keys stay as they were: ${why}`,
    remedy,
  });
  const again = 'put it right, and send SIGHUP again';
  if (next === null) return stays('there are no others', `to go on without them, restart; else ${again}`);
  if (held.is(next)) return { level: 'info', text: `the ${mode} keys are the same as before`, remedy: '' };
  const known = with_.accountOf(mode);
  if (known === null) return stays('Alpaca has not told the account yet', 'send SIGHUP again when it answers');
  const broker = trial(next);
  const outcome = await with_.account(mode, broker);
  await broker.close();
  if (outcome?.kind !== 'done') {
    const reason =
      outcome === null ? 'the tower stops' : outcome.kind === 'rejected' ? outcome.rejection.message : outcome.reason;
    return stays(`the new ones were tried, and: ${reason}`, `check ${KEY_NAMES[mode].id} and its secret; ${again}`);
  }
  const { accountNumber } = outcome.value;
  if (accountNumber !== known.accountNumber) {
    const why = `the new ones belong to account ${accountNumber}, and this tower trades on ${known.accountNumber}`;
    return stays(why, `use keys of that account; ${again}`);
  }
  held.replace(next);
  return { level: 'info', text: `the ${mode} keys were exchanged; the new ones are used from now on`, remedy: '' };
}
