/**
 * The SQLite schema, as migrations that each run in one transaction. Must never change one that was released: add one.
 */
import type { Database } from 'better-sqlite3';
import type { Failpoints } from '../lib/failpoint.ts';
import { APPLICATION_ID } from './recognise.ts';

const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE requests (
    seq             INTEGER PRIMARY KEY,
    rev             INTEGER NOT NULL,
    client_order_id TEXT NOT NULL UNIQUE,
    receipt         TEXT NOT NULL UNIQUE,
    mode            TEXT NOT NULL,
    agent           TEXT NOT NULL,
    type            TEXT NOT NULL,
    timestamp       TEXT NOT NULL,
    raw             BLOB,
    sha256          TEXT,
    received_at     INTEGER NOT NULL,
    request_order_id TEXT,
    send_by         INTEGER,
    wire            TEXT,
    state           TEXT NOT NULL,
    final           INTEGER NOT NULL,
    doubted         INTEGER NOT NULL,
    attempts        INTEGER NOT NULL,
    broker_id       TEXT,
    broker_status   TEXT,
    filled_qty      TEXT,
    broker_updated_at TEXT,
    data            TEXT,
    error           TEXT,
    version         INTEGER NOT NULL,
    answered_at     INTEGER,
    published       INTEGER NOT NULL,
    archived        INTEGER NOT NULL,
    -- the newest answer may be archived upon: final, or its sending is no longer unknown
    settled         INTEGER NOT NULL
  ) STRICT;
  CREATE UNIQUE INDEX requests_broker_id ON requests (broker_id) WHERE broker_id IS NOT NULL;
  CREATE INDEX requests_unfinished ON requests (state, seq) WHERE final = 0;
  CREATE INDEX requests_outgoing ON requests (seq) WHERE version > published OR (archived = 0 AND settled = 1);

  CREATE TABLE events (
    id     INTEGER PRIMARY KEY,
    seq    INTEGER,
    at     INTEGER NOT NULL,
    kind   TEXT NOT NULL,
    key    TEXT UNIQUE,
    detail TEXT NOT NULL
  ) STRICT;
  CREATE INDEX events_of ON events (seq, id);
  CREATE TRIGGER events_no_update BEFORE UPDATE ON events BEGIN SELECT RAISE(ABORT, 'events are append-only'); END;
  CREATE TRIGGER events_no_delete BEFORE DELETE ON events BEGIN SELECT RAISE(ABORT, 'events are append-only'); END;

  CREATE TABLE legs (
    broker_id TEXT PRIMARY KEY,
    seq       INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE strays (
    receipt       TEXT PRIMARY KEY,
    repeats       TEXT NOT NULL,
    raw           BLOB,
    received_at   INTEGER NOT NULL,
    claimed_as    TEXT NOT NULL,
    response_path TEXT NOT NULL UNIQUE,
    response_text TEXT NOT NULL,
    archive_path  TEXT NOT NULL UNIQUE,
    archived      INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX strays_of ON strays (repeats);
  CREATE INDEX strays_outgoing ON strays (receipt) WHERE archived = 0;

  CREATE TABLE spends (
    id   INTEGER PRIMARY KEY,
    mode TEXT NOT NULL,
    at   INTEGER NOT NULL,
    n    INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX spends_at ON spends (mode, at);

  CREATE TABLE facts (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
  `,
  // The books: every posting, and what the postings add up to so far.
  `
  CREATE TABLE postings (
    id       INTEGER PRIMARY KEY,
    key      TEXT NOT NULL UNIQUE,
    account  TEXT NOT NULL,
    agent    TEXT NOT NULL,
    symbol   TEXT NOT NULL,
    kind     TEXT NOT NULL,
    qty      TEXT NOT NULL,
    price    TEXT NOT NULL,
    cash     TEXT NOT NULL,
    fee      TEXT NOT NULL,
    at       INTEGER NOT NULL,
    -- profit of what this posting closed; null when it closed nothing
    realised TEXT,
    -- the holding after it
    held     TEXT NOT NULL,
    basis    TEXT NOT NULL,
    order_id TEXT,
    seq      INTEGER,
    activity TEXT
  ) STRICT;
  CREATE INDEX postings_at ON postings (account, at);
  CREATE INDEX postings_of ON postings (account, symbol, at);
  CREATE TRIGGER postings_no_update BEFORE UPDATE ON postings BEGIN SELECT RAISE(ABORT, 'postings are append-only'); END;
  CREATE TRIGGER postings_no_delete BEFORE DELETE ON postings BEGIN SELECT RAISE(ABORT, 'postings are append-only'); END;

  CREATE TABLE activities (
    account TEXT NOT NULL,
    id      TEXT NOT NULL,
    PRIMARY KEY (account, id)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE holdings (
    account  TEXT NOT NULL,
    agent    TEXT NOT NULL,
    symbol   TEXT NOT NULL,
    qty      TEXT NOT NULL,
    basis    TEXT NOT NULL,
    cost     TEXT NOT NULL,
    realised TEXT NOT NULL,
    fees     TEXT NOT NULL,
    income   TEXT NOT NULL,
    cash     TEXT NOT NULL,
    turnover TEXT NOT NULL,
    PRIMARY KEY (account, agent, symbol)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX holdings_open ON holdings (account, agent) WHERE qty <> '0';

  CREATE TABLE lots (
    account TEXT NOT NULL,
    agent   TEXT NOT NULL,
    symbol  TEXT NOT NULL,
    n       INTEGER NOT NULL,
    qty     TEXT NOT NULL,
    cost    TEXT NOT NULL,
    at      INTEGER NOT NULL,
    PRIMARY KEY (account, agent, symbol, n)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE books (
    account  TEXT NOT NULL,
    agent    TEXT NOT NULL,
    realised TEXT NOT NULL,
    fees     TEXT NOT NULL,
    income   TEXT NOT NULL,
    cash     TEXT NOT NULL,
    turnover TEXT NOT NULL,
    PRIMARY KEY (account, agent)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE prices (
    account TEXT NOT NULL,
    symbol  TEXT NOT NULL,
    hour    INTEGER NOT NULL,
    at      INTEGER NOT NULL,
    price   TEXT NOT NULL,
    PRIMARY KEY (account, symbol, hour)
  ) STRICT, WITHOUT ROWID;
  `,
  // Market data has a budget of its own; what was spent before was spent on the one budget there was.
  `
  ALTER TABLE spends ADD COLUMN host TEXT NOT NULL DEFAULT 'trading';
  `,
  // Of which moment the data of a query is, and whether it was known already.
  `
  ALTER TABLE requests ADD COLUMN as_of INTEGER;
  ALTER TABLE requests ADD COLUMN source TEXT;
  `,
  // What orders may still come to, for the limits. Orders that were open before are counted at the start.
  `
  CREATE TABLE risks (
    seq             INTEGER PRIMARY KEY,
    client_order_id TEXT NOT NULL,
    mode            TEXT NOT NULL,
    agent           TEXT NOT NULL,
    at              INTEGER NOT NULL,
    value           TEXT NOT NULL,
    content         TEXT NOT NULL,
    repeats         TEXT NOT NULL,
    parts           TEXT NOT NULL,
    meeting         TEXT,
    -- 2: may be filled; 1: has ended, and not all of it is in the books; 0: counts no more
    open            INTEGER NOT NULL,
    doubtful        INTEGER NOT NULL,
    filled          TEXT
  ) STRICT;
  `,
  `
  CREATE INDEX risks_open ON risks (mode, seq) WHERE open > 0;
  CREATE INDEX risks_at ON risks (at);
  `,
  // When an order ended: once the books hold all that happened until then, it counts no more, whatever they hold of it.
  `
  ALTER TABLE risks ADD COLUMN ended_at INTEGER;
  `,
];

/** Brings the schema up to date. Throws when the journal was written by a newer tower. */
export function migrate(db: Database, failpoints: Failpoints): void {
  const version = Number(db.pragma('user_version', { simple: true }));
  if (version > MIGRATIONS.length) {
    throw new Error(
      `the journal has schema ${version}, this tower knows ${MIGRATIONS.length}: start the newer tower that wrote it, or restore the journal's older copy`,
    );
  }
  if (Number(db.pragma('application_id', { simple: true })) !== APPLICATION_ID)
    db.pragma(`application_id = ${APPLICATION_ID}`);
  MIGRATIONS.slice(version).forEach((sql, index) => {
    db.transaction(() => {
      db.exec(sql);
      db.pragma(`user_version = ${version + index + 1}`);
      failpoints.hit('k31-migrate');
    }).immediate();
  });
}
