/**
 * The folders of a home: who may do what in them, made so at the start and checked before anything is taken. Must never let
 * a tower start on folders through which one agent could act for another.
 */
import { join } from 'node:path';
import { FOLDERS } from './home.ts';
import { INCOMING, ownFolder, PROCESSING } from './ingress/folder.ts';
import { type Files, type FolderRights, foreignFolder, lookAt, whoAmI } from './lib/files.ts';
import { CannotStart } from './observe/events.ts';
import { isAgentId } from './order/name.ts';
import { octal, shellWord } from './settings.keys.ts';
import type { Settings } from './settings.ts';

/** Something that is wrong with a folder, and the command that mends it. */
interface FolderProblem {
  readonly path: string;
  readonly text: string;
  readonly remedy: string;
}

type Agents = Settings['agents'];

const ARCHIVE = ['orders/completed', 'orders/failed'];
/** Where nobody but the tower writes. */
const OURS = ['orders', PROCESSING, ...ARCHIVE, 'responses', 'data'];
/** What nobody but the tower reads, either: the orders of all agents. */
const PRIVATE = ['data', PROCESSING, ...ARCHIVE];
const UNATTRIBUTED = 'responses/_unattributed';

/** The group that reads the answers of an agent: the one that is set, else the user's own, which has the user's number. */
const readers = ({ uid, gid }: { readonly uid: number | null; readonly gid: number | null }): number | null =>
  gid ?? uid;

const ownFolders = (agents: Agents): string[] =>
  [...agents].flatMap(([agent, { folder }]) => (folder && isAgentId(agent) ? [ownFolder(agent)] : []));

/**
 * Owner and rights of the folders that the tower makes. Where agents have users of their own the rights keep them apart, and are
 * put right at every start; else they are as they should be when a folder is made, and its owner may open it to others.
 */
export function folderRights(agents: Agents): ReadonlyMap<string, FolderRights> {
  const rights = new Map<string, FolderRights>();
  const isApart = [...agents.values()].some((agent) => readers(agent) !== null);
  for (const folder of isApart ? [...PRIVATE, UNATTRIBUTED] : PRIVATE)
    rights.set(folder, { uid: null, gid: null, mode: 0o700, isOurs: isApart });
  for (const [agent, settings] of agents) {
    const { folder, uid } = settings;
    const group = readers(settings);
    if (group !== null) rights.set(`responses/${agent}`, { uid: null, gid: group, mode: 0o750, isOurs: true });
    if (!folder || !isAgentId(agent)) continue;
    // Without a user of the agent's it is for the tower's own user, as which the agent then runs.
    const [gid, mode] = uid === null ? [null, 0o700] : [whoAmI()?.gid ?? null, 0o2770];
    rights.set(ownFolder(agent), { uid, gid, mode, isOurs: false });
  }
  return rights;
}

/** Makes what is missing. Throws CannotStart with the command that mends what is wrong. */
export function makeFolders(home: string, files: Files, agents: Agents): void {
  for (const folder of ['.', ...FOLDERS, ...ownFolders(agents), ...folderRights(agents).keys()]) {
    try {
      files.makeFolder(folder);
    } catch (error) {
      const isRight = error instanceof Error && 'syscall' in error && /^ch(?:own|mod)$/.test(String(error.syscall));
      const [problem] = isRight ? wrongRights(home, agents, folder) : [];
      const text = error instanceof Error ? error.message : String(error);
      throw new CannotStart(
        'configuration',
        problem?.text ?? `${join(home, folder)} cannot be used: ${text}`,
        problem?.remedy ?? 'Every folder of the home must be a real folder (no link) that the tower may write.',
      );
    }
  }
  const [problem] = folderProblems(home, agents);
  if (problem !== undefined) throw new CannotStart('configuration', problem.text, problem.remedy);
}

/** A folder that only root could put right. */
function wrongRights(home: string, agents: Agents, folder: string): FolderProblem[] {
  const right = folderRights(agents).get(folder);
  const path = join(home, folder);
  if (right === undefined) return [];
  const owner = `${right.uid ?? ''}:${right.gid ?? ''}`;
  const mode = octal(right.mode);
  const word = shellWord(path);
  const text = `${path} must belong to ${owner} with mode ${mode}, and the tower may not change that itself`;
  return [{ path, text, remedy: `Run as root: chown ${owner} ${word} && chmod ${mode} ${word}` }];
}

/**
 * Everything that is wrong with the folders of a home as they are now: loose rights, foreign owners, links, other file
 * systems. What is missing is not wrong. Never changes anything.
 */
export function folderProblems(home: string, agents: Agents): readonly FolderProblem[] {
  const self = whoAmI();
  const problems: FolderProblem[] = [];
  const own = ownFolders(agents);
  const check = (folder: string, rules: (path: string, word: string, look: Look) => void): void => {
    const path = join(home, folder);
    const look = lookAt(path);
    if (look === null) return;
    if (look.isFolder) {
      if (self !== null) rules(path, shellWord(path), look);
      return;
    }
    const remedy = `Take it away and let the tower make the folder: mv ${shellWord(path)} ${shellWord(`${path}.away`)}`;
    problems.push({ path, text: `${path} is no folder, or a link to one`, remedy });
  };
  const wrong = (path: string, text: string, remedy: string): void => {
    problems.push({ path, text: `${path}: ${text}`, remedy: `Run: ${remedy}` });
  };
  for (const folder of [INCOMING, ...OURS]) {
    check(folder, (path, word, { mode }) => {
      if ((mode & 0o002) !== 0)
        wrong(path, `every user of this machine may write there (mode ${octal(mode)})`, `chmod o-w ${word}`);
    });
  }
  if (own.length > 0) {
    check(INCOMING, (path, word, { uid, mode }) => {
      if (uid !== 0 && uid !== self?.uid)
        wrong(path, `belongs to uid ${uid}, not to the tower`, `chown ${self?.uid} ${word}`);
      if ((mode & 0o020) !== 0 && (mode & 0o1000) === 0) {
        const text = `whoever may write there may take the agents' folders away (mode ${octal(mode)})`;
        wrong(path, text, `chmod +t ${word}`);
      }
    });
  }
  for (const [agent, { folder, uid }] of agents) {
    if (!folder || !isAgentId(agent)) continue;
    check(ownFolder(agent), (path, word, look) => {
      const { mode, gid } = look;
      if (uid !== null && look.uid !== uid)
        wrong(path, `belongs to uid ${look.uid}; agent ${agent} is uid ${uid}`, `chown ${uid} ${word}`);
      if ((mode & 0o007) !== 0)
        wrong(path, `users other than the agent's may use it (mode ${octal(mode)})`, `chmod o-rwx ${word}`);
      if ((mode & 0o070) !== 0 && gid !== self?.gid) {
        const text = `members of group ${gid} may use it (mode ${octal(mode)})`;
        wrong(path, text, `chgrp ${self?.gid} ${word}`);
      }
    });
  }
  const foreign =
    self === null
      ? null
      : foreignFolder(
          home,
          [...FOLDERS, ...own].filter((one) => isThere(home, one)),
        );
  if (foreign !== null) {
    const { folder, device, homeDevice } = foreign;
    problems.push({
      path: join(home, folder),
      text: `${join(home, folder)} lies on another file system (device ${device}) than ${home} (device ${homeDevice})`,
      remedy: 'Keep the whole home on one file system: mount the home itself, not folders inside it.',
    });
  }
  return problems;
}

type Look = NonNullable<ReturnType<typeof lookAt>>;

const isThere = (home: string, folder: string): boolean => lookAt(join(home, folder))?.isFolder === true;
