# sqlite3 with a rollback journal and with a write-ahead log (shared memory through mmap), writers side by side, a writer
# killed in mid-transaction. What is left has been written by one process only and is the same every time.
rows=$((20000 / SCALE))
mkdir -p /srv/sqlite
cd /srv/sqlite
intact() { is "$(sqlite3 -batch "$1" 'PRAGMA integrity_check')" ok; }

for mode in DELETE WAL; do
  db=$mode.db
  sqlite3 -batch "$db" > /dev/null <<S
PRAGMA journal_mode=$mode;
CREATE TABLE t (id INTEGER PRIMARY KEY, k TEXT, v BLOB);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $rows)
  INSERT INTO t SELECT i, 'key' || (i * 7919 % $rows), zeroblob(i % 200) FROM n;
CREATE INDEX tk ON t (k);
UPDATE t SET v = 'updated ' || id WHERE id % 3 = 0;
DELETE FROM t WHERE id % 5 = 0;
VACUUM;
S
  intact "$db"

  cp "$db" busy.db
  sqlite3 -batch busy.db 'CREATE TABLE log (writer, n)'
  writers=()
  for writer in 1 2 3; do
    for n in $(seq 40); do echo "BEGIN IMMEDIATE; INSERT INTO log VALUES ($writer, $n); COMMIT;"; done > "sql.$writer"
    sqlite3 -batch -cmd '.timeout 30000' -cmd "PRAGMA synchronous=OFF" busy.db < "sql.$writer" &
    writers+=($!)
  done
  for writer in "${writers[@]}"; do wait "$writer"; done
  is "$(sqlite3 -batch busy.db 'SELECT count(*), count(DISTINCT writer) FROM log')" '120|3'
  intact busy.db

  # A writer that dies with its transaction open: sqlite3 says so on a fifo, then it is killed. cache_size 1 spills pages
  # into the file before the commit, so there is something to roll back.
  mkfifo said
  sqlite3 -batch busy.db > said <<S &
PRAGMA cache_size=1;
BEGIN;
DELETE FROM log;
UPDATE t SET v = zeroblob(300);
SELECT 'in the middle';
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n;
S
  victim=$!
  grep -q 'in the middle' said
  kill -9 "$victim"
  wait "$victim" || true
  is "$(sqlite3 -batch busy.db 'SELECT count(*) FROM log')" 120
  intact busy.db
  rm -f busy.db* sql.* said
  sqlite3 -batch "$db" .dump > "$mode.sql"
done
cmp DELETE.sql WAL.sql
