"""The usual way to make CDRs of Kamailio's ``acc`` table: a stored procedure that walks the unmatched INVITEs.

Written from what ``kamailio_cdrs()`` is documented to do: for each answered INVITE without a CDR look for the BYE of
the same Call-ID and tags, in either order; if there is one, insert the CDR and mark the INVITE. On a MariaDB server of
its own, started for the run, with its files in a temporary folder.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import mixed_traffic
import pymysql

_SCHEMA = """
CREATE TABLE acc (
    id INT UNSIGNED PRIMARY KEY AUTO_INCREMENT, method VARCHAR(16) NOT NULL, from_tag VARCHAR(128) NOT NULL,
    to_tag VARCHAR(128) NOT NULL, callid VARCHAR(255) NOT NULL, sip_code VARCHAR(3) NOT NULL,
    sip_reason VARCHAR(128) NOT NULL, time DATETIME NOT NULL, src_user VARCHAR(64) NOT NULL,
    dst_user VARCHAR(64) NOT NULL, src_ip VARCHAR(64) NOT NULL, src VARCHAR(64) NOT NULL, dst VARCHAR(64) NOT NULL,
    type VARCHAR(64) NOT NULL, cdr_id INT NOT NULL DEFAULT 0, KEY callid_idx (callid)
) ENGINE=InnoDB;
CREATE TABLE cdrs (
    id INT PRIMARY KEY AUTO_INCREMENT, src_user VARCHAR(64), dst_user VARCHAR(64), src_ip VARCHAR(64),
    call_start_time DATETIME NOT NULL, duration INT UNSIGNED NOT NULL, sip_call_id VARCHAR(255) NOT NULL,
    sip_from_tag VARCHAR(128) NOT NULL, sip_to_tag VARCHAR(128) NOT NULL, created DATETIME NOT NULL,
    UNIQUE KEY uk_cft (sip_call_id, sip_from_tag, sip_to_tag)
) ENGINE=InnoDB;
CREATE PROCEDURE make_cdrs() BEGIN
    DECLARE no_more BOOL DEFAULT FALSE;
    DECLARE call_id VARCHAR(255); DECLARE caller_tag, callee_tag VARCHAR(128);
    DECLARE caller, callee, address VARCHAR(64); DECLARE began, ended DATETIME;
    DECLARE invites CURSOR FOR SELECT callid, from_tag, to_tag, src_user, dst_user, src_ip, time FROM acc
        WHERE method = 'INVITE' AND sip_code = '200' AND cdr_id = 0;
    DECLARE CONTINUE HANDLER FOR NOT FOUND SET no_more = TRUE;
    OPEN invites;
    each_invite: LOOP
        FETCH invites INTO call_id, caller_tag, callee_tag, caller, callee, address, began;
        IF no_more THEN LEAVE each_invite; END IF;
        SET ended = NULL;
        SELECT time INTO ended FROM acc WHERE method = 'BYE' AND callid = call_id AND (
            (from_tag = caller_tag AND to_tag = callee_tag) OR (from_tag = callee_tag AND to_tag = caller_tag)
        ) ORDER BY time LIMIT 1;
        SET no_more = FALSE;
        IF ended IS NOT NULL THEN
            INSERT IGNORE INTO cdrs (src_user, dst_user, src_ip, call_start_time, duration, sip_call_id, sip_from_tag,
                sip_to_tag, created)
            VALUES (caller, callee, address, began, GREATEST(TIMESTAMPDIFF(SECOND, began, ended), 0), call_id,
                caller_tag, callee_tag, NOW());
            UPDATE acc SET cdr_id = LAST_INSERT_ID()
                WHERE callid = call_id AND from_tag = caller_tag AND to_tag = callee_tag;
        END IF;
    END LOOP;
    CLOSE invites;
END;
"""


@contextmanager
def server() -> Iterator[pymysql.Connection[Any]]:
    """Run a MariaDB server with the tables and the procedure; yield a connection."""
    with tempfile.TemporaryDirectory(prefix="accweb-bench-") as folder:
        data, socket = Path(folder, "data"), Path(folder, "socket")
        program = shutil.which("mariadbd", path="/usr/sbin:/usr/bin") or "mariadbd"
        data.mkdir()
        make = ["mariadb-install-db", "--no-defaults", f"--datadir={data}", "--skip-test-db", "--user=root"]
        subprocess.run(make, stdin=subprocess.DEVNULL, capture_output=True, check=True)
        running = subprocess.Popen(
            [
                *(program, "--no-defaults", f"--datadir={data}", f"--socket={socket}", f"--pid-file={folder}/pid"),
                *("--skip-networking", "--skip-grant-tables", "--user=root"),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            with _connected(socket) as connection, connection.cursor() as cursor:
                for statement in ("CREATE DATABASE bench", "USE bench", *_statements()):
                    cursor.execute(statement)
                yield connection
        finally:
            running.terminate()
            running.wait(30)


def _statements() -> list[str]:
    tables, procedure = _SCHEMA.split("CREATE PROCEDURE")
    return [*filter(str.strip, tables.split(";")), f"CREATE PROCEDURE{procedure.rstrip().removesuffix(';')}"]


def _connected(socket: Path) -> pymysql.Connection[Any]:
    for _ in range(300):
        try:
            return pymysql.connect(unix_socket=str(socket), autocommit=True)
        except pymysql.OperationalError:
            time.sleep(0.1)
    raise SystemExit("mariadbd did not start: apt-get install mariadb-server-core")


def calls_per_second(connection: pymysql.Connection[Any], rows: Iterable[tuple[Any, ...]], rounds: int) -> float:
    """Return how many calls per second the procedure makes of ``rows`` of ``acc``, at best, in one transaction."""
    columns = mixed_traffic.ACC_COLUMNS[1:]
    cursor = connection.cursor()
    cursor.executemany(
        f"INSERT INTO acc ({', '.join(columns)}) VALUES ({', '.join(['%s'] * len(columns))})",
        [row[1:] for row in rows],
    )
    best = 0.0
    for _ in range(rounds):
        cursor.execute("TRUNCATE cdrs")
        cursor.execute("UPDATE acc SET cdr_id = 0")
        begun = time.perf_counter()
        cursor.execute("BEGIN")
        cursor.execute("CALL make_cdrs()")
        cursor.execute("COMMIT")
        seconds = time.perf_counter() - begun
        cursor.execute("SELECT COUNT(*) FROM cdrs")
        best = max(best, cursor.fetchone()[0] / seconds)
    return best
