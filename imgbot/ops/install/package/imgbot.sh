#!/bin/sh
# What is installed and runs answers; `install` itself, and what it leaves out, is the package's.
case ${1:-} in
  install | demo | loadtest | prove) ;;
  *) [ ! -x /opt/imgbot/current/bin/imgbot ] || exec /opt/imgbot/current/bin/imgbot "$@" ;;
esac
exec /usr/lib/imgbot/imgbot "$@"
