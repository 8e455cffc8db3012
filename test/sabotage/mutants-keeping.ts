/** Mutants of what comes in and what is kept: order files, journal, answers, archive. Must never be applied outside hook.ts. */
import type { Mutant } from './mutant.ts';

const FILES = 'src/lib/files.ts';
const FOLDER = 'src/ingress/folder.ts';
const RESPOND = 'src/respond/respond.ts';
const SQLITE = 'src/journal/sqlite.ts';
const PARSE = 'src/order/parse.ts';
const CLAIM = `files.claim(inbox.path, entry, \`\${PROCESSING}/\${claimedAs}\`)`;
const READ_CLAIMED = 'const received = this.#isStill(claimedAs, look)';
const TAKE_AS_SEEN = "const received = look.kind !== 'gone'";

export const KEEPING: readonly Mutant[] = [
  {
    id: 'synchronous-normal',
    number: '4',
    name: 'synchronous=NORMAL',
    why: 'a power cut takes what was acknowledged',
    edits: [{ file: SQLITE, find: "'synchronous = FULL'", replace: "'synchronous = NORMAL'" }],
    catcher: { test: 'src/journal/sqlite.test.ts', only: 'keeps every byte' },
  },
  {
    id: 'synchronous-normal-unchecked',
    number: '4b',
    name: 'synchronous=NORMAL, and the check agrees',
    why: 'a power cut takes what was acknowledged',
    edits: [
      { file: SQLITE, find: "'synchronous = FULL'", replace: "'synchronous = NORMAL'" },
      {
        file: SQLITE,
        find: "Number(db.pragma('synchronous', { simple: true })) !== 2",
        replace: "Number(db.pragma('synchronous', { simple: true })) !== 1",
      },
    ],
    catcher: { test: 'test/flow/durable.test.ts', needs: 'strace' },
  },
  {
    id: 'no-fsync-before-rename',
    number: '5',
    name: 'no fsync before the rename',
    why: 'a power cut leaves an answer of the right size with nothing in it',
    edits: [{ file: 'src/lib/files/temps.ts', find: 'await fsync(temp.fd);\n', replace: '' }],
    catcher: { test: 'src/lib/files.test.ts', only: 'synced before' },
  },
  {
    id: 'no-folder-fsync',
    number: '6',
    name: 'no fsync of the folder',
    why: 'a power cut takes an answer that the journal calls published',
    edits: [{ file: FILES, find: 'try {\n      await fsync(fd);\n    } finally {', replace: 'try {\n    } finally {' }],
    catcher: { test: 'src/lib/files.test.ts', only: 'syncs a folder' },
  },
  {
    id: 'no-folder-sync-asked',
    number: '6b',
    name: 'the folder is not synced before the answer counts as published',
    why: 'a power cut takes an answer that the journal calls published',
    edits: [{ file: RESPOND, find: '() => files.syncFolder(folder)', replace: '() => {}' }],
    catcher: { test: 'src/respond/respond.test.ts', only: 'durable before' },
    storm: true,
  },
  {
    id: 'marked-before-published',
    number: '11',
    name: 'an answer is marked as published before it is',
    why: 'a crash or a full disk in between, and the agent never hears of its order',
    edits: [
      {
        file: RESPOND,
        find: 'const marks = await this.#publish(entries, strays);',
        replace: `await this.#o.journal.mark([
        ...entries.map((one) => ({ seq: one.seq, published: one.version, archived: mayArchive(one) || one.archived })),
        ...strays.map(({ receipt }) => ({ receipt, archived: true })),
      ]);
      const marks = await this.#publish(entries, strays);`,
      },
    ],
    catcher: { test: 'src/respond/respond.test.ts', only: 'durable before' },
    storm: true,
  },
  {
    id: 'read-then-unlink',
    number: '12',
    name: 'an order file is read and then deleted',
    why: 'an order that replaced it in between is destroyed unread',
    edits: [
      {
        file: FOLDER,
        find: CLAIM,
        replace: `files.remove(path)`,
      },
      { file: FOLDER, find: READ_CLAIMED, replace: TAKE_AS_SEEN },
    ],
    catcher: { test: 'src/ingress/folder.test.ts', only: 'replaced' },
    storm: true,
  },
  {
    id: 'taken-as-seen',
    number: '12b',
    name: 'a claimed file is taken for the one that was looked at',
    why: 'what replaced it in between is archived and answered under the words of the other',
    edits: [{ file: FOLDER, find: READ_CLAIMED, replace: TAKE_AS_SEEN }],
    catcher: { test: 'src/ingress/folder.test.ts', only: 'rewritten in place' },
  },
  {
    id: 'watch-only',
    number: '13',
    name: 'the folder is looked at only when the watch rings',
    why: 'the watch loses events, and the order lies there for ever',
    edits: [
      {
        file: FOLDER,
        find: 'this.#stopPoll = this.#o.clock.after(this.#o.pollMs, () => this.#poll());',
        replace: 'this.#stopPoll = () => {};',
      },
    ],
    catcher: { test: 'src/ingress/folder.test.ts', only: 'never rings' },
    slow: true,
    storm: true,
  },
  {
    id: 'no-claim',
    number: '13b',
    name: 'an order file is taken without being claimed',
    why: 'a change of the file after it was judged changes what is archived, and every look takes it again',
    edits: [
      { file: FOLDER, find: CLAIM, replace: 'true' },
      { file: FOLDER, find: READ_CLAIMED, replace: TAKE_AS_SEEN },
    ],
    catcher: { test: 'src/ingress/folder.test.ts', only: 'replaced' },
    storm: true,
  },
  {
    id: 'plain-read',
    number: '14',
    name: 'order files are opened without a second thought',
    why: 'a link leads out of the home, and four FIFOs stop every file operation of the process',
    edits: [
      {
        file: FILES,
        find: "if (!look.isFile()) return { kind: 'foreign', what: foreignKind(look), uid: Number(look.uid) };",
        replace: '',
      },
      {
        file: FILES,
        find: 'fd = fs.openSync(file, O_RDONLY | O_NONBLOCK | O_NOFOLLOW);',
        replace: 'fd = fs.openSync(file, O_RDONLY);',
      },
    ],
    catcher: { test: 'src/lib/files.test.ts', only: 'symbolic link' },
  },
  {
    id: 'open-without-guards',
    number: '14b',
    name: 'the kind of a file is looked at, and then it is opened without guards',
    why: 'what is put in its place between look and opening is opened',
    edits: [
      {
        file: FILES,
        find: 'fd = fs.openSync(file, O_RDONLY | O_NONBLOCK | O_NOFOLLOW);',
        replace: 'fd = fs.openSync(file, O_RDONLY);',
      },
    ],
    catcher: { test: 'src/lib/files.test.ts', only: 'swapped' },
  },
  {
    id: 'plain-json',
    number: '15',
    name: 'JSON.parse is all that reads an order file',
    why: '"side" twice is a sale instead of a purchase',
    edits: [
      {
        file: 'src/order/json-strict.ts',
        find: 'return new StrictParser(text, limits).parse();',
        replace: `try {
    const value = JSON.parse(text, (_key, inner, context) =>
      typeof inner === 'number' ? new JsonNumber(context.source ?? '') : inner,
    ) as JsonValue;
    if (typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof JsonNumber))
      return { ok: true, value: value as JsonObject };
  } catch {}
  return new StrictParser(text, limits).parse();`,
      },
    ],
    catcher: { test: 'src/order/json-strict.test.ts' },
  },
  {
    id: 'open-keys',
    number: '32b',
    name: 'keys are taken from a file that everybody can read',
    why: 'whoever has a user on the machine can trade',
    edits: [{ file: 'src/settings.keys.ts', find: '(mode & 0o077) === 0', replace: '(mode & 0o077) >= 0' }],
    catcher: { test: 'src/settings.test.ts' },
  },
  {
    id: 'any-certificate',
    number: '25b',
    name: 'a variable of the environment switches the check of certificates off',
    why: 'the keys go to whoever stands in between',
    edits: [
      {
        file: 'src/broker/alpaca/network-system.ts',
        find: 'allowH2: false, rejectUnauthorized: true',
        replace: 'allowH2: false',
      },
    ],
    catcher: { test: 'src/broker/alpaca/network-system.test.ts', only: 'certificate' },
  },
  {
    id: 'shown-secrets',
    number: '32c',
    name: 'an error shows what stands under the name of a secret',
    why: 'answers and logs hold keys that an agent was tricked into sending',
    edits: [{ file: 'src/lib/json.ts', find: "SECRETIVE.test(key) ? '[secret]' : value", replace: 'value' }],
    catcher: { test: 'src/lib/json.test.ts' },
  },
  {
    id: 'floating-quantity',
    number: '16',
    name: 'quantities and prices are numbers',
    why: 'other digits are sent than were ordered',
    edits: [
      {
        file: 'src/order/fields.ts',
        find: "const source = raw instanceof JsonNumber ? raw.text : raw;\n    if (typeof source !== 'string') return notA('a number or a decimal string', raw);",
        replace:
          "const source = raw instanceof JsonNumber || typeof raw === 'string' ? String(Number(raw instanceof JsonNumber ? raw.text : raw)) : raw;\n    if (typeof source !== 'string') return notA('a number or a decimal string', raw);",
      },
    ],
    catcher: { test: 'src/order/parse.test.ts', only: 'every digit' },
  },
  {
    id: 'agent-of-the-body',
    number: '27',
    name: 'the agent is who the content says',
    why: "an agent cancels another one's orders",
    edits: [
      { file: PARSE, find: "check('agent_mismatch', 'agent_id', name.agent);", replace: '' },
      {
        file: PARSE,
        find: 'agent: name.agent,',
        replace: "agent: typeof raw['agent_id'] === 'string' ? (raw['agent_id'] as OrderName['agent']) : name.agent,",
      },
    ],
    catcher: { test: 'test/bad-input.test.ts' },
  },
  {
    id: 'on-after-a-failed-commit',
    number: '28',
    name: 'the journal goes on after a failed commit',
    why: 'what the commit left on disk and what the tower believes are two things from then on',
    edits: [{ file: SQLITE, find: '} catch (error) {\n      this.#fault = error;', replace: '} catch (error) {' }],
    catcher: { test: 'src/journal/sqlite.test.ts', only: 'failed commit' },
  },
  {
    id: 'archive-by-rename',
    number: '31',
    name: 'the archive overwrites what is there',
    why: 'the record of another order is gone',
    edits: [{ file: FILES, find: 'fs.linkSync(at(temp), at(to));', replace: 'fs.renameSync(at(temp), at(to));' }],
    catcher: { test: 'src/lib/files.test.ts', only: 'never over' },
  },
  {
    id: 'row-remembered-as-it-was',
    number: '105',
    name: 'the journal remembers a request as it was before it was marked',
    why: 'an answer is published again and again, and its file archived twice',
    edits: [{ file: SQLITE, find: 'this.#rows.delete(mark.seq);', replace: '' }],
    catcher: { test: 'src/journal/sqlite.test.ts', only: 'by its number as by its id' },
  },
  {
    id: 'written-ahead-unlooked',
    number: '106',
    name: 'an answer that was written ahead is shown whatever the journal says',
    why: 'the agent reads what was never decided',
    edits: [{ file: RESPOND, find: 'answer?.bytes === text ? answer : null', replace: 'answer' }],
    catcher: { test: 'src/respond/respond.test.ts', only: 'never shown' },
  },
  {
    id: 'sent-by-another-clock',
    number: '107',
    name: "a sending is dated by the market's clock when it is journaled with its order",
    why: 'where the clocks differ the next start does not know what was spent',
    edits: [
      {
        file: SQLITE,
        find: "this.#sql.spend.run(name.mode, sentAt, 1, 'trading')",
        replace: "this.#sql.spend.run(name.mode, this.#clock.now(), 1, 'trading')",
      },
    ],
    catcher: { test: 'src/admit.test.ts', only: 'reads on its clock' },
  },
];
