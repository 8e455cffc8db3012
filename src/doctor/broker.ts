/**
 * What Alpaca says to the keys, and what its clock says: one request for each account that has keys, which changes nothing
 * there. Must never send an order, follow a redirect or show a key; without a network it says so and is no error.
 */
import type { HttpResult, Network } from '../broker/alpaca/network.ts';
import type { Clock } from '../lib/clock.ts';
import { isJsonObject, parseLossless } from '../lib/json.ts';
import { MODES, type Mode } from '../order/name.ts';
import { KEY_NAMES, URLS } from '../settings.schema.ts';
import { LOOPBACK, type Settings } from '../settings.ts';
import { error, type Finding, ok, warning } from './finding.ts';

const TIMEOUT_MS = 5_000;
const SKEW_WARNING_MS = 2_000;
const SKEW_ERROR_MS = 30_000;

export interface BrokerCheck {
  readonly settings: Settings;
  readonly network: Network;
  readonly clock: Clock;
  /** The account that the journal says the home belongs to, by mode. */
  readonly accounts: Readonly<Record<Mode, string | null>>;
}

export async function askBrokers(check: BrokerCheck): Promise<readonly Finding[]> {
  const found = await Promise.all(MODES.map((mode) => askBroker(mode, check)));
  return found.flat();
}

async function askBroker(mode: Mode, check: BrokerCheck): Promise<readonly Finding[]> {
  const { settings, network, clock } = check;
  const keys = settings.keys[mode];
  const name = `keys (${mode})`;
  if (keys === null)
    return [ok(name, mode === 'paper' ? 'none: paper is served by the embedded exchange' : 'none: live is off')];
  if (mode === 'live' && !settings.live) return [ok(name, 'given, but live is not switched on: they are not used')];
  const origin = settings.urls[mode];
  const elsewhere = foreignHost(mode, origin);
  const began = clock.monotonic();
  const result = await network.request({
    method: 'GET',
    origin,
    path: '/v2/account',
    headers: { 'APCA-API-KEY-ID': keys.id, 'APCA-API-SECRET-KEY': keys.secret.reveal(), accept: 'application/json' },
    body: '',
    timeoutMs: TIMEOUT_MS,
    maxBytes: 1_000_000,
  });
  const halfway = (clock.monotonic() - began) / 2;
  return [account(mode, origin, result, check), ...elsewhere, ...skew(mode, result, clock.now() / 1000 - halfway)];
}

/** Keys go wherever the base URL points: a person should know when that is not Alpaca. */
function foreignHost(mode: Mode, origin: string): readonly Finding[] {
  const { name, value } = URLS[mode];
  const { hostname, host } = new URL(origin);
  if (host === new URL(value).host || LOOPBACK.test(hostname)) return [];
  const remedy = `If that is not meant, remove ${name} for the default ${value}.`;
  return [warning(`keys (${mode})`, `the keys go to ${origin}, which is not Alpaca's own host`, remedy)];
}

function account(mode: Mode, origin: string, result: HttpResult, { settings, accounts }: BrokerCheck): Finding {
  const name = `keys (${mode})`;
  const { id, secret } = KEY_NAMES[mode];
  if (result.kind !== 'answer') {
    if (result.kind === 'unsent' && result.untrusted === true) {
      const remedy = 'Something stands between this machine and Alpaca: look at proxies, and at the base URL.';
      return error(
        name,
        `${origin} shows a certificate that does not prove that it is the host: ${result.reason}`,
        remedy,
      );
    }
    const remedy = 'Look at the network and the base URL. A tower that starts now waits until it can reach Alpaca.';
    return warning(name, `${origin} cannot be asked: ${result.reason}`, remedy);
  }
  const { status, body } = result;
  if (status === 401 || status === 403) {
    const remedy = `Check ${id} and ${secret}: paper and live keys are not interchangeable, and a new pair ends the old one.`;
    return error(name, `${origin} refuses the keys (HTTP ${status})`, remedy);
  }
  if (status >= 300 && status < 400)
    return error(name, `${origin} sends elsewhere (HTTP ${status}), which is never followed`, 'Check the base URL.');
  const number = status === 200 ? accountNumber(body) : null;
  if (number === null) {
    const remedy = 'Check the base URL, and the proxies in between; try again when Alpaca has a fault of its own.';
    return (status >= 500 ? warning : error)(name, `${origin} does not answer as Alpaca does (HTTP ${status})`, remedy);
  }
  const pinned = settings.account[mode];
  if (pinned !== null && pinned !== number) {
    const remedy = `Use the keys of that account, or change account.${mode}.`;
    return error(name, `the keys belong to account ${number}, and account.${mode} asks for ${pinned}`, remedy);
  }
  const known = accounts[mode];
  if (known !== null && known !== number && pinned === null) {
    const remedy =
      'Use the keys of that account, or another home; only the embedded exchange may be left for a real account.';
    return warning(name, `the keys belong to account ${number}, and this home has traded on ${known}`, remedy);
  }
  return ok(name, `${origin} takes them: account ${number}`);
}

/** As Alpaca writes it, in printable ASCII; null when there is none. */
function accountNumber(body: string): string | null {
  try {
    const value = parseLossless(body);
    const number = isJsonObject(value) ? value['account_number'] : null;
    return typeof number === 'string' && /^[\x21-\x7e]{1,64}$/.test(number) ? number : null;
  } catch {
    return null;
  }
}

/** This machine's clock against the broker's, whose Date header counts whole seconds. */
function skew(mode: Mode, result: HttpResult, hereMs: number): readonly Finding[] {
  const there = result.kind === 'answer' ? Date.parse(result.headers['date'] ?? '') : Number.NaN;
  if (Number.isNaN(there)) return [];
  const name = `clock (${mode})`;
  // The header was cut to the second: on average half a second later.
  const aheadMs = hereMs - (there + 500);
  const text = `this machine's clock is ${Math.abs(aheadMs / 1000).toFixed()} s ${aheadMs > 0 ? 'ahead of' : 'behind'} ${mode} at Alpaca`;
  const remedy =
    'Let the system keep the time: timedatectl set-ntp true. Deadlines (send_by) and the names of files depend on it.';
  if (Math.abs(aheadMs) > SKEW_ERROR_MS) return [error(name, text, remedy)];
  if (Math.abs(aheadMs) > SKEW_WARNING_MS) return [warning(name, text, remedy)];
  return [ok(name, "this machine's clock agrees with Alpaca's")];
}
