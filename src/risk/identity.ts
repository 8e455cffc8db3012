/**
 * Who a file comes from: what the folder, the owner and the signature prove about the name that it bears. Pure. Must never
 * take a name's word where the settings ask for better.
 */
import type { OrderError } from '../order/errors.ts';
import { orderError } from '../order/errors.ts';
import type { AgentId, OrderName } from '../order/name.ts';
import { signedBy, splitSignature } from '../order/signature.ts';

/** What an agent's files must show. */
export interface AgentIdentity {
  /** They come through the agent's own folder. */
  readonly folder: boolean;
  /** They belong to this Unix user. */
  readonly uid: number | null;
  /** They are signed with this key. */
  readonly key: Uint8Array | null;
}

export type Identities = Readonly<Record<string, AgentIdentity>>;

/** The way a file came. */
export interface Origin {
  /** Whose folder it came through; null for the shared one. */
  readonly folderOf: AgentId | null;
  /** Unix user that it belongs to; null when that cannot be told. */
  readonly uid: number | null;
}

/**
 * A file that is not what its name says. `attribution` is who may be told of it: the agent that it names, the one whose
 * folder it came through, or nobody in particular.
 */
export interface Forgery {
  readonly error: OrderError;
  readonly attribution: 'named' | 'folder' | 'nobody';
}

export const identityOf = (identities: Identities, agent: string): AgentIdentity | null =>
  Object.hasOwn(identities, agent) ? (identities[agent] ?? null) : null;

/** Null when nothing speaks against the name. `raw` is null when there are no bytes to be had. */
export function forgery(
  name: OrderName,
  { folderOf, uid }: Origin,
  raw: Uint8Array | null,
  identities: Identities,
): Forgery | null {
  const { agent } = name;
  if (folderOf !== null && folderOf !== agent) {
    const error = orderError('agent_mismatch', `the folder belongs to ${folderOf}, the file name says ${agent}`, {
      field: 'file_name.agentid',
      got: agent,
      allowed: folderOf,
    });
    return { error, attribution: 'folder' };
  }
  const known = identityOf(identities, agent);
  if (known?.folder === true && folderOf === null) {
    const error = orderError('agent_mismatch', `files of agent ${agent} are taken from its own folder alone`, {
      field: 'file_name.agentid',
      got: agent,
      allowed: `a file in orders/incoming/${agent}/`,
      hint: `Drop it into orders/incoming/${agent}/, as the user of that agent.`,
    });
    return { error, attribution: 'nobody' };
  }
  const ofOwner = folderOf === null ? 'nobody' : 'named';
  if (known !== null && known.uid !== null && uid !== known.uid) {
    const owner = uid === null ? 'an unknown user' : `uid ${uid}`;
    const error = orderError('file_owner', `the file is owned by ${owner}; agent ${agent} writes as uid ${known.uid}`, {
      got: uid === null ? null : String(uid),
      allowed: String(known.uid),
    });
    return { error, attribution: ofOwner };
  }
  const problem = signatureProblem(agent, known?.key ?? null, raw);
  return problem === null ? null : { error: problem, attribution: 'named' };
}

function signatureProblem(agent: AgentId, key: Uint8Array | null, raw: Uint8Array | null): OrderError | null {
  const { body, signature } = raw === null ? { body: new Uint8Array(0), signature: null } : splitSignature(raw);
  if (key === null) {
    if (signature === null) return null;
    return orderError('signature', `the file is signed, and the tower has no key of agent ${agent} to check it with`, {
      hint: `The owner sets agents.${agent}.key_file; or leave the signature out.`,
    });
  }
  if (signature === null) {
    return orderError('signature', `files of agent ${agent} must be signed, and this one is not`, {
      allowed: 'a last line #hmac-sha256 and 64 hex digits',
    });
  }
  return signedBy(key, body, signature)
    ? null
    : orderError('signature', 'the signature does not fit the bytes before it');
}
