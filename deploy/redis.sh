#!/bin/sh
# Start Redis with the password from the environment. It goes over standard input: as an argument every process list
# would show it.
set -eu
exec redis-server - <<CONFIG
$(cat "${REDIS_CONF:-/etc/maze/redis.conf}")
requirepass ${REDIS_PASSWORD:?}
CONFIG
