#!/bin/sh
# What the image's own entrypoint does: as root it gives the volume to its user, and becomes that user.
set -eu
if [ "$(id -u)" = 0 ]; then
    chown -R seaweed:seaweed /data
    exec setpriv --reuid=1000 --regid=1000 --clear-groups weed "$@"
fi
exec weed "$@"
