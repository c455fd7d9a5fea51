#!/bin/sh
# It says which data it keeps; where further bots need the program it refuses.
set -e
case $1 in remove | 0) ;; *) exit 0 ;; esac
if [ -e /opt/imgbot/current ]; then /usr/bin/imgbot uninstall; fi
