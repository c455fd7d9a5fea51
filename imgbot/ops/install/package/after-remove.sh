#!/bin/sh
set -e
if [ "$1" = purge ]; then rm -rf /etc/imgbot /var/lib/imgbot /var/lib/private/imgbot; fi
if [ -d /run/systemd/system ]; then systemctl daemon-reload; fi
