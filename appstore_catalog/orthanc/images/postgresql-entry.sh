#!/bin/sh
# Starts PostgreSQL; on an empty volume it makes the database first.
#
#   PGDATA                  the data folder, one level below the volume
#   POSTGRES_USER, _DB      the application's role and its database
#   POSTGRES_PASSWORD_FILE  a file with that role's password; read anew at every start
#
# The superuser is this container's own user: it has no password and no way in over the network.
set -eu

: "${PGDATA:?}" "${POSTGRES_USER:?}" "${POSTGRES_DB:?}" "${POSTGRES_PASSWORD_FILE:?}"
umask 077

# One SQL statement a line: that is how the server reads in single-user mode. The password comes
# through a pipe, so it stands in no argument list and no log.
sql() {
  postgres --single -j -D "$1" -c log_statement=none -c log_min_error_statement=panic postgres \
    >/dev/null
}
quoted() { sed "s/'/''/g" "$POSTGRES_PASSWORD_FILE" | tr -d '\n'; }

if [ ! -s "$PGDATA/PG_VERSION" ]; then
  # Made under another name and renamed when it is whole: a pod that is killed here starts afresh.
  rm -rf "$PGDATA.new"
  initdb -D "$PGDATA.new" -U champ -E UTF8 --locale=C.UTF-8 --data-checksums \
    --auth-local=peer --auth-host=scram-sha-256 >&2
  echo 'host all all all scram-sha-256' >>"$PGDATA.new/pg_hba.conf"
  printf 'CREATE ROLE "%s" LOGIN;\n\nCREATE DATABASE "%s" OWNER "%s";\n\n' \
    "$POSTGRES_USER" "$POSTGRES_DB" "$POSTGRES_USER" | sql "$PGDATA.new"
  mv "$PGDATA.new" "$PGDATA"
fi

# Left by a container that was killed; the volume belongs to one pod at a time.
rm -f "$PGDATA/postmaster.pid"
printf 'ALTER ROLE "%s" PASSWORD '\''%s'\'';\n\n' "$POSTGRES_USER" "$(quoted)" | sql "$PGDATA"

exec postgres -c listen_addresses='*' -c unix_socket_directories=/run/postgresql "$@"
