/**
 * What the journal asks of its tables of requests, events and facts. Must never have a statement that walks through the
 * journal: sqlite-plan.test.ts looks at each.
 */
import type { Database, Statement } from 'better-sqlite3';

const SQL = {
  insert: `INSERT INTO requests (rev, client_order_id, receipt, mode, agent, type, timestamp, raw, sha256, received_at,
      request_order_id, send_by, wire, state, final, doubted, attempts, data, error, as_of, source, version, answered_at, published, archived, settled)
      VALUES (1, @client_order_id, @receipt, @mode, @agent, @type, @timestamp, @raw, @sha256, @received_at,
      @request_order_id, @send_by, @wire, @state, @final, @doubted, @attempts, @data, @error, @as_of, @source, @version, @answered_at, 0, 0, @settled)`,
  update: `UPDATE requests SET rev = @rev, state = @state, final = @final, doubted = @doubted, attempts = @attempts,
      broker_id = @broker_id, broker_status = @broker_status, filled_qty = @filled_qty, broker_updated_at = @broker_updated_at,
      data = @data, error = @error, as_of = @as_of, source = @source, version = @version, answered_at = @answered_at, settled = @settled WHERE seq = @seq`,
  bySeq: 'SELECT * FROM requests WHERE seq = ?',
  byClientOrderId: 'SELECT * FROM requests WHERE client_order_id = ?',
  byBrokerId: 'SELECT * FROM requests WHERE broker_id = ?',
  byLeg: 'SELECT r.* FROM legs l JOIN requests r ON r.seq = l.seq WHERE l.broker_id = ?',
  receipt: 'SELECT archived FROM requests WHERE receipt = ? UNION ALL SELECT archived FROM strays WHERE receipt = ?',
  strays: 'SELECT count(*) AS n FROM strays WHERE repeats = ?',
  // The index is named: without it the planner would rather walk through everything that ever was.
  unfinished: `SELECT * FROM requests INDEXED BY requests_unfinished
      WHERE final = 0 AND state IN (SELECT value FROM json_each(?)) ORDER BY seq`,
  unwanted: `SELECT r.* FROM events AS e JOIN requests AS r ON r.seq = e.seq
      WHERE e.key >= 'unwanted:' AND e.key < 'unwanted;' AND r.mode = ? AND r.state = 'working' ORDER BY r.seq`,
  newestOrders: `SELECT * FROM requests INDEXED BY requests_unfinished
      WHERE final = 0 AND state = ? AND wire IS NOT NULL ORDER BY seq DESC LIMIT ?`,
  outgoing: 'SELECT seq FROM requests WHERE version > published OR (archived = 0 AND settled = 1) ORDER BY seq LIMIT ?',
  outgoingStrays: 'SELECT * FROM strays WHERE archived = 0 ORDER BY receipt LIMIT ?',
  stray: 'INSERT INTO strays VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0) ON CONFLICT (receipt) DO NOTHING',
  mark: 'UPDATE requests SET published = max(published, ?), archived = max(archived, ?) WHERE seq = ?',
  unpublishOpen: `UPDATE requests INDEXED BY requests_unfinished SET published = 0
       WHERE final = 0 AND version > 0 AND (@owner IS NULL OR agent = @owner)`,
  unpublish: `UPDATE requests SET published = 0 WHERE seq > (SELECT max(seq) FROM requests) - 20000 AND version > 0
         AND answered_at >= @since AND (@owner IS NULL OR agent = @owner)`,
  unpublishStrays: `UPDATE strays SET archived = 0 WHERE rowid > (SELECT max(rowid) FROM strays) - 20000
         AND received_at >= @since AND substr(response_path, 1, length(@folder)) = @folder`,
  markStray: 'UPDATE strays SET archived = 1 WHERE receipt = ?',
  event: 'INSERT OR IGNORE INTO events (seq, at, kind, key, detail) VALUES (?, ?, ?, ?, ?)',
  eventKey: 'SELECT 1 FROM events WHERE key = ?',
  leg: 'INSERT OR IGNORE INTO legs VALUES (?, ?)',
  spend: 'INSERT INTO spends (mode, at, n, host) VALUES (?, ?, ?, ?)',
  spent: 'SELECT at, n FROM spends WHERE mode = ? AND host = ? AND at >= ? ORDER BY at',
  prune: 'DELETE FROM spends WHERE at < ?',
  fact: 'SELECT value FROM facts WHERE key = ?',
  setFact: 'INSERT INTO facts VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value',
  fills: `SELECT detail ->> '$.qty' AS qty FROM events WHERE seq = ? AND kind = 'fill'`,
  newest: 'SELECT max(seq) AS n FROM requests',
  openCounts: 'SELECT state, count(*) AS n FROM requests INDEXED BY requests_unfinished WHERE final = 0 GROUP BY state',
};

type Statements = Readonly<Record<keyof typeof SQL, Statement>>;

export const statements = (db: Database): Statements =>
  Object.fromEntries(Object.entries(SQL).map(([name, sql]) => [name, db.prepare(sql)])) as Statements;
